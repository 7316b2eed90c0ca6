#include "bench/summary.h"

#include "bench/stats.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line of the summary: a curve of ours, all sizes and placements. */
struct line {
    const struct record_case *first;
    double *ratios;
    size_t nratios, below, above; /* of intervals that exclude 1 */
    double best_wire, best_busbw, ceiling;
    uint64_t best_bytes;
    const char *ceiling_from;
};

static bool is_ours(const struct record_case *c)
{
    return c->baseline[0] == '\0' && strcmp(c->transport, "null") != 0 && strcmp(c->evidence, "measured") == 0;
}

/* Ours, and baselines beside the first. */
static bool is_compared(const struct record_case *c)
{
    return is_ours(c) || (c->baseline[0] != '\0' && isfinite(c->ratio));
}

/* In place and out of place are one line. */
static bool same_line(const struct record_case *a, const struct record_case *b, bool by_protocol)
{
    return strcmp(a->collective, b->collective) == 0 && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->transport, b->transport) == 0 &&
           (!by_protocol || strcmp(a->protocol, b->protocol) == 0) && strcmp(a->type, b->type) == 0 && strcmp(a->op, b->op) == 0 && a->servers == b->servers &&
           a->root == b->root;
}

static void add_case(struct line *l, const struct record_case *c)
{
    if (isfinite(c->ratio) && c->ratio > 0) {
        l->ratios[l->nratios++] = c->ratio;
        l->below += c->ratio_high < 1;
        l->above += c->ratio_low > 1;
    }
    if (c->busbw_GBps > l->best_busbw)
        l->best_busbw = c->busbw_GBps;
    if (c->wire_GBps > l->best_wire) {
        l->best_wire = c->wire_GBps;
        l->best_bytes = c->bytes;
        l->ceiling = c->ceiling_GBps;
        l->ceiling_from = c->ceiling_from;
    }
}

static void print_line(FILE *out, const struct line *l, bool by_protocol)
{
    const struct record_case *c = l->first;
    char who[64], faster[32] = "        n/a", peak[24] = "    n/a", share[32] = "n/a", bytes[UNITS_TEXT];
    int n = snprintf(who, sizeof who, "%s", c->algorithm);
    if (c->servers > 0)
        n += snprintf(who + n, sizeof who - (size_t)n, ", %d server%s", c->servers, c->servers == 1 ? "" : "s");
    if (by_protocol)
        snprintf(who + n, sizeof who - (size_t)n, ", %s", c->protocol);
    if (l->nratios > 0)
        snprintf(faster, sizeof faster, "%5.2f (%zu/%zu/%zu)", stats_geometric_mean(l->ratios, l->nratios), l->above,
                 l->nratios - l->above - l->below, l->below);
    if (l->best_busbw > 0)
        snprintf(peak, sizeof peak, "%7.2f", l->best_busbw);
    if (l->ceiling > 0)
        snprintf(share, sizeof share, "%3.0f %% at %s", 100 * l->best_wire / l->ceiling, units_bytes(bytes, l->best_bytes));
    fprintf(out, "#   %-15s %-28s %-9s %-8s %-5s %-16s %s  %s\n", c->collective, who, c->transport, c->type, c->op, faster, peak, share);
}

void summary_ratios(FILE *out, const struct record_case *cases, size_t count, bool by_protocol)
{
    bool *done = rb_calloc(count, sizeof *done);
    bool over = false;
    const char *from = "";
    fprintf(out, "# Summary: how often as fast as the baseline (geometric mean over the sizes; sizes won/even/lost by the 95 %% interval of\n"
                 "# the paired ratio), best busbw in GB/s, best wire rate in per cent of the ceiling\n"
                 "#   %-15s %-28s %-9s %-8s %-5s %-16s %s  %s\n", "collective", "algorithm", "over", "type", "op", "x baseline", "  busbw", "of ceiling");
    for (size_t i = 0; i < count; i++) {
        if (done[i] || !is_compared(&cases[i]))
            continue;
        struct line l = { .first = &cases[i], .ratios = rb_calloc(count, sizeof *l.ratios) };
        for (size_t j = i; j < count; j++)
            if (!done[j] && is_compared(&cases[j]) && same_line(&cases[i], &cases[j], by_protocol)) {
                done[j] = true;
                add_case(&l, &cases[j]);
            }
        print_line(out, &l, by_protocol);
        over |= l.ceiling > 0 && l.best_wire > l.ceiling;
        if (l.ceiling > 0)
            from = l.ceiling_from;
        free(l.ratios);
    }
    if (from[0] != '\0')
        fprintf(out, "# Ceiling (%s): what a plain copy of that size reaches on all ranks at once; between machines, a network card's rate\n", from);
    if (over)
        fprintf(out, "# Above 100 %%: a call that reads every operand once and writes all results in one pass needs less of memory than a copy\n");
    free(done);
}

/* GB/s through the busiest host's ports; 0 when nothing crosses. */
static double network_GBps(const struct record_case *c)
{
    return c->time_us.median > 0 ? (double)c->network_bytes / c->time_us.median * 1e-3 : 0;
}

static void print_network(FILE *out, const struct record_case *c)
{
    char who[64], bytes[UNITS_TEXT], share[UNITS_TEXT];
    int n = snprintf(who, sizeof who, "%s", c->algorithm);
    if (c->servers > 0)
        snprintf(who + n, sizeof who - (size_t)n, ", %d server%s", c->servers, c->servers == 1 ? "" : "s");
    fprintf(out, "#   %-15s %-28s %-9s %8.3f GB/s, %s of a %s message; %d rank%s of other hosts send%s to one\n", c->collective, who, c->transport,
            network_GBps(c), units_bytes(share, c->network_bytes), units_bytes(bytes, c->bytes), c->incast, c->incast == 1 ? "" : "s",
            c->incast == 1 ? "s" : "");
}

void summary_network(FILE *out, const struct record_case *cases, size_t count, bool by_protocol)
{
    bool *done = rb_calloc(count, sizeof *done), titled = false;
    for (size_t i = 0; i < count; i++) {
        const struct record_case *best = &cases[i];
        if (done[i] || !is_ours(best) || best->network_bytes == 0)
            continue;
        for (size_t j = i + 1; j < count; j++) {
            if (!is_ours(&cases[j]) || !same_line(best, &cases[j], by_protocol))
                continue;
            done[j] = true;
            best = network_GBps(&cases[j]) > network_GBps(best) ? &cases[j] : best;
        }
        if (!titled)
            fprintf(out, "# Across the network, in or out of the busiest host, at its best:\n");
        titled = true;
        print_network(out, best);
    }
    free(done);
}

void summary_unmatched(FILE *out, const struct cases *cases)
{
    const char *told[8] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < cases->nsuites && n < RB_LEN(told); i++) {
        const char *why = cases->suites[i].unmatched;
        size_t same = 0;
        while (why != NULL && same < n && strcmp(told[same], why) != 0)
            same++;
        if (why == NULL || same < n)
            continue;
        fprintf(out, "%s%s", n == 0 ? "# Without a baseline (n/a above): " : "; ", why);
        told[n++] = why;
    }
    if (n > 0)
        fprintf(out, "\n");
}

void summary_absent(FILE *out, const struct session *s)
{
    for (size_t i = 0; i < s->baselines.count; i++)
        if (s->baselines.list[i].open == NULL)
            fprintf(out, "# Baseline %s: n/a: %s\n", s->baselines.list[i].name, s->baselines.list[i].absent);
}

void summary_missing(FILE *out, const struct session *s)
{
    const size_t gpus = topology_count(s->topology, TOPO_GPU), nics = topology_count(s->topology, TOPO_NIC);
    if (s->on_gpu) {
        if (s->job->nnodes == 1)
            fprintf(out, "# Not measured: network (one machine), host memory (--transport shm in a run of its own)\n");
    } else if (gpus == 0)
        fprintf(out, "# Not measured: GPU links (no GPU here)%s; the limits below rest on the catalogue's figures\n",
                s->job->nnodes == 1 ? ", network (one machine)" : "");
    else
        fprintf(out, "# Not measured: the links of %zu GPU%s (this run moves host memory)%s\n", gpus, gpus == 1 ? "" : "s",
                s->job->nnodes == 1 && nics > 0 ? ", network (one machine)" : "");
}
