#include "scale/simulate_command.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/sheet.h"
#include "scale/agreement.h"
#include "scale/draw.h"
#include "scale/simgrid.h"
#include "scale/simulate_options.h"
#include "scale/study.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct sheet_column columns[] = {
    { "algorithm", "algorithm", NULL, SHEET_TEXT },
    { "ranks", "GPUs", NULL, SHEET_NUMBER },
    { "bytes", NULL, NULL, SHEET_NUMBER },
    { "size", "size", NULL, SHEET_SHOWN },
    { "time_us", "time", "us", SHEET_NUMBER },
    { "algbw_GBps", "algbw", "GB/s", SHEET_NUMBER },
    { "busbw_GBps", "busbw", "GB/s", SHEET_NUMBER },
    { "protocol", "protocol", NULL, SHEET_TEXT },
    { "busiest", "busiest link", NULL, SHEET_TEXT },
    { "busy", "busy", "%", SHEET_NUMBER },
    { "played", "ranks played", NULL, SHEET_NUMBER },
    { "engine", NULL, NULL, SHEET_TEXT },
    { "cluster", NULL, NULL, SHEET_TEXT },
};

static void add_row(struct sheet *sheet, const struct simulation *s, const struct simulated *r, const struct record_case *c)
{
    char t[UNITS_TEXT];
    sheet_row(sheet);
    sheet_text(sheet, "algorithm", "%s", s->algorithm->name);
    sheet_number(sheet, "ranks", s->group.nranks);
    sheet_number(sheet, "bytes", (double)c->bytes);
    sheet_text(sheet, "size", "%s", units_bytes(t, c->bytes));
    sheet_number(sheet, "time_us", c->time_us.median);
    sheet_number(sheet, "algbw_GBps", c->algbw_GBps);
    sheet_number(sheet, "busbw_GBps", c->busbw_GBps);
    sheet_text(sheet, "protocol", "%s", r->protocol);
    sheet_text(sheet, "busiest", "%s", r->busiest);
    sheet_number(sheet, "busy", r->busiest[0] != '\0' ? 100 * r->busiest_share : NAN);
    sheet_number(sheet, "played", r->period);
    sheet_text(sheet, "engine", "%s", s->engine);
    sheet_text(sheet, "cluster", "%s", s->cluster->name);
}

/* --- the session --- */

int session_simulate(struct simulate_session *x, const struct simulation *s)
{
    struct simulated r;
    struct record_case c;
    RB_TRY(simulate(s, &r));
    simulation_record(s, &r, &c);
    if (x->output != NULL)
        RB_TRY(records_write_case(x->output, &c));
    records_add_case(&x->records, &c);
    return RB_OK;
}

static void session_close(struct simulate_session *x)
{
    if (x->output != NULL)
        fclose(x->output);
    records_free(&x->records);
    cluster_free(&x->cluster);
    links_free(&x->links);
    catalogue_free(&x->catalogue);
}

static void echo(void *object, const char *name, const char *value)
{
    json_object_set_new(object, name, json_string(value));
}

static int open_output(struct simulate_session *x)
{
    if (x->settings->output == NULL)
        return RB_OK;
    x->output = fopen(x->settings->output, "a");
    if (x->output == NULL)
        return rb_fail(RB_EUSAGE, "--output %s: %s", x->settings->output, strerror(errno));
    json_t *settings = json_object();
    options_echo(&simulate_options, x->settings, echo, settings);
    const bool simgrid = simgrid_plays(x->settings->engine);
    json_t *run = json_pack("{ss,ss,ss,so}", "evidence", "simulated", "engine", x->settings->engine, "engine_version",
                            simgrid ? simgrid_version() : SIMULATE_VERSION, "settings", settings);
    const int rc = records_write_json(x->output, "run", run);
    json_decref(run);
    return rc;
}

static int change_cluster(struct simulate_session *x)
{
    const struct simulate_settings *s = x->settings;
    char number[40];
    snprintf(number, sizeof number, "%.17g", s->oversubscription);
    const struct {
        const char *key, *value;
    } changes[] = { { "nic", s->nic }, { "placement", s->placement }, { "slow_node", s->slow_node }, { "slow_gpu", s->slow_gpu },
                    { "oversubscription", s->oversubscription > 0 ? number : NULL } };
    for (size_t i = 0; i < RB_LEN(changes); i++)
        if (changes[i].value != NULL)
            RB_TRY(cluster_change(&x->cluster, changes[i].key, changes[i].value, &x->catalogue, &x->links));
    return RB_OK;
}

static int session_open(struct simulate_session *x)
{
    RB_TRY(catalogue_load(&x->catalogue, x->settings->catalogue));
    RB_TRY(links_load(&x->links));
    if (x->settings->cluster != NULL) {
        RB_TRY(cluster_load(&x->cluster, x->settings->cluster, &x->catalogue, &x->links));
        RB_TRY(change_cluster(x));
    }
    return RB_OK;
}

/* --- one set of sizes --- */

/* Messages that are the whole buffer, passed on from rank to rank. */
static bool waits_for_whole_messages(const struct simulation *s)
{
    return s->piece_bytes == 0 && s->group.nranks > 2 &&
           (strcmp(s->algorithm->family, "tree") == 0 || collective_get(s->algorithm->collective)->rooted);
}

/* Each of several cases has a folder of its own in --keep's. */
static int simulate_kept(const struct simulate_session *x, const struct simulation *s, struct simulated *r)
{
    const struct simulate_settings *o = x->settings;
    const bool several = strchr(o->algorithm, ',') != NULL || (double)o->min_bytes * o->factor <= (double)o->max_bytes * 1.0001;
    if (o->keep == NULL || !several)
        return simulate(s, r);
    if (mkdir(o->keep, 0777) != 0 && errno != EEXIST)
        return rb_fail(RB_EUSAGE, "--keep %s: cannot be made: %s", o->keep, strerror(errno));
    char *folder = rb_format("%s/%s-%llu", o->keep, s->algorithm->name, (unsigned long long)s->bytes);
    struct simulation one = *s;
    one.keep = folder;
    const int rc = simulate(&one, r);
    free(folder);
    return rc;
}

static int run_sizes(struct simulate_session *x, struct simulation *s, struct sheet *sheet)
{
    RB_TRY(simulation_check(s));
    x->whole_messages = x->whole_messages || waits_for_whole_messages(s);
    for (double size = (double)x->settings->min_bytes; size <= (double)x->settings->max_bytes * 1.0001; size *= x->settings->factor) {
        struct simulated r;
        struct record_case c;
        s->bytes = (uint64_t)(size + 0.5);
        RB_TRY(simulate_kept(x, s, &r));
        simulation_record(s, &r, &c);
        if (x->output != NULL)
            RB_TRY(records_write_case(x->output, &c));
        add_row(sheet, s, &r, &c);
    }
    return RB_OK;
}

static int run_named(struct simulate_session *x, const char *name, struct sheet *sheet)
{
    const struct simulate_settings *o = x->settings;
    const struct algorithm *a;
    RB_TRY(algorithm_require(name, &a));
    struct simulation s = { .cluster = &x->cluster, .algorithm = a, .piece_bytes = o->piece, .engine = o->engine,
                            .protocol = o->protocol, .keep = o->keep, .every_rank = o->every_rank };
    s.group = (struct group){ .nranks = o->ranks > 0 ? (int)o->ranks : cluster_gpus(&x->cluster), .root = (int)o->root, .servers = (int)o->servers };
    return run_sizes(x, &s, sheet);
}

static int run_algorithms(struct simulate_session *x)
{
    struct sheet *sheet = sheet_new(columns, RB_LEN(columns));
    char *list = rb_strdup(x->settings->algorithm), *rest = list;
    int rc = RB_OK;
    for (char *name; rc == RB_OK && (name = strsep(&rest, ",")) != NULL;)
        rc = run_named(x, name, sheet);
    sheet_hide_empty(sheet);
    if (rc == RB_OK && strcmp(x->settings->format, "table") == 0)
        draw_line(&x->cluster, stdout);
    if (rc == RB_OK)
        sheet_print(sheet, x->settings->format, "simulation", NULL);
    if (rc == RB_OK && x->whole_messages && strcmp(x->settings->format, "table") == 0)
        printf("# trees, broadcasts and reductions pass whole messages on; --piece 1M lets their pieces follow each other\n");
    sheet_free(sheet);
    free(list);
    return rc;
}

static void list_algorithms(void)
{
    for (size_t i = 0; i < algorithm_count; i++)
        printf("%-28s %-15s %s\n", algorithms[i]->name, collective_get(algorithms[i]->collective)->name, algorithms[i]->summary);
}

static int check_sizes(const struct simulate_settings *s)
{
    if (s->min_bytes < 4)
        return rb_fail(RB_EUSAGE, "-b %llu: sizes go from 4 bytes up", (unsigned long long)s->min_bytes);
    if (s->min_bytes > s->max_bytes)
        return rb_fail(RB_EUSAGE, "-b %llu -e %llu: the smallest size is above the largest", (unsigned long long)s->min_bytes, (unsigned long long)s->max_bytes);
    return RB_OK;
}

/* Studies and the published logs bring their own clusters and schedules. */
static int refuse_others(const struct simulate_settings *s)
{
    const char *const other = s->cluster != NULL                          ? "--cluster"
                              : strcmp(s->algorithm, "ring_all_reduce") != 0 ? "--algorithm"
                              : strcmp(s->engine, "cost") != 0               ? "--engine"
                              : strcmp(s->protocol, "auto") != 0             ? "--protocol"
                              : s->keep != NULL                              ? "--keep"
                              : s->piece > 0                                 ? "--piece"
                              : s->every_rank                                ? "--every-rank"
                              : s->draw != NULL                              ? "--draw"
                                                                             : NULL;
    if (other == NULL)
        return RB_OK;
    return rb_fail(RB_EUSAGE, "%s: --%s brings its own clusters and schedules, played by --engine cost; it takes -n, --output, --catalogue and --format", other,
                   s->agreement ? "agreement" : "study");
}

static int run(struct simulate_session *x)
{
    const struct simulate_settings *s = x->settings;
    if (s->agreement || s->study != NULL)
        RB_TRY(refuse_others(s));
    if (s->agreement)
        return agreement_print(&x->catalogue, &x->links, s->format);
    if (s->study != NULL) {
        RB_TRY(open_output(x));
        return study_run(x, s->study);
    }
    if (s->cluster == NULL)
        return rb_fail(RB_EUSAGE, "simulate needs --cluster, like 8xH800 or 128x8xH100; --list shows those with a name");
    if (s->draw != NULL)
        return draw_cluster(&x->cluster, s->draw, stdout);
    RB_TRY(check_sizes(s));
    if (simgrid_plays(s->engine))
        RB_TRY(simgrid_check());
    else if (s->keep != NULL)
        return rb_fail(RB_EUSAGE, "--keep: the files are SimGrid's: --engine simgrid");
    RB_TRY(open_output(x));
    return run_algorithms(x);
}

int simulate_command(int argc, char **argv)
{
    struct simulate_settings s = {0};
    bool help;
    RB_TRY(options_parse(&simulate_options, &s, argc, argv, NULL, 0, NULL, &help));
    if (help) {
        options_help(&simulate_options, stdout);
        study_help(stdout);
        return RB_OK;
    }
    if (s.list)
        return cluster_print_presets();
    if (strcmp(s.algorithm, "list") == 0) {
        list_algorithms();
        return RB_OK;
    }
    s.engine = simgrid_engine(s.engine);
    struct simulate_session x = { .settings = &s };
    int rc = session_open(&x);
    if (rc == RB_OK)
        rc = run(&x);
    session_close(&x);
    return rc;
}
