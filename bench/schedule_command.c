#include "bench/schedule_command.h"

#include "collectives/cost.h"
#include "collectives/prove.h"
#include "collectives/types.h"
#include "core/error.h"
#include "core/options.h"
#include "core/text.h"
#include "core/units.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *algorithm, *format;
    uint64_t ranks, rank, root, servers, bytes;
    double alpha, rate;
    bool slots, all;
};

static const char *const formats[] = { "table", "json", NULL };

#define AT(field) OPTION_AT(settings, field)
static const struct option_row rows[] = {
    { 0, "algorithm", NULL, OPTION_TEXT, AT(algorithm), "its name, or \"list\" for all of them", NULL, 0, 0 },
    { 'n', "ranks", "4", OPTION_COUNT, AT(ranks), "ranks that take part", NULL, 1, 1024 },
    { 0, "rank", "0", OPTION_COUNT, AT(rank), "the rank whose steps are shown", NULL, 0, 0 },
    { 0, "all", NULL, OPTION_FLAG, AT(all), "show the steps of every rank", NULL, 0, 0 },
    { 'r', "root", "0", OPTION_COUNT, AT(root), "root of broadcast and reduce", NULL, 0, 0 },
    { 0, "servers", "1", OPTION_COUNT, AT(servers), "parameter server: how many serve", NULL, 1, 1024 },
    { 'b', "bytes", "64M", OPTION_BYTES, AT(bytes), "message size (nccl-tests' size) for bytes and cost", NULL, 0, 0 },
    { 0, "alpha", "1us", OPTION_SECONDS, AT(alpha), "latency of a message, for the cost", NULL, 0, 0 },
    { 0, "rate", "25", OPTION_NUMBER, AT(rate), "GB/s of a port in each direction, for the cost", NULL, 1e-6, 1e6 },
    { 0, "slots", NULL, OPTION_FLAG, AT(slots), "the plan without direct access", NULL, 0, 0 },
    { 0, "format", "table", OPTION_CHOICE, AT(format), "how to print", formats, 0, 0 },
};

static const struct option_table table = {
    "ringbench schedule --algorithm NAME -n N [options]",
    "The steps of an algorithm, the proof that they are right, the bytes on every edge, and what they cost.", rows, RB_LEN(rows),
};

/* What is shown, computed once for every format. */
struct shown {
    const struct settings *s;
    const struct algorithm *a;
    struct group g;
    struct plan *plans;
    struct proof proof;
    uint64_t count, *edges;
    struct traffic traffic;
    double seconds;
};

static void list_json(FILE *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < algorithm_count; i++)
        json_array_append_new(list, json_pack("{ss,ss,ss}", "algorithm", algorithms[i]->name, "collective",
                                              collective_get(algorithms[i]->collective)->name, "summary", algorithms[i]->summary));
    json_dumpf(list, out, JSON_INDENT(1));
    fprintf(out, "\n");
    json_decref(list);
}

static void list_algorithms(FILE *out)
{
    for (size_t i = 0; i < algorithm_count; i++)
        fprintf(out, "%-28s %-15s %s\n", algorithms[i]->name, collective_get(algorithms[i]->collective)->name, algorithms[i]->summary);
}

static int check(const struct settings *s, const struct algorithm *a)
{
    const int n = (int)s->ranks;
    if (n < a->min_ranks)
        return rb_fail(RB_EUSAGE, "%s needs at least %d ranks", a->name, a->min_ranks);
    if (s->rank >= s->ranks || s->root >= s->ranks)
        return rb_fail(RB_EUSAGE, "--%s %llu: the ranks are 0 to %d", s->rank >= s->ranks ? "rank" : "root",
                       (unsigned long long)(s->rank >= s->ranks ? s->rank : s->root), n - 1);
    if (a->uses_servers && s->servers > (uint64_t)a->max_servers(n))
        return rb_fail(RB_EUSAGE, "--servers %llu: %s with %d ranks takes 1 to %d", (unsigned long long)s->servers, a->name, n, a->max_servers(n));
    return RB_OK;
}

static void add_traffic(struct shown *x)
{
    const size_t n = (size_t)x->g.nranks;
    x->edges = rb_calloc(n * n, sizeof *x->edges);
    schedule_edges(x->a, &x->g, x->plans, x->count, sizeof(float), x->edges);
    x->traffic = traffic_sum(x->edges, x->g.nranks);
}

static const char *buffer_name(enum chunk_buffer b)
{
    static const char *const names[] = { [BUFFER_NONE] = "", [BUFFER_IN] = "in", [BUFFER_OUT] = "out", [BUFFER_THROUGH] = "through" };
    return names[b];
}

static void chunk_text(struct chunk c, struct text *t)
{
    if (c.buffer == BUFFER_NONE)
        text_add(t, "-");
    else
        text_add(t, "%s[%d]", buffer_name(c.buffer), c.index);
}

static void peers_text(const int *peers, int n, struct text *t)
{
    for (int i = 0; i < n; i++)
        text_add(t, "%s%d", i > 0 ? "," : "", peers[i]);
    if (n == 0)
        text_add(t, "-");
}

static const struct { unsigned flag; const char *name; } flag_names[] = {
    { STEP_FINISH, "finish" },       { STEP_PULL_SEND, "publish" },     { STEP_PULL_RECV, "pull" },
    { STEP_PUSH_SEND, "push" },      { STEP_PUSH_RECV, "pushed" },      { STEP_GRANT, "grant" },
};

static void flags_text(unsigned flags, struct text *t)
{
    bool first = true;
    for (size_t i = 0; i < RB_LEN(flag_names); i++)
        if (flags & flag_names[i].flag) {
            text_add(t, "%s%s", first ? "" : " ", flag_names[i].name);
            first = false;
        }
    if (first)
        text_add(t, "-");
}

static void print_steps(const struct shown *x, int rank, FILE *out)
{
    const struct plan *p = &x->plans[rank];
    fprintf(out, "\nrank %d: %d steps, %d lane%s\n", rank, p->nsteps, p->nlanes, p->nlanes == 1 ? "" : "s");
    fprintf(out, "  %4s %4s  %-14s %-14s %-12s %-12s %s\n", "step", "lane", "receive from", "send to", "operand", "result", "how");
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        struct text cells[5] = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } };
        peers_text(s->recv_from, s->nrecv, &cells[0]);
        peers_text(s->send_to, s->nsend, &cells[1]);
        chunk_text(s->src, &cells[2]);
        chunk_text(s->dst, &cells[3]);
        flags_text(s->flags, &cells[4]);
        if (s->after >= 0)
            text_add(&cells[4], " after step %d", s->after);
        fprintf(out, "  %4d %4d  %-14s %-14s %-12s %-12s %s\n", i, s->lane, cells[0].chars, cells[1].chars, cells[2].chars, cells[3].chars, cells[4].chars);
        for (size_t k = 0; k < RB_LEN(cells); k++)
            text_free(&cells[k]);
    }
}

enum { WIDEST_MATRIX = 16 };

static void print_edges(const struct shown *x, FILE *out)
{
    const int n = x->g.nranks;
    char a[UNITS_TEXT];
    fprintf(out, "\nbytes of one call of %s, from row to column\n", units_bytes(a, x->s->bytes));
    for (int r = -1; n <= WIDEST_MATRIX && r < n; r++) {
        if (r < 0)
            fprintf(out, "  %10s", "from\\to");
        else
            fprintf(out, "  %10d", r);
        for (int k = 0; k < n; k++)
            if (r < 0)
                fprintf(out, " %10d", k);
            else
                fprintf(out, " %10s", x->edges[r * n + k] > 0 ? units_bytes(a, x->edges[r * n + k]) : ".");
        fprintf(out, "\n");
    }
    fprintf(out, "  busiest rank sends %llu B", (unsigned long long)x->traffic.egress);
    fprintf(out, " and receives %llu B; busiest edge %llu B; total %llu B\n", (unsigned long long)x->traffic.ingress, (unsigned long long)x->traffic.edge,
            (unsigned long long)x->traffic.total);
}

static void print_order(const struct shown *x, FILE *out)
{
    if (!collective_get(x->a->collective)->reduces || x->g.nranks > 8)
        return;
    struct text t = {0};
    int owner = 0;
    while (owner < x->g.nranks - 1 && x->proof.out[owner * x->proof.out_chunks] < 0)
        owner++;
    proof_expression(&x->proof, owner, 0, &t);
    if (t.chars != NULL)
        fprintf(out, "  order of the reduction of chunk 0 on rank %d (contributor.chunk): %s\n", owner, t.chars);
    text_free(&t);
}

static void print_table(const struct shown *x, FILE *out)
{
    char t[UNITS_TEXT];
    fprintf(out, "%s: %s\n", x->a->name, x->a->summary);
    fprintf(out, "%s over %d ranks, %d chunk%s a block", collective_get(x->a->collective)->name, x->g.nranks, x->a->cuts(&x->g),
            x->a->cuts(&x->g) == 1 ? "" : "s");
    if (x->a->uses_servers)
        fprintf(out, ", %d server%s", x->g.servers, x->g.servers == 1 ? "" : "s");
    fprintf(out, "\n");
    for (int r = 0; r < x->g.nranks; r++)
        if (x->s->all || r == (int)x->s->rank)
            print_steps(x, r, out);
    fprintf(out, "\nproof: %s%s\n", x->proof.holds ? "holds for every interleaving, connections of one slot and more" : "FAILS: ", x->proof.why);
    fprintf(out, "  %d message%s one after the other on the longest chain\n", x->proof.hops, x->proof.hops == 1 ? "" : "s");
    print_order(x, out);
    print_edges(x, out);
    fprintf(out, "\ncost: %s (model: %.3g us a message, %.4g GB/s a port and direction, whole chunks, free arithmetic)\n",
            units_seconds(t, x->seconds), x->s->alpha * 1e6, x->s->rate);
}

static json_t *peers_json(const int *peers, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_integer(peers[i]));
    return list;
}

static json_t *steps_json(const struct plan *p)
{
    json_t *list = json_array();
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        struct text src = {0}, dst = {0}, how = {0};
        chunk_text(s->src, &src);
        chunk_text(s->dst, &dst);
        flags_text(s->flags, &how);
        json_array_append_new(list, json_pack("{si,so,so,ss,ss,ss,si}", "lane", s->lane, "receive_from", peers_json(s->recv_from, s->nrecv), "send_to",
                                              peers_json(s->send_to, s->nsend), "operand", src.chars, "result", dst.chars, "how", how.chars, "after", s->after));
        text_free(&src);
        text_free(&dst);
        text_free(&how);
    }
    return list;
}

static void print_json(const struct shown *x, FILE *out)
{
    json_t *ranks = json_array(), *edges = json_array();
    const int n = x->g.nranks;
    for (int r = 0; r < n; r++) {
        json_array_append_new(ranks, steps_json(&x->plans[r]));
        for (int k = 0; k < n; k++)
            if (x->edges[r * n + k] > 0)
                json_array_append_new(edges, json_pack("{si,si,sI}", "from", r, "to", k, "bytes", (json_int_t)x->edges[r * n + k]));
    }
    json_t *all = json_pack("{ss,ss,si,si,si,sI,so,sb,ss,si,so,sI,sI,sI,sI,sf}", "algorithm", x->a->name, "collective",
                            collective_get(x->a->collective)->name, "ranks", n, "root", x->g.root, "servers", x->g.servers, "bytes",
                            (json_int_t)x->s->bytes, "steps", ranks, "proof_holds", x->proof.holds, "proof_why", x->proof.why, "hops", x->proof.hops,
                            "edges", edges, "busiest_egress_bytes", (json_int_t)x->traffic.egress, "busiest_ingress_bytes", (json_int_t)x->traffic.ingress,
                            "busiest_edge_bytes", (json_int_t)x->traffic.edge, "total_bytes", (json_int_t)x->traffic.total, "cost_us", x->seconds * 1e6);
    json_dumpf(all, out, JSON_INDENT(1));
    fprintf(out, "\n");
    json_decref(all);
}

static int show(const struct settings *s, const struct algorithm *a)
{
    struct shown x = { .s = s, .a = a, .g = { .nranks = (int)s->ranks, .root = (int)s->root, .servers = (int)s->servers } };
    x.count = s->bytes / sizeof(float) / (uint64_t)collective_get(a->collective)->size_blocks(&x.g);
    RB_TRY(plans_build(&x.plans, a, &x.g, !s->slots));
    prove_plans(a, &x.g, x.plans, &(struct proof_options){ .slots = 1, .pieces = x.g.nranks <= 64 ? 2 : 1, .direct = !s->slots }, &x.proof);
    add_traffic(&x);
    x.seconds = cost_of(a, &x.g, x.plans, x.count, sizeof(float), 0, &(struct cost_links){ s->alpha, s->rate * 1e9, 0 });
    if (strcmp(s->format, "json") == 0)
        print_json(&x, stdout);
    else
        print_table(&x, stdout);
    const int rc = x.proof.holds ? RB_OK : RB_EDATA;
    proof_free(&x.proof);
    plans_free(x.plans, x.g.nranks);
    free(x.edges);
    return rc;
}

int schedule_command(int argc, char **argv)
{
    struct settings s = {0};
    bool help;
    RB_TRY(options_parse(&table, &s, argc, argv, NULL, 0, NULL, &help));
    if (help) {
        options_help(&table, stdout);
        return RB_OK;
    }
    if (s.algorithm == NULL)
        return rb_fail(RB_EUSAGE, "schedule needs --algorithm NAME; --algorithm list shows them");
    if (strcmp(s.algorithm, "list") == 0) {
        (strcmp(s.format, "json") == 0 ? list_json : list_algorithms)(stdout);
        return RB_OK;
    }
    const struct algorithm *a;
    RB_TRY(algorithm_require(s.algorithm, &a));
    RB_TRY(check(&s, a));
    return show(&s, a);
}
