#include "bench/yardstick/against_mpi.h"

#include "core/error.h"
#include "core/units.h"
#include "report/records.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const collectives[] = { "all_reduce", "reduce_scatter", "all_gather" };

/* Only a whole interval below this counts as slower than the baseline. */
static const double even = 0.97;

struct mean {
    double sum;
    int n, lost;
};

static double geometric(const struct mean *m)
{
    return m->n > 0 ? exp(m->sum / m->n) : NAN;
}

static const struct record_case *best_at(const struct records *r, const char *collective, uint64_t bytes)
{
    const struct record_case *best = NULL;
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        if (strcmp(c->collective, collective) == 0 && c->bytes == bytes && c->baseline[0] == '\0' && !c->in_place && isfinite(c->ratio) &&
            (best == NULL || c->ratio > best->ratio))
            best = c;
    }
    return best;
}

static void add(struct mean *m, const struct record_case *c)
{
    m->sum += log(c->ratio);
    m->n++;
    m->lost += c->ratio_high < even;
}

static void print_case(const struct record_case *c)
{
    char size[UNITS_TEXT];
    printf("%-15s %10s %10.2f us  %-18s %-7s %6.2f  [%.2f, %.2f]%s\n", c->collective, units_bytes(size, c->bytes), c->time_us.median, c->algorithm,
           c->protocol, c->ratio, c->ratio_low, c->ratio_high, c->ratio_high < even ? "  SLOWER" : "");
}

static void print_collective(const struct records *r, const char *collective, struct mean *all, struct mean *middle)
{
    struct mean own = { 0 };
    for (uint64_t bytes = 1; bytes != 0; bytes <<= 1) {
        const struct record_case *c = best_at(r, collective, bytes);
        if (c == NULL)
            continue;
        print_case(c);
        add(&own, c);
        add(all, c);
        if (bytes >= 16 << 10 && bytes <= 64 << 20)
            add(middle, c);
    }
    printf("%-15s geometric mean %.2f over %d sizes\n\n", collective, geometric(&own), own.n);
}

int against_mpi(const char *path)
{
    struct records r;
    struct mean all = { 0 }, middle = { 0 };
    RB_TRY(records_read(&r, path, true));
    printf("%-15s %10s %13s  %-18s %-7s %6s  %s\n", "collective", "size", "ours", "best algorithm", "by", "x MPI", "95 % of the paired ratio");
    for (size_t i = 0; i < RB_LEN(collectives); i++)
        print_collective(&r, collectives[i], &all, &middle);
    printf("sizes at which the whole interval lies below %.2f: %d of %d, goal 0: %s\n", even, all.lost, all.n, all.lost == 0 ? "reached" : "MISSED");
    printf("geometric mean of all: %.2f, goal > 1: %s\n", geometric(&all), geometric(&all) > 1 ? "reached" : "MISSED");
    if (middle.n > 0)
        printf("geometric mean, 16 KiB .. 64 MiB: %.2f, goal (two ranks) >= 2: %s\n", geometric(&middle), geometric(&middle) >= 2 ? "reached" : "MISSED");
    records_free(&r);
    return RB_OK;
}
