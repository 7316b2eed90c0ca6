#include "scale/study.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "report/plot_scale.h"
#include "report/sheet.h"
#include "scale/simulate_options.h"
#include "scale/study_training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MIB = 1 << 20;
enum { TREE_PIECES = 16 };

/* One simulation of a study. */
struct variant {
    const char *cluster; /* as --cluster */
    const char *key, *value; /* a change of it; NULL: none */
    bool scattered;
    const char *algorithm;
    int ranks, servers;
    uint64_t bytes;
    const char *label;
};

/* Long messages fill a tree only in pieces. */
static uint64_t pieces_for(const struct simulation *s, uint64_t bytes)
{
    return strcmp(s->algorithm->family, "tree") == 0 ? bytes / (uint64_t)s->algorithm->cuts(&s->group) / TREE_PIECES + 1024 : 0;
}

/* Left out when it has more GPUs than were asked for. */
static int run_variant(struct simulate_session *x, const struct variant *v)
{
    struct cluster c;
    if (x->settings->ranks > 0 && (uint64_t)v->ranks > x->settings->ranks)
        return RB_OK;
    RB_TRY(cluster_load(&c, v->cluster, &x->catalogue, &x->links));
    struct simulation s = { .cluster = &c, .algorithm = algorithm_find(v->algorithm), .engine = "cost", .protocol = "auto", .label = v->label,
                            .bytes = v->bytes, .group = { .nranks = v->ranks, .servers = v->servers } };
    int rc = v->key != NULL ? cluster_change(&c, v->key, v->value, &x->catalogue, &x->links) : RB_OK;
    c.scattered = v->scattered;
    if (rc == RB_OK)
        rc = simulation_check(&s);
    s.piece_bytes = rc == RB_OK ? pieces_for(&s, v->bytes) : 0;
    if (rc == RB_OK)
        rc = session_simulate(x, &s);
    cluster_free(&c);
    return rc;
}

/* "16x8xH100" with as many GPUs as asked for. */
static char *cluster_of(const char *model, int gpus)
{
    return gpus <= 8 ? rb_format("%dx%s", gpus, model) : rb_format("%dx8x%s", gpus / 8, model);
}

/* --- the studies --- */

static int run_scaling(struct simulate_session *x)
{
    static const struct {
        const char *algorithm;
        int most;
        bool node_servers; /* one a node; else one */
    } curves[] = {
        { "ring_all_reduce", 16384, false },
        { "two_level_all_reduce", 16384, false },
        { "tree_all_reduce", 16384, false },
        { "parameter_server_colocated", 16384, false },
        { "parameter_server_colocated", 16384, true },
    };
    for (size_t i = 0; i < RB_LEN(curves); i++)
        for (int n = 8; n <= curves[i].most; n *= 2) {
            char *cluster = cluster_of("H100", n);
            const int servers = curves[i].node_servers ? n / 8 : 1;
            const int rc = run_variant(x, &(struct variant){ .cluster = cluster, .algorithm = curves[i].algorithm, .ranks = n, .servers = servers,
                                                             .bytes = 256 * MIB, .label = curves[i].node_servers ? "scaling, as many servers as nodes" : "scaling" });
            free(cluster);
            RB_TRY(rc);
        }
    return RB_OK;
}

static int run_gpus(struct simulate_session *x)
{
    static const char *const models[] = { "H100", "H800" };
    static const int ranks[] = { 8, 64, 512, 4096 };
    for (size_t m = 0; m < RB_LEN(models); m++)
        for (size_t i = 0; i < RB_LEN(ranks); i++)
            for (uint64_t bytes = MIB; bytes <= 1024 * MIB; bytes *= 4) {
                char *cluster = cluster_of(models[m], ranks[i]);
                const int rc = run_variant(x, &(struct variant){ .cluster = cluster, .algorithm = "two_level_all_reduce", .ranks = ranks[i],
                                                                 .bytes = bytes, .label = "gpus" });
                free(cluster);
                RB_TRY(rc);
            }
    return RB_OK;
}

/* In order a ring crosses each leaf's edge once, and the uplinks hardly matter; scattered, every hop between nodes goes over them. */
static int run_oversubscription(struct simulate_session *x)
{
    static const char *const by[] = { "1", "2", "4", "8" }, *const names[] = { "ring_all_reduce", "two_level_all_reduce", "tree_all_reduce" };
    for (size_t k = 0; k < 2 * RB_LEN(names); k++)
        for (size_t i = 0; i < RB_LEN(by); i++) {
            const bool scattered = k >= RB_LEN(names);
            char *label = rb_format("oversubscription%s %s", scattered ? " scattered" : "", by[i]);
            const int rc = run_variant(x, &(struct variant){ .cluster = "64x8xH100", .key = "oversubscription", .value = by[i], .scattered = scattered,
                                                             .algorithm = names[k % RB_LEN(names)], .ranks = 512, .bytes = 256 * MIB, .label = label });
            free(label);
            RB_TRY(rc);
        }
    return RB_OK;
}

static int run_slow(struct simulate_session *x)
{
    static const char *const shares[] = { "1", "0.8", "0.5", "0.25", "0.1" }, *const keys[] = { "slow_gpu", "slow_node" };
    static const char *const names[] = { "ring_all_reduce", "two_level_all_reduce", "tree_all_reduce" };
    for (size_t k = 0; k < RB_LEN(keys); k++)
        for (size_t a = 0; a < RB_LEN(names); a++)
            for (size_t i = 0; i < RB_LEN(shares); i++) {
                char *label = rb_format("%s %s", keys[k], shares[i]), *value = rb_format("3 %s", shares[i]);
                const int rc = run_variant(x, &(struct variant){ .cluster = "16x8xH100", .key = keys[k], .value = value, .algorithm = names[a],
                                                                 .ranks = 128, .bytes = 256 * MIB, .label = label });
                free(label);
                free(value);
                RB_TRY(rc);
            }
    for (size_t i = 0; i < RB_LEN(shares); i += 2) {
        char *label = rb_format("slow_node of 16384 %s", shares[i]), *value = rb_format("3 %s", shares[i]);
        const int rc = run_variant(x, &(struct variant){ .cluster = "2048x8xH100", .key = "slow_node", .value = value, .algorithm = "ring_all_reduce",
                                                         .ranks = 16384, .bytes = 4096 * MIB, .label = label });
        free(label);
        free(value);
        RB_TRY(rc);
    }
    return RB_OK;
}

static int run_incast(struct simulate_session *x)
{
    for (int servers = 1; servers <= 16; servers *= 4)
        for (int n = 2 * servers; n <= 16384; n *= 2) {
            char *cluster = cluster_of("H100", n);
            const int rc = run_variant(x, &(struct variant){ .cluster = cluster, .algorithm = "parameter_server_dedicated", .ranks = n,
                                                             .servers = servers, .bytes = 64 * MIB, .label = "incast" });
            free(cluster);
            RB_TRY(rc);
        }
    return RB_OK;
}

static const struct study {
    const char *name;
    int (*run)(struct simulate_session *x);
    const char *what;
} studies[] = {
    { "scaling", run_scaling, "flat ring, two levels, tree, parameter server: 8 to 16384 H100, 256 MiB" },
    { "gpus", run_gpus, "H800 beside H100, 8 to 4096 GPUs, 1 MiB to 1 GiB" },
    { "oversubscription", run_oversubscription, "512 H100, nodes in order or scattered over the leaves, the leaf switches' uplinks 1/1 to 1/8, 256 MiB" },
    { "slow", run_slow, "128 H100, one GPU's links or one node's at 100 to 10 %, 256 MiB" },
    { "training", study_training, "TP, PP and DP limits: the documents' 2048 x 4090 and 3072 GPUs, then 16 to 16384 H100, H800, A100, 4090" },
    { "incast", run_incast, "1, 4 and 16 dedicated servers, up to 16384 GPUs, 64 MiB" },
};

const char *const study_names[] = { "all", "scaling", "gpus", "oversubscription", "slow", "training", "incast", NULL };

void study_help(FILE *out)
{
    fprintf(out, "\nstudies:\n");
    for (size_t i = 0; i < RB_LEN(studies); i++)
        fprintf(out, "  %-17s %s\n", studies[i].name, studies[i].what);
}

/* --- the table --- */

static const struct sheet_column columns[] = {
    { "label", "study", NULL, SHEET_TEXT },      { "gpu", "GPU", NULL, SHEET_TEXT },          { "algorithm", "algorithm", NULL, SHEET_TEXT },
    { "servers", "servers", NULL, SHEET_NUMBER }, { "ranks", "GPUs", NULL, SHEET_NUMBER },     { "bytes", NULL, NULL, SHEET_NUMBER },
    { "size", "size", NULL, SHEET_SHOWN },        { "time_us", "time", "us", SHEET_NUMBER },   { "busbw_GBps", "busbw", "GB/s", SHEET_NUMBER },
};

static struct sheet *sheet_of(const struct records *r)
{
    char t[UNITS_TEXT];
    struct sheet *s = sheet_new(columns, RB_LEN(columns));
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        sheet_row(s);
        sheet_text(s, "label", "%s", c->label);
        sheet_text(s, "gpu", "%s", c->gpu);
        sheet_text(s, "algorithm", "%s", c->algorithm);
        sheet_number(s, "servers", c->servers > 0 ? (double)c->servers : NAN);
        sheet_number(s, "ranks", c->ranks);
        sheet_number(s, "bytes", (double)c->bytes);
        sheet_text(s, "size", "%s", units_bytes(t, c->bytes));
        sheet_number(s, "time_us", c->time_us.median);
        sheet_number(s, "busbw_GBps", c->busbw_GBps);
    }
    sheet_hide_empty(s);
    return s;
}

/* Where twice the GPUs do not do twice the work any more. */
static void print_where_it_ends(const struct records *r)
{
    printf("\n");
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        const bool first = i == 0 || strcmp(r->cases[i - 1].algorithm, c->algorithm) != 0 || strcmp(r->cases[i - 1].label, c->label) != 0;
        if (strncmp(c->label, "scaling", 7) != 0 || !first)
            continue;
        const size_t k = scale_keeps_half(r, i);
        printf("%-18s %-34s keeps half of its %.4g GB/s up to %d GPUs, %.4g GB/s there\n", c->algorithm, c->label, c->busbw_GBps,
               r->cases[k].ranks, r->cases[k].busbw_GBps);
    }
}

int study_run(struct simulate_session *x, const char *name)
{
    bool scaling = false;
    for (size_t i = 0; i < RB_LEN(studies); i++)
        if (strcmp(name, "all") == 0 || strcmp(name, studies[i].name) == 0) {
            RB_TRY(studies[i].run(x));
            scaling = scaling || studies[i].run == run_scaling;
        }
    if (x->records.ncases == 0)
        return x->answered ? RB_OK : rb_fail(RB_EUSAGE, "--study %s -n %llu: it has no case of so few GPUs", name, (unsigned long long)x->settings->ranks);
    struct sheet *s = sheet_of(&x->records);
    sheet_print(s, x->settings->format, "study", NULL);
    sheet_free(s);
    if (strcmp(x->settings->format, "table") != 0)
        return RB_OK;
    printf("# trees: in %d pieces that follow each other; all else in whole chunks\n", TREE_PIECES);
    if (scaling)
        print_where_it_ends(&x->records);
    return RB_OK;
}
