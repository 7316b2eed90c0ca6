#include "report/compare.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *compare_verdict_name(enum compare_verdict v)
{
    static const char *const names[] = { [COMPARE_SAME] = "same",
                                         [COMPARE_FASTER] = "faster",
                                         [COMPARE_SLOWER] = "slower",
                                         [COMPARE_UNCLEAR] = "unclear",
                                         [COMPARE_NOT_COMPARABLE] = "not comparable" };
    return names[v];
}

static size_t total(const struct compare_half *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += h->runs[i].n;
    return n;
}

/* b as it would be had the machine not changed; the caller frees the values. */
static struct sample scaled(struct sample s, double factor)
{
    double *values = rb_malloc(s.n * sizeof *values);
    for (size_t i = 0; i < s.n; i++)
        values[i] = s.values[i] * factor;
    return (struct sample){ values, s.n };
}

/* One figure of a model a side: the same input gives the same figure. */
static bool is_exact(const struct compare_half *a, const struct compare_half *b)
{
    return a->n == 1 && b->n == 1 && a->simulated && b->simulated && !a->sampled && !b->sampled;
}

/* Several runs: their medians are the values; one: its samples. */
static void test(struct compare_case *c, const struct compare_pair *pair, double factor)
{
    const struct compare_half *a = &pair->half[0], *b = &pair->half[1];
    const bool several = a->n > 1 || b->n > 1;
    if (is_exact(a, b)) {
        c->exact = true;
        c->test = "exact";
        c->why = "simulated";
        return;
    }
    if (!several && !(a->sampled && b->sampled)) {
        c->why = "one figure a side and no samples: give several runs";
        return;
    }
    const struct sample x = several ? (struct sample){ a->medians, a->n } : a->runs[0];
    const struct sample y = scaled(several ? (struct sample){ b->medians, b->n } : b->runs[0], factor);
    bool exact = false;
    c->delta = compare_cliff_delta(x, y);
    c->p = several ? compare_welch(x, y) : compare_mann_whitney(x, y, &exact);
    c->test = several ? "Welch on run medians" : exact ? "Mann-Whitney exact" : "Mann-Whitney";
    free((double *)(uintptr_t)y.values);
}

static struct compare_case untested(const struct record_case *what)
{
    return (struct compare_case){ .what = what, .ratio = { NAN, NAN, NAN }, .delta = NAN, .p = NAN, .p_holm = NAN,
                                  .control_ratio = NAN, .test = "", .why = "" };
}

/* factor: what B's times are multiplied with before the test. */
static void examine(struct compare_case *c, const struct compare_pair *pair, double factor)
{
    for (int s = 0; s < 2; s++) {
        c->runs[s] = pair->half[s].n;
        c->samples[s] = total(&pair->half[s]);
        c->median_us[s] = compare_median((struct sample){ pair->half[s].medians, pair->half[s].n });
    }
    if (c->runs[0] == 0 || c->runs[1] == 0) {
        c->why = c->runs[0] > 0 ? "only in A" : c->runs[1] > 0 ? "only in B" : "no time";
        return;
    }
    const struct side_runs a = { (struct sample *)(uintptr_t)pair->half[0].runs, pair->half[0].n };
    const struct side_runs b = { (struct sample *)(uintptr_t)pair->half[1].runs, pair->half[1].n };
    c->ratio = compare_ratio(&a, &b, pair->what->bytes);
    if (pair->half[0].wrong > 0 || pair->half[1].wrong > 0)
        c->why = pair->half[0].wrong > 0 ? "wrong elements in A" : "wrong elements in B";
    else
        test(c, pair, factor);
}

static enum compare_verdict judge(const struct compare_case *c, const struct compare_limits *limits)
{
    if (isnan(c->p_holm) && !c->exact)
        return COMPARE_NOT_COMPARABLE;
    const double beyond = limits->control && isfinite(c->control_ratio) ? c->ratio.ratio / c->control_ratio : c->ratio.ratio;
    const bool slower = beyond > 1 + limits->threshold, faster = beyond < 1 / (1 + limits->threshold);
    if (!slower && !faster)
        return COMPARE_SAME;
    if (!c->exact && c->p_holm >= limits->alpha)
        return COMPARE_UNCLEAR;
    return slower ? COMPARE_SLOWER : COMPARE_FASTER;
}

/* Each family is corrected by itself: ours, and the controls. */
static void correct(struct compare *c, bool control)
{
    double *p = rb_malloc(c->n * sizeof *p);
    for (size_t i = 0; i < c->n; i++)
        p[i] = c->cases[i].control == control ? c->cases[i].p : NAN;
    compare_holm(p, c->n);
    for (size_t i = 0; i < c->n; i++)
        if (c->cases[i].control == control)
            c->cases[i].p_holm = p[i];
    free(p);
}

static double mean_ratio(const struct compare *c, bool control)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->cases[i].control == control && c->cases[i].ratio.ratio > 0) {
            sum += log(c->cases[i].ratio.ratio);
            n++;
        }
    return n > 0 ? exp(sum / (double)n) : NAN;
}

static enum compare_verdict overall(const struct compare *c)
{
    const size_t *n = c->counts;
    if (n[COMPARE_SLOWER] > 0)
        return COMPARE_SLOWER;
    if (n[COMPARE_FASTER] > 0)
        return COMPARE_FASTER;
    if (n[COMPARE_UNCLEAR] > 0)
        return COMPARE_UNCLEAR;
    return n[COMPARE_SAME] > 0 ? COMPARE_SAME : COMPARE_NOT_COMPARABLE;
}

static void mark_controls(struct compare *c)
{
    bool ours = false;
    for (size_t i = 0; i < c->n; i++)
        ours = ours || c->cases[i].what->baseline[0] == '\0';
    for (size_t i = 0; i < c->n; i++)
        c->cases[i].control = ours && c->cases[i].what->baseline[0] != '\0';
}

/* What the baseline did at the same case; the geometric mean where there are several baselines. */
static double control_of(const struct compare *c, const struct record_case *what)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->cases[i].control && c->cases[i].ratio.ratio > 0 && records_same_case(c->cases[i].what, what)) {
            sum += log(c->cases[i].ratio.ratio);
            n++;
        }
    return n > 0 ? exp(sum / (double)n) : NAN;
}

/* The controls first: what they did is held against ours. */
static void examine_all(struct compare *c, const struct compare_pair *pairs, bool against_control)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->cases[i].control)
            examine(&c->cases[i], &pairs[i], 1);
    for (size_t i = 0; i < c->n; i++)
        if (!c->cases[i].control) {
            const double control = control_of(c, c->cases[i].what);
            c->cases[i].control_ratio = control;
            examine(&c->cases[i], &pairs[i], against_control && isfinite(control) ? 1 / control : 1);
        }
}

void compare_make(struct compare *c, const struct compare_side *a, const struct compare_side *b, const struct compare_limits *limits)
{
    struct compare_pair *pairs;
    *c = (struct compare){ .several_runs = a->n > 1 || b->n > 1 };
    compare_match(a, b, &pairs, &c->n);
    c->cases = rb_malloc(c->n * sizeof *c->cases);
    for (size_t i = 0; i < c->n; i++) {
        c->cases[i] = untested(pairs[i].what);
        c->newly_wrong += pairs[i].half[1].wrong > 0 && pairs[i].half[0].wrong <= 0;
    }
    mark_controls(c);
    examine_all(c, pairs, limits->control);
    free(pairs);
    correct(c, false);
    correct(c, true);
    for (size_t i = 0; i < c->n; i++) {
        c->cases[i].verdict = judge(&c->cases[i], limits);
        c->counts[c->cases[i].verdict] += !c->cases[i].control;
        c->simulated += c->cases[i].exact && !c->cases[i].control;
    }
    c->ratio = mean_ratio(c, false);
    c->control_ratio = mean_ratio(c, true);
    c->verdict = overall(c);
}

void compare_free(struct compare *c)
{
    free(c->cases);
    *c = (struct compare){0};
}
