/* tests/page_data.h - records as a run might leave them, from a small model of a machine: the same every time. */
#ifndef RB_TESTS_PAGE_DATA_H
#define RB_TESTS_PAGE_DATA_H

#include "report/fit_line.h"
#include "report/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Microseconds: a call costs `start`, a byte on the wire 1/GBps; above `bend` bytes it costs 1/late_GBps. */
struct page_law {
    const char *algorithm, *baseline;
    int servers;
    double start, GBps, bend, late_GBps;
};

static const struct page_law page_laws[] = {
    { "ring", "", 0, 1.1, 6.5, 1e18, 1 },
    { "direct_one_shot", "", 0, 0.5, 7.4, 4e6, 4.1 },
    { "direct_two_shot", "", 0, 0.9, 9.6, 8e6, 7.2 },
    { "parameter_server", "", 1, 1.4, 4.4, 1e18, 1 },
    { "mpi", "mpi", 0, 1.0, 3.3, 32768, 5.0 },
};

static const char *const page_collectives[] = { "all_reduce", "reduce_scatter", "all_gather" };

enum { PAGE_LAWS = 5, PAGE_COLLECTIVES = 3, PAGE_CEILING = 11 };

static inline double page_time(const struct page_law *law, double wire)
{
    const double early = law->start + fmin(wire, law->bend) * 1e-3 / law->GBps;
    return early + fmax(0, wire - law->bend) * 1e-3 / law->late_GBps;
}

static inline void page_fill(struct record_case *c, double us, struct dice *d)
{
    c->time_us = (struct record_time){ us, us * 0.97, us * 1.06, us * (1.1 + 0.2 * dice_uniform(d)), us * 0.99, us * 1.01, 0.02, 200 };
    c->algbw_GBps = (double)c->bytes / us * 1e-3;
    c->busbw_GBps = c->algbw_GBps * curves_bus_factor(c->collective, c->ranks);
    c->wire_GBps = (double)c->wire_bytes / us * 1e-3;
    c->nsamples = 20;
    c->samples_us = malloc(c->nsamples * sizeof *c->samples_us);
    for (size_t i = 0; i < c->nsamples; i++)
        c->samples_us[i] = us * (1 + 0.02 * dice_normal(d));
}

static inline void page_add_case(struct records *r, const char *collective, int law, uint64_t bytes, struct dice *d)
{
    const struct page_law *l = &page_laws[law];
    struct record_case c = { .ranks = 2, .nodes = 1, .root = -1, .bytes = bytes, .count = bytes / 4, .servers = l->servers,
                             .ceiling_GBps = PAGE_CEILING, .hops = 2, .ratio = NAN, .ratio_low = NAN, .ratio_high = NAN };
    strcpy(c.collective, collective);
    strcpy(c.algorithm, l->algorithm);
    strcpy(c.baseline, l->baseline);
    strcpy(c.transport, "shm");
    strcpy(c.evidence, "measured");
    strcpy(c.type, "float");
    strcpy(c.op, strcmp(collective, "all_gather") == 0 ? "none" : "sum");
    strcpy(c.ceiling_from, "measured");
    strcpy(c.stopped, "precise");
    c.wire_bytes = (uint64_t)((double)bytes * curves_bus_factor(collective, c.ranks)) + (bytes < 2);
    const double us = page_time(l, (double)c.wire_bytes) * (1 + 0.015 * dice_normal(d));
    if (l->baseline[0] == '\0') {
        c.ratio = page_time(&page_laws[PAGE_LAWS - 1], (double)c.wire_bytes) / us;
        c.ratio_low = c.ratio * (0.98 - 0.06 * dice_uniform(d));
        c.ratio_high = c.ratio * (1.02 + 0.06 * dice_uniform(d));
    }
    page_fill(&c, us, d);
    records_add_case(r, &c);
}

static inline json_t *page_run(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:s, s:f}, s:{s:s, s:[f,f,f], s:b, s:n}}", "version", "1.0.0", "date",
                     "2026-11-21T20:00:00Z", "host", "a <machine> & its \"name\"", "ranks", 2, "settings", "collective", "all_reduce",
                     "transport", "auto", "precision", 0.02, "machine", "governor", "powersave", "load_average", 0.4, 0.3, 0.2, "huge_pages", 1, "steal_percent");
}

/* Everything a page can show: three collectives, four algorithms, a baseline, pairs, notes. */
static inline void page_records(struct records *r)
{
    struct dice d = { 1 };
    *r = (struct records){ .path = strdup("results.jsonl"), .run = page_run(), .notes = json_array() };
    for (int c = 0; c < PAGE_COLLECTIVES; c++)
        for (uint64_t bytes = 64; bytes <= 64 << 20; bytes *= 4)
            for (int law = 0; law < PAGE_LAWS; law++)
                page_add_case(r, page_collectives[c], law, bytes, &d);
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++)
            if (from != to) {
                const struct record_pair p = { from, to, "shm", 0.18 + 0.01 * dice_uniform(&d), from == 2 && to == 3 ? 6.1 : 11 + dice_uniform(&d),
                                               15 + dice_uniform(&d), from == 2 && to == 3 };
                records_add_pair(r, &p);
            }
    json_array_append_new(r->notes, json_pack("{s:s, s:s}", "about", "machine", "text", "The governor is <powersave>: frequencies may move during the run."));
    json_array_append_new(r->notes, json_pack("{s:s, s:s}", "about", "not_measured", "text", "GPU links: no GPU was found."));
}

#endif
