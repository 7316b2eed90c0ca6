#include "report/compare_cases.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- reading --- */

/* Records begin with an object that has "schema". */
static int is_records(const char *path, bool *records_p)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return rb_fail(RB_EUSAGE, "%s: %s", path, strerror(errno));
    char start[4096];
    const size_t n = fread(start, 1, sizeof start - 1, f);
    start[n] = '\0';
    fclose(f);
    *records_p = start[strspn(start, " \t\r\n")] == '{' && strstr(start, "\"schema\"") != NULL;
    return RB_OK;
}

static int read_run(struct import *run, const char *path)
{
    bool records;
    RB_TRY(is_records(path, &records));
    RB_TRY(records ? records_read(&run->records, path, true) : import_file(run, path));
    return run->records.ncases > 0 ? RB_OK : rb_fail(RB_EUSAGE, "%s: no cases that could be compared", path);
}

int compare_side_read(struct compare_side *side, const char *list)
{
    char *copy = rb_strdup(list), *at = copy;
    int rc = RB_OK;
    for (char *path; rc == RB_OK && (path = strsep(&at, ",")) != NULL;) {
        if (path[0] == '\0')
            rc = rb_fail(RB_EUSAGE, "'%s': an empty file name; write FILE or FILE,FILE,...", list);
        else if (side->n == COMPARE_MAX_RUNS)
            rc = rb_fail(RB_EUSAGE, "'%.60s...': more than %d runs a side", list, COMPARE_MAX_RUNS);
        else
            rc = read_run(&side->runs[side->n++], path);
    }
    free(copy);
    return rc;
}

void compare_side_free(struct compare_side *side)
{
    for (size_t i = 0; i < side->n; i++)
        import_free(&side->runs[i]);
}

/* --- matching --- */

static bool same(const struct record_case *a, const struct record_case *b)
{
    const bool imported = strcmp(a->evidence, "imported") == 0 && strcmp(b->evidence, "imported") == 0;
    return records_same_case(a, b) && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->baseline, b->baseline) == 0 &&
           a->servers == b->servers && (imported || (strcmp(a->transport, b->transport) == 0 && strcmp(a->label, b->label) == 0));
}

/* Same cases have the same. */
static size_t hash(const struct record_case *c)
{
    uint64_t h = 1469598103934665603u ^ c->bytes * 2654435761u ^ (uint64_t)c->ranks << 40 ^ (uint64_t)c->in_place << 50;
    const char *const words[] = { c->collective, c->algorithm, c->type };
    for (size_t i = 0; i < RB_LEN(words); i++)
        for (const char *s = words[i]; *s != '\0'; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (size_t)(h ^ h >> 29);
}

struct table {
    struct compare_pair *pairs;
    size_t n;
    size_t *slots; /* index + 1 of a pair, 0: empty */
    size_t nslots; /* a power of two */
};

static struct compare_pair *find_or_add(struct table *t, const struct record_case *c)
{
    size_t at = hash(c) & (t->nslots - 1);
    for (; t->slots[at] != 0; at = (at + 1) & (t->nslots - 1))
        if (same(t->pairs[t->slots[at] - 1].what, c))
            return &t->pairs[t->slots[at] - 1];
    struct compare_pair *pair = &t->pairs[t->n++];
    t->slots[at] = t->n;
    *pair = (struct compare_pair){ .what = c };
    return pair;
}

/* Times must be positive to have a ratio. */
static bool usable(const struct record_case *c)
{
    for (size_t i = 0; i < c->nsamples; i++)
        if (!(c->samples_us[i] > 0))
            return false;
    return c->time_us.median > 0 && isfinite(c->time_us.median);
}

static void add_run(struct compare_half *h, const struct record_case *c, size_t run, size_t *last_run)
{
    if (!usable(c))
        return;
    if (h->n == 0 || *last_run != run)
        h->n++; /* a case that a run has twice (resumed) counts as it was measured last */
    *last_run = run;
    h->wrong = c->wrong > h->wrong ? c->wrong : h->wrong;
    const bool sampled = c->nsamples > 1;
    h->sampled = sampled && (h->n == 1 || h->sampled);
    h->simulated = strcmp(c->evidence, "simulated") == 0 && (h->n == 1 || h->simulated);
    h->runs[h->n - 1] = (struct sample){ sampled ? c->samples_us : &c->time_us.median, sampled ? c->nsamples : 1 };
    h->medians[h->n - 1] = compare_median(h->runs[h->n - 1]);
}

static void add_side(struct table *t, const struct compare_side *side, int which, size_t *last_run)
{
    for (size_t r = 0; r < side->n; r++)
        for (size_t i = 0; i < side->runs[r].records.ncases; i++) {
            const struct record_case *c = &side->runs[r].records.cases[i];
            struct compare_pair *pair = find_or_add(t, c);
            add_run(&pair->half[which], c, r, &last_run[pair - t->pairs]);
        }
}

static size_t count_cases(const struct compare_side *side)
{
    size_t n = 0;
    for (size_t r = 0; r < side->n; r++)
        n += side->runs[r].records.ncases;
    return n;
}

void compare_match(const struct compare_side *a, const struct compare_side *b, struct compare_pair **pairs_p, size_t *n_p)
{
    const size_t most = count_cases(a) + count_cases(b);
    struct table t = { .pairs = rb_malloc(most * sizeof *t.pairs), .nslots = 16 };
    while (t.nslots < 2 * most)
        t.nslots *= 2;
    t.slots = rb_calloc(t.nslots, sizeof *t.slots);
    size_t *last_run = rb_calloc(most, sizeof *last_run);
    add_side(&t, a, 0, last_run);
    memset(last_run, 0, most * sizeof *last_run);
    add_side(&t, b, 1, last_run);
    free(last_run);
    free(t.slots);
    *pairs_p = t.pairs;
    *n_p = t.n;
}
