#include "report/statistics.h"

#include <math.h>
#include <string.h>

static bool counts(const struct record_case *c)
{
    return c->baseline[0] == '\0' && c->label[0] == '\0' && isfinite(c->ratio) && c->ratio > 0;
}

/* The best of our algorithms at the case of r->cases[i], or NULL when an earlier index has had it. */
static const struct record_case *best_of_case(const struct records *r, size_t i)
{
    const struct record_case *best = &r->cases[i];
    for (size_t j = 0; j < r->ncases; j++)
        if (counts(&r->cases[j]) && records_same_case(&r->cases[i], &r->cases[j])) {
            if (j < i)
                return NULL;
            if (r->cases[j].ratio > best->ratio)
                best = &r->cases[j];
        }
    return best;
}

static void add_ratio(struct statistics *s, const struct record_case *c)
{
    s->ratio_mean += log(c->ratio);
    s->ratio_cases++;
    if (s->ratio_least_case == NULL || c->ratio < s->ratio_least_case->ratio)
        s->ratio_least_case = c;
    if (s->ratio_most_case == NULL || c->ratio > s->ratio_most_case->ratio)
        s->ratio_most_case = c;
}

static void sum_ratios(struct statistics *s, const struct records *r)
{
    s->ratio_mean = 0;
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *best = counts(&r->cases[i]) ? best_of_case(r, i) : NULL;
        if (best != NULL)
            add_ratio(s, best);
    }
    const bool any = s->ratio_cases > 0;
    s->ratio_mean = any ? exp(s->ratio_mean / (double)s->ratio_cases) : NAN;
    s->ratio_least = any ? s->ratio_least_case->ratio : NAN;
    s->ratio_most = any ? s->ratio_most_case->ratio : NAN;
}

static bool has_bandwidth(const struct record_case *c)
{
    return strcmp(c->transport, "null") != 0 && c->busbw_GBps > 0 && c->wrong <= 0;
}

static int rank_of(const struct record_case *c)
{
    return 2 * (c->baseline[0] == '\0') + (strcmp(c->collective, "all_reduce") == 0);
}

static void note_bandwidth(struct statistics *s, const struct record_case *c)
{
    const int fast = s->fastest != NULL ? rank_of(c) - rank_of(s->fastest) : 1;
    if (fast > 0 || (fast == 0 && c->busbw_GBps > s->fastest->busbw_GBps))
        s->fastest = c;
    const int large = s->largest != NULL ? rank_of(c) - rank_of(s->largest) : 1;
    if (large > 0 || (large == 0 && (c->bytes > s->largest->bytes || (c->bytes == s->largest->bytes && c->busbw_GBps > s->largest->busbw_GBps))))
        s->largest = c;
}

void statistics_make(struct statistics *s, const struct records *r)
{
    *s = (struct statistics){ .cases = r->ncases };
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *c = &r->cases[i];
        s->wrong += c->wrong > 0;
        s->ranks_low = s->ranks_low == 0 || c->ranks < s->ranks_low ? c->ranks : s->ranks_low;
        s->ranks_high = c->ranks > s->ranks_high ? c->ranks : s->ranks_high;
        if (has_bandwidth(c))
            note_bandwidth(s, c);
        if (c->baseline[0] != '\0' && s->baseline[0] == '\0')
            memcpy(s->baseline, c->baseline, sizeof s->baseline);
    }
    sum_ratios(s, r);
}
