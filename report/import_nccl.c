#include "report/import_nccl.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- collectives and types --- */

enum factor { FACTOR_ONE, FACTOR_SHARE /* (n-1)/n */, FACTOR_TWICE /* 2(n-1)/n */ };

static const struct collective_row {
    const char *name;
    enum factor factor;
    bool per_rank; /* the count is that of one rank's block */
} collectives[] = {
    { "all_reduce", FACTOR_TWICE, false },    { "reduce_scatter", FACTOR_SHARE, true }, { "all_gather", FACTOR_SHARE, true },
    { "alltoall", FACTOR_SHARE, true },       { "gather", FACTOR_SHARE, true },         { "scatter", FACTOR_SHARE, true },
    { "broadcast", FACTOR_ONE, false },       { "reduce", FACTOR_ONE, false },          { "sendrecv", FACTOR_ONE, false },
};

static const struct collective_row *collective_row(const char *name)
{
    for (size_t i = 0; i < RB_LEN(collectives); i++)
        if (strcmp(collectives[i].name, name) == 0)
            return &collectives[i];
    return NULL;
}

static double factor_of(enum factor factor, int ranks)
{
    const double share = ((double)ranks - 1) / (double)ranks;
    return factor == FACTOR_ONE ? 1 : factor == FACTOR_SHARE ? share : 2 * share;
}

double nccl_factor(const char *collective, int ranks)
{
    const struct collective_row *row = collective_row(collective);
    return row == NULL || ranks < 1 ? 0 : factor_of(row->factor, ranks);
}

int nccl_blocks(const char *collective, int ranks)
{
    const struct collective_row *row = collective_row(collective);
    return row != NULL && row->per_rank ? ranks : 1;
}

static const struct type_row {
    const char *printed, *name;
    size_t bytes;
} types[] = {
    { "int8", "int8", 1 },     { "char", "int8", 1 },         { "uint8", "uint8", 1 },   { "int32", "int32", 4 },
    { "int", "int32", 4 },     { "uint32", "uint32", 4 },     { "int64", "int64", 8 },   { "uint64", "uint64", 8 },
    { "half", "half", 2 },     { "float", "float", 4 },       { "double", "double", 8 }, { "bfloat16", "bfloat16", 2 },
    { "f8e4m3", "f8e4m3", 1 }, { "f8e5m2", "f8e5m2", 1 },
};

static const struct type_row *type_row(const char *type)
{
    for (size_t i = 0; i < RB_LEN(types); i++)
        if (strcmp(types[i].printed, type) == 0)
            return &types[i];
    return NULL;
}

size_t nccl_type_bytes(const char *type)
{
    const struct type_row *row = type_row(type);
    return row == NULL ? 0 : row->bytes;
}

const char *nccl_type_name(const char *type)
{
    const struct type_row *row = type_row(type);
    return row == NULL ? type : row->name;
}

/* --- rows --- */

struct nccl_row *nccl_add_row(struct nccl_run *run)
{
    if ((run->nrows & (run->nrows - 1)) == 0)
        run->rows = rb_realloc(run->rows, (run->nrows == 0 ? 1 : 2 * run->nrows) * sizeof *run->rows);
    struct nccl_row *row = &run->rows[run->nrows++];
    *row = (struct nccl_row){ .root = -1 };
    for (int p = 0; p < 2; p++)
        row->place[p] = (struct nccl_figure){ .min_us = NAN, .p99_us = NAN, .cv = NAN, .wrong = -1 };
    return row;
}

static void drop_rows(struct nccl_run *run)
{
    for (size_t i = 0; i < run->nrows; i++)
        for (int p = 0; p < 2; p++)
            free(run->rows[i].place[p].samples_us);
    free(run->rows);
    run->rows = NULL;
    run->nrows = 0;
}

void nccl_free(struct nccl_run *run)
{
    drop_rows(run);
    *run = (struct nccl_run){0};
}

/* --- what the figures say --- */

/* What the table says of busbw / algbw: the median over its fastest figures, where rounding matters least. */
struct observation {
    double factor;    /* NAN without any figure */
    double tolerance; /* what rounding allows, relative to 1 */
};

static bool rated(const struct nccl_figure *f)
{
    return f->present && isfinite(f->busbw) && isfinite(f->algbw) && f->algbw > 0;
}

/* The figure with the highest algbw, NULL without any. */
static const struct nccl_figure *fastest(const struct nccl_run *run)
{
    const struct nccl_figure *best = NULL;
    for (size_t i = 0; i < run->nrows; i++)
        for (int p = 0; p < 2; p++) {
            const struct nccl_figure *f = &run->rows[i].place[p];
            if (rated(f) && (best == NULL || f->algbw > best->algbw))
                best = f;
        }
    return best;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct observation observe(const struct nccl_run *run)
{
    const struct nccl_figure *best = fastest(run);
    if (best == NULL)
        return (struct observation){ NAN, INFINITY };
    double *ratios = rb_malloc(2 * run->nrows * sizeof *ratios);
    size_t n = 0;
    for (size_t i = 0; i < run->nrows; i++)
        for (int p = 0; p < 2; p++)
            if (rated(&run->rows[i].place[p]) && run->rows[i].place[p].algbw >= best->algbw / 2)
                ratios[n++] = run->rows[i].place[p].busbw / run->rows[i].place[p].algbw;
    qsort(ratios, n, sizeof *ratios, ascending);
    const double factor = ratios[n / 2];
    free(ratios);
    return (struct observation){ factor, 3 * (best->half_busbw + best->half_algbw * fmax(factor, 1)) / best->algbw + 1e-5 };
}

/* The number of ranks that makes this factor, 0 when none does. */
static int ranks_of_factor(enum factor factor, double observed)
{
    const double share = factor == FACTOR_TWICE ? observed / 2 : observed;
    if (factor == FACTOR_ONE || !(share > 0.4 && share < 0.99999))
        return 0;
    return (int)lround(1 / (1 - share));
}

/* bytes / (count * type) of the largest row: the ranks where the count is per rank. */
static int ranks_of_count(const struct nccl_run *run)
{
    for (size_t i = run->nrows; i-- > 0;) {
        const struct nccl_row *row = &run->rows[i];
        const uint64_t unit = row->count * nccl_type_bytes(row->type);
        if (unit > 0 && row->bytes % unit == 0 && row->bytes / unit < 100000)
            return (int)(row->bytes / unit);
    }
    return 0;
}

static bool fits(struct observation seen, double expected)
{
    return fabs(seen.factor - expected) <= seen.tolerance;
}

/* "all_reduce" or the like when the factor, the operator and the root leave no choice, else "". */
static const char *guess_collective(const struct nccl_run *run, struct observation seen)
{
    const struct nccl_row *row = &run->rows[run->nrows - 1];
    const bool reduces = row->op[0] != '\0' && strcmp(row->op, "none") != 0;
    const int ranks = run->ranks;
    if (ranks > 2 && reduces && fits(seen, factor_of(FACTOR_TWICE, ranks)))
        return "all_reduce";
    if (ranks == 0 && reduces && seen.factor > 1 + seen.tolerance)
        return "all_reduce";
    if (ranks > 1 && reduces && fits(seen, factor_of(FACTOR_SHARE, ranks)))
        return "reduce_scatter";
    if (ranks > 2 && row->root >= 0 && fits(seen, 1))
        return reduces ? "reduce" : "broadcast";
    return "";
}

static int settle_collective(struct import_reader *reader, struct nccl_run *run, struct observation seen)
{
    struct import_source *s = &run->facts;
    if (s->collective[0] == '\0') {
        const char *guess = guess_collective(run, seen);
        import_copy(s->collective, sizeof s->collective, guess, strlen(guess));
        import_remark(s, "collective from operator and busbw / algbw");
    }
    if (s->collective[0] == '\0')
        return import_refuse(reader, run->rows[0].line,
                             "the log does not say which collective this is; give it, --collective all_reduce or another");
    if (collective_row(s->collective) == NULL)
        return import_refuse(reader, run->rows[0].line, "'%s' is no collective whose busbw factor is known", s->collective);
    return RB_OK;
}

/* The first of the device list, the count column, the collector's word and the factor that agrees with the factor: the printed
 * bandwidths were computed with it. */
static int settle_ranks(struct import_reader *reader, struct nccl_run *run, struct observation seen)
{
    struct import_source *s = &run->facts;
    const struct collective_row *row = collective_row(s->collective);
    const struct {
        int ranks;
        const char *from;
    } candidates[] = {
        { run->ranks, "the device list" },
        { row->per_rank && run->has_counts ? ranks_of_count(run) : 0, "size / count" },
        { s->gpus, "what is said of the log" },
        { ranks_of_factor(row->factor, seen.factor), "busbw / algbw" },
    };
    size_t i = 0, said = RB_LEN(candidates);
    for (; i < RB_LEN(candidates); i++) {
        const int ranks = candidates[i].ranks;
        if (ranks > 0 && (isnan(seen.factor) || fits(seen, factor_of(row->factor, ranks))))
            break;
        said = ranks > 0 && said == RB_LEN(candidates) ? i : said;
    }
    if (i == RB_LEN(candidates) && said == i)
        return import_refuse(reader, run->rows[0].line,
                             "the log does not say how many ranks took part; give it, --ranks 8 or another number");
    const size_t used = i < RB_LEN(candidates) ? i : said;
    run->ranks = candidates[used].ranks;
    if (said < RB_LEN(candidates))
        import_say(reader, run->rows[0].line, "%d ranks by %s, but busbw / algbw is %.4f, which for %s means %d; %d are taken",
                   candidates[said].ranks, candidates[said].from, seen.factor, s->collective,
                   ranks_of_factor(row->factor, seen.factor), run->ranks);
    if (used == 1 || used == 3)
        import_remark(s, used == 1 ? "ranks from size / count" : "ranks from busbw / algbw");
    return RB_OK;
}

/* --- what must hold --- */

static void check_figure(struct import_reader *reader, const struct nccl_run *run, const struct nccl_row *row, int place)
{
    const struct nccl_figure *f = &row->place[place];
    const char *name = place == 0 ? "out of place" : "in place";
    if (!f->present || row->bytes == 0 || !(f->time_us > 0) || !isfinite(f->algbw) || !isfinite(f->busbw))
        return;
    const double expected = (double)row->bytes / f->time_us * 1e-3;
    const double slack = expected * f->half_time / f->time_us * 1.02 + 1e-6;
    if (fabs(f->algbw - expected) > f->half_algbw + slack)
        import_say(reader, row->line, "size / time is %.2f GB/s, but algbw says %g (%s)", expected, f->algbw, name);
    const double factor = nccl_factor(run->facts.collective, run->ranks);
    if (fabs(f->busbw - expected * factor) > f->half_busbw + slack * factor)
        import_say(reader, row->line, "busbw should be %.2f GB/s over %d ranks, but is %g (%s)", expected * factor, run->ranks,
                   f->busbw, name);
}

static void check_count(struct import_reader *reader, const struct nccl_run *run, const struct nccl_row *row)
{
    const uint64_t unit = nccl_type_bytes(row->type) * (uint64_t)nccl_blocks(run->facts.collective, run->ranks);
    if (!run->has_counts || unit == 0 || row->bytes % unit != 0 || row->count == row->bytes / unit)
        return;
    import_say(reader, row->line, "size %llu and count %llu of type %s do not belong together for %s over %d ranks",
               (unsigned long long)row->bytes, (unsigned long long)row->count, row->type, run->facts.collective, run->ranks);
}

static double mean_busbw(const struct nccl_run *run, bool *both_p)
{
    double sum = 0;
    size_t n = 0;
    *both_p = true;
    for (size_t i = 0; i < run->nrows; i++)
        for (int p = 0; p < 2; p++) {
            *both_p = *both_p && run->rows[i].place[p].present && isfinite(run->rows[i].place[p].busbw);
            if (run->rows[i].place[p].present) {
                sum += run->rows[i].place[p].busbw;
                n++;
            }
        }
    return n > 0 ? sum / (double)n : NAN;
}

/* The printed average is that of all rows, both placements: it tells whether rows are missing or belong to another process. */
static int check_average(struct import_reader *reader, struct nccl_run *run)
{
    bool both;
    const double mean = mean_busbw(run, &both);
    if (isnan(run->average) || fabs(mean - run->average) <= 0.006 + 1e-5 * run->average)
        return RB_OK;
    if (run->mixed)
        return import_refuse(reader, run->average_line,
                             "the rows above average %.2f GB/s, but %g is printed: the output of several processes is mixed and "
                             "cannot be told apart; let the launcher label the lines (mpirun --tag-output, srun --label)",
                             mean, run->average);
    if (run->rows_elided || !both)
        import_remark(&run->facts, "average not of the rows shown");
    else
        import_say(reader, run->average_line, "the rows average %.3f GB/s, but the log says %g: rows are missing or were changed", mean,
                   run->average);
    return RB_OK;
}

/* --- into records --- */

static struct record_case make_case(const struct nccl_run *run, struct nccl_row *row, int place)
{
    struct nccl_figure *f = &row->place[place];
    struct record_case c = import_no_case();
    import_copy(c.collective, sizeof c.collective, run->facts.collective, strlen(run->facts.collective));
    import_copy(c.type, sizeof c.type, nccl_type_name(row->type), strlen(nccl_type_name(row->type)));
    import_copy(c.op, sizeof c.op, row->op, strlen(row->op));
    c.ranks = run->ranks;
    c.root = row->root;
    c.in_place = place == 1;
    c.bytes = row->bytes;
    c.count = row->count;
    c.time_us = (struct record_time){ f->time_us, f->min_us, NAN, f->p99_us, NAN, NAN, f->cv, run->iters > 0 ? run->iters : 1 };
    c.algbw_GBps = f->algbw;
    c.busbw_GBps = f->busbw;
    c.wrong = f->wrong < 0 && run->out_of_bounds == 0 ? 0 : f->wrong;
    c.samples_us = f->samples_us;
    c.nsamples = f->nsamples;
    f->samples_us = NULL;
    return c;
}

static void add_cases(struct import_reader *reader, struct nccl_run *run)
{
    for (size_t i = 0; i < run->nrows; i++)
        for (int p = 0; p < 2; p++)
            if (run->rows[i].place[p].present) {
                const struct record_case c = make_case(run, &run->rows[i], p);
                import_add_case(reader, &c);
            }
}

static void check_rows(struct import_reader *reader, const struct nccl_run *run)
{
    for (size_t i = 0; i < run->nrows; i++) {
        check_count(reader, run, &run->rows[i]);
        check_figure(reader, run, &run->rows[i], 0);
        check_figure(reader, run, &run->rows[i], 1);
    }
}

/* What the run knows goes into the source that was opened for it. */
static void take_facts(struct import_source *s, const struct nccl_run *run)
{
    struct import_source facts = run->facts;
    memcpy(facts.name, s->name, sizeof facts.name);
    memcpy(facts.format, s->format, sizeof facts.format);
    memcpy(facts.path, s->path, sizeof facts.path);
    facts.first_case = s->first_case;
    facts.first_link = s->first_link;
    facts.warnings = s->warnings;
    facts.gpus = run->ranks;
    *s = facts;
}

int nccl_close(struct import_reader *reader, struct nccl_run *run)
{
    if (run->nrows == 0)
        return RB_OK;
    import_open(reader);
    const struct observation seen = observe(run);
    RB_TRY(settle_collective(reader, run, seen));
    RB_TRY(settle_ranks(reader, run, seen));
    check_rows(reader, run);
    RB_TRY(check_average(reader, run));
    if (run->rows_elided)
        import_remark(&run->facts, "rows elided");
    if (run->mixed)
        import_remark(&run->facts, "one of several processes in one stream");
    take_facts(import_current(reader), run);
    add_cases(reader, run);
    import_close(reader);
    drop_rows(run);
    return RB_OK;
}
