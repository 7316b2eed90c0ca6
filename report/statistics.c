#include "report/statistics.h"

#include "core/error.h"
#include "core/text.h"
#include "report/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool counts(const struct record_case *c)
{
    return c->baseline[0] == '\0' && c->label[0] == '\0' && isfinite(c->ratio) && c->ratio > 0;
}

/* Any order in which the same cases (records_same_case) stand together; the best of them first. */
static int by_case(const void *x, const void *y)
{
    const struct record_case *a = *(const struct record_case *const *)x, *b = *(const struct record_case *const *)y;
    const int64_t numbers[] = { a->ranks - b->ranks, a->nodes - b->nodes, a->root - b->root, a->in_place - b->in_place,
                                (a->bytes > b->bytes) - (a->bytes < b->bytes) };
    for (size_t i = 0; i < RB_LEN(numbers); i++)
        if (numbers[i] != 0)
            return numbers[i] > 0 ? 1 : -1;
    const int words[] = { strcmp(a->collective, b->collective), strcmp(a->type, b->type), strcmp(a->op, b->op) };
    for (size_t i = 0; i < RB_LEN(words); i++)
        if (words[i] != 0)
            return words[i];
    return (a->ratio < b->ratio) - (a->ratio > b->ratio);
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
    const struct record_case **list = rb_calloc(r->ncases, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < r->ncases; i++)
        if (counts(&r->cases[i]))
            list[n++] = &r->cases[i];
    qsort(list, n, sizeof *list, by_case);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !records_same_case(list[i - 1], list[i]))
            add_ratio(s, list[i]);
    free(list);
    const bool any = s->ratio_cases > 0;
    s->ratio_mean = any ? exp(s->ratio_mean / (double)s->ratio_cases) : NAN;
    s->ratio_least = any ? s->ratio_least_case->ratio : NAN;
    s->ratio_most = any ? s->ratio_most_case->ratio : NAN;
}

static bool has_bandwidth(const struct record_case *c)
{
    return strcmp(c->transport, "null") != 0 && !curves_of_study(c) && c->busbw_GBps > 0 && c->wrong <= 0;
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
