#include "bench/pairs_print.h"

#include "core/error.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int ranks_of(const struct record_pair *pairs, size_t count)
{
    int last = 0;
    for (size_t i = 0; i < count; i++)
        last = pairs[i].from > last ? pairs[i].from : last;
    return last + 1;
}

static const struct record_pair *find(const struct record_pair *pairs, size_t count, int from, int to)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].from == from && pairs[i].to == to)
            return &pairs[i];
    return NULL;
}

static void print_matrix(FILE *out, const char *title, const struct record_pair *pairs, size_t count, size_t offset)
{
    const int n = ranks_of(pairs, count);
    fprintf(out, "# %s\n# from\\to", title);
    for (int to = 0; to < n; to++)
        fprintf(out, " %8d", to);
    fprintf(out, "\n");
    for (int from = 0; from < n; from++) {
        fprintf(out, "  %7d", from);
        for (int to = 0; to < n; to++) {
            const struct record_pair *p = find(pairs, count, from, to);
            if (p == NULL)
                fprintf(out, " %8s", "-");
            else
                fprintf(out, " %8.2f", *(const double *)((const char *)p + offset));
        }
        fprintf(out, "\n");
    }
    fprintf(out, "#\n");
}

static void print_table(FILE *out, const struct record_pair *pairs, size_t count, const struct pairs_outlier *worst)
{
    print_matrix(out, "Latency, half a round trip of 4 bytes (us)", pairs, count, offsetof(struct record_pair, latency_us));
    print_matrix(out, "One way, 4 MiB (GB/s)", pairs, count, offsetof(struct record_pair, one_way_GBps));
    print_matrix(out, "Both ways at once, 4 MiB each, the two added (GB/s)", pairs, count, offsetof(struct record_pair, both_ways_GBps));
    if (worst->index == count) {
        fprintf(out, "# No outlier: every pair is within five spreads or a quarter of the median\n");
        return;
    }
    fprintf(out, "# Outlier: %d -> %d, %s, %.2f x as bad as the median of all pairs; marked:", pairs[worst->index].from, pairs[worst->index].to,
            worst->figure, worst->times);
    for (size_t i = 0; i < count; i++)
        if (pairs[i].outlier)
            fprintf(out, " %d->%d", pairs[i].from, pairs[i].to);
    fprintf(out, "\n");
}

static void print_csv(FILE *out, const struct record_pair *pairs, size_t count)
{
    fprintf(out, "from,to,transport,latency_us,one_way_GBps,both_ways_GBps,outlier\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%d,%d,%s,%.6g,%.6g,%.6g,%s\n", pairs[i].from, pairs[i].to, pairs[i].transport, pairs[i].latency_us, pairs[i].one_way_GBps,
                pairs[i].both_ways_GBps, pairs[i].outlier ? "true" : "false");
}

static void print_json(FILE *out, const struct record_pair *pairs, size_t count)
{
    fprintf(out, "{\"schema\":%d,\"pairs\":[", RECORD_SCHEMA);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s\n{\"from\":%d,\"to\":%d,\"transport\":\"%s\",\"latency_us\":%.6g,\"one_way_GBps\":%.6g,\"both_ways_GBps\":%.6g,\"outlier\":%s}",
                i > 0 ? "," : "", pairs[i].from, pairs[i].to, pairs[i].transport, pairs[i].latency_us, pairs[i].one_way_GBps,
                pairs[i].both_ways_GBps, pairs[i].outlier ? "true" : "false");
    fprintf(out, "\n]}\n");
}

int pairs_print(FILE *out, const char *format, const struct record_pair *pairs, size_t count, const struct pairs_outlier *worst)
{
    if (strcmp(format, "csv") == 0)
        print_csv(out, pairs, count);
    else if (strcmp(format, "json") == 0)
        print_json(out, pairs, count);
    else
        print_table(out, pairs, count, worst);
    return fflush(out) == 0 ? RB_OK : rb_fail(RB_EUSAGE, "standard output: %s", strerror(errno));
}
