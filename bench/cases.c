#include "bench/cases.h"

#include "collectives/baseline/baseline.h"
#include "collectives/transport/transport.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>

struct builder {
    struct cases *cases;
    const struct settings *settings;
    int nranks;
    const char *const *transports;
    size_t ntransports;
};

struct group suite_group(const struct suite *suite, const struct subject *subject, int nranks, const int *ring)
{
    const int servers = subject->servers > 0 ? subject->servers : suite->servers;
    return (struct group){ .nranks = nranks, .root = suite->root, .servers = servers, .ring = ring, .nodes = subject->nodes };
}

int suite_placements(const struct suite *suite)
{
    return collective_get(suite->collective)->in_place ? 2 : 1;
}

uint64_t suite_in_bytes(const struct suite *suite, const struct group *g, int rank, uint64_t count)
{
    return (uint64_t)collective_get(suite->collective)->in_blocks(g, rank) * count * type_bytes(suite->type);
}

uint64_t suite_out_bytes(const struct suite *suite, const struct group *g, int rank, uint64_t count)
{
    return (uint64_t)collective_get(suite->collective)->out_blocks(g, rank) * count * type_bytes(suite->type);
}

/* The default set leaves out the collectives that the tensor-parallel question does not ask for. */
static bool wants_collective(const struct settings *s, enum collective_id id)
{
    const char *name = collective_get(id)->name;
    if (options_list_has(s->collectives, name) || (id == COLLECTIVE_ALLTOALL && options_list_has(s->collectives, "all_to_all")))
        return true;
    const bool usual = id == COLLECTIVE_ALL_REDUCE || id == COLLECTIVE_REDUCE_SCATTER || id == COLLECTIVE_ALL_GATHER || id == COLLECTIVE_PUSH_PULL;
    return usual && options_list_has(s->collectives, "default");
}

static bool wants_algorithm(const struct settings *s, const struct algorithm *a)
{
    return options_list_has(s->algorithms, a->name) || options_list_has(s->algorithms, a->family);
}

static int servers_limit(const struct algorithm *a, int nranks)
{
    return a->uses_servers ? a->max_servers(nranks) : 0;
}

static bool wants_servers(const struct settings *s, const struct algorithm *a, int nranks, int k)
{
    if (strcmp(s->servers, "auto") == 0)
        return k == 1 || (k == servers_limit(a, nranks) && k == nranks);
    char word[16];
    snprintf(word, sizeof word, "%d", k);
    return options_list_has(s->servers, word);
}

static void add_subject(struct suite *suite, const struct subject *subject)
{
    suite->subjects = rb_realloc(suite->subjects, (suite->nsubjects + 1) * sizeof *suite->subjects);
    suite->subjects[suite->nsubjects++] = *subject;
}

static const struct { const char *name; enum comm_protocol protocol; } protocols[] = {
    { "auto", PROTOCOL_AUTO }, { "slots", PROTOCOL_SLOTS }, { "direct", PROTOCOL_DIRECT }, { "ll", PROTOCOL_LL }, { "ll128", PROTOCOL_LL128 },
};

static void add_protocols(const struct builder *b, struct suite *suite, struct subject subject)
{
    for (size_t i = 0; i < RB_LEN(protocols); i++) {
        const bool asked = options_list_has(b->settings->protocols, protocols[i].name) ||
                           (protocols[i].protocol == PROTOCOL_SLOTS && options_list_has(b->settings->protocols, "simple"));
        const bool only_auto = strcmp(b->settings->protocols, "all") == 0 && protocols[i].protocol == PROTOCOL_AUTO;
        const struct transport_ops *transport = transport_find(subject.transport); /* NULL: auto */
        const bool possible = protocols[i].protocol == PROTOCOL_DIRECT ? subject.algorithm->direct && (transport == NULL || transport->direct)
                              : protocols[i].protocol < PROTOCOL_DIRECT || (transport != NULL && transport->lines);
        subject.protocol = protocols[i].protocol;
        if (asked && !only_auto && possible)
            add_subject(suite, &subject);
    }
}

/* Levels without groups of several ranks are a ring or a tree over all: measured when they are asked for. */
static bool is_flat(const struct builder *b, const struct algorithm *a)
{
    const uint64_t nodes = b->settings->nodes;
    return a->uses_nodes && strcmp(b->settings->algorithms, "all") == 0 && (nodes <= 1 || nodes == (uint64_t)b->nranks);
}

static void add_algorithm(const struct builder *b, struct suite *suite, const struct algorithm *a)
{
    if (b->nranks < a->min_ranks || !wants_algorithm(b->settings, a) || is_flat(b, a))
        return;
    const int limit = servers_limit(a, b->nranks);
    for (size_t t = 0; t < b->ntransports; t++) {
        struct subject subject = { .algorithm = a, .transport = b->transports[t], .nodes = a->uses_nodes ? (int)b->settings->nodes : 0 };
        if (!a->uses_servers)
            add_protocols(b, suite, subject);
        for (int k = 1; k <= limit; k++) {
            subject.servers = k;
            const bool same_meaning = suite->servers == 0 || suite->servers == k;
            if (same_meaning && wants_servers(b->settings, a, b->nranks, k))
                add_protocols(b, suite, subject);
        }
    }
}

static uint64_t next_size(const struct settings *s, uint64_t bytes)
{
    const uint64_t next = s->step_bytes > 0 ? bytes + s->step_bytes : bytes * s->step_factor;
    return next > bytes ? next : UINT64_MAX;
}

/* Any count is legal, but at least one element a block; sizes that fall together are measured once. */
static void add_sizes(const struct builder *b, struct suite *suite)
{
    const struct group g = { .nranks = b->nranks, .root = suite->root, .servers = suite->servers };
    const uint64_t blocks = (uint64_t)collective_get(suite->collective)->size_blocks(&g);
    const uint64_t unit = type_bytes(suite->type) * blocks;
    for (uint64_t bytes = b->settings->min_bytes; bytes <= b->settings->max_bytes; bytes = next_size(b->settings, bytes)) {
        const uint64_t count = bytes / unit > 0 ? bytes / unit : 1;
        if (suite->nsizes > 0 && suite->sizes[suite->nsizes - 1].count == count)
            continue;
        if (suite->nsizes % 64 == 0)
            suite->sizes = rb_realloc(suite->sizes, (suite->nsizes + 64) * sizeof *suite->sizes);
        suite->sizes[suite->nsizes++] = (struct size){ count, count * unit };
    }
}

static void add_baselines(const struct builder *b, struct suite *suite)
{
    const struct settings *s = b->settings;
    const struct baseline_ops *ops = baseline_find(s->baseline);
    const struct baseline_call call = { .collective = suite->collective, .group = { .nranks = b->nranks }, .count = 1, .type = suite->type,
                                        .op = suite->op };
    if (ops == NULL || !ops->supports(NULL, &call, &suite->unmatched))
        return;
    for (size_t i = 0; i < s->nbaselines; i++)
        add_subject(suite, &(struct subject){ .transport = s->baselines[i] });
    if (s->nbaselines == 0)
        add_subject(suite, &(struct subject){ .transport = s->baseline });
}

static void keep_suite(const struct builder *b, struct suite *suite)
{
    struct cases *c = b->cases;
    if (suite->nsubjects == 0) {
        free(suite->subjects);
        return;
    }
    add_baselines(b, suite);
    add_sizes(b, suite);
    c->suites = rb_realloc(c->suites, (c->nsuites + 1) * sizeof *c->suites);
    c->suites[c->nsuites++] = *suite;
    c->total += suite->nsubjects * suite->nsizes * (size_t)suite_placements(suite);
}

static void add_suite(const struct builder *b, struct suite suite)
{
    for (size_t i = 0; i < algorithm_count; i++)
        if (algorithms[i]->collective == suite.collective)
            add_algorithm(b, &suite, algorithms[i]);
    keep_suite(b, &suite);
}

/* push_pull means something else with every number of dedicated servers: a suite for each. */
static void add_servers(const struct builder *b, struct suite suite)
{
    if (suite.collective != COLLECTIVE_PUSH_PULL) {
        add_suite(b, suite);
        return;
    }
    for (suite.servers = 1; suite.servers < b->nranks; suite.servers++)
        add_suite(b, suite);
}

static void add_roots(const struct builder *b, struct suite suite)
{
    const bool rooted = collective_get(suite.collective)->rooted;
    for (suite.root = 0; suite.root < (rooted ? b->nranks : 1); suite.root++) {
        char word[16];
        snprintf(word, sizeof word, "%d", suite.root);
        if (!rooted || options_list_has(b->settings->root, word))
            add_servers(b, suite);
    }
}

static void add_ops(const struct builder *b, struct suite suite)
{
    const bool reduces = collective_get(suite.collective)->reduces;
    for (int op = 0; op < (reduces ? OP_COUNT : 1); op++) {
        suite.op = (enum rb_op)op;
        if (!reduces || options_list_has(b->settings->ops, op_name(suite.op)))
            add_roots(b, suite);
    }
}

static void add_types(const struct builder *b, enum collective_id id)
{
    for (int t = 0; t < TYPE_COUNT; t++)
        if (options_list_has(b->settings->types, type_name((enum rb_type)t)))
            add_ops(b, (struct suite){ .collective = id, .type = (enum rb_type)t });
}

static int check_list(const char *label, const char *list, int limit, const char *why)
{
    char *copy = rb_strdup(list), *at = copy;
    int rc = RB_OK;
    uint64_t number;
    for (char *word; rc == RB_OK && (word = strsep(&at, ",")) != NULL;)
        if (units_parse_count(word, &number) && number > (uint64_t)limit)
            rc = rb_fail(RB_EUSAGE, "%s %s: at most %d %s", label, word, limit, why);
    free(copy);
    return rc;
}

static void find_largest(struct cases *c, int nranks)
{
    for (size_t i = 0; i < c->nsuites; i++) {
        const struct suite *suite = &c->suites[i];
        const struct group g = suite_group(suite, &suite->subjects[0], nranks, NULL);
        for (int r = 0; r < nranks; r++) {
            const uint64_t count = suite->sizes[suite->nsizes - 1].count;
            const uint64_t bytes = suite_in_bytes(suite, &g, r, count) + suite_out_bytes(suite, &g, r, count);
            if (bytes > c->max_bytes)
                c->max_bytes = bytes;
        }
    }
}

int cases_build(struct cases *c, const struct settings *s, int nranks, const char *const *usable, size_t nusable)
{
    *c = (struct cases){0};
    RB_TRY(check_list("-r", s->root, nranks - 1, "with this many ranks"));
    RB_TRY(check_list("--servers", s->servers, nranks, "with this many ranks"));
    if (s->nodes > 0 && (uint64_t)nranks % s->nodes != 0)
        return rb_fail(RB_EUSAGE, "--nodes %llu: must divide the %d ranks", (unsigned long long)s->nodes, nranks);
    const struct builder b = { c, s, nranks, usable, nusable };
    for (int id = 0; id < COLLECTIVE_COUNT; id++)
        if (wants_collective(s, (enum collective_id)id))
            add_types(&b, (enum collective_id)id);
    find_largest(c, nranks);
    if (c->nsuites == 0)
        return rb_fail(RB_EUSAGE, "nothing to measure: no algorithm of '%s' does '%s' with %d rank%s%s", s->algorithms, s->collectives,
                       nranks, nranks == 1 ? "" : "s", strcmp(s->servers, "auto") != 0 ? " and this --servers" : "");
    return RB_OK;
}

void cases_free(struct cases *c)
{
    for (size_t i = 0; i < c->nsuites; i++) {
        free(c->suites[i].subjects);
        free(c->suites[i].sizes);
    }
    free(c->suites);
    *c = (struct cases){0};
}
