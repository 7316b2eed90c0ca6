/* The answer first: three figures and the sentences behind them. */
#include "core/units.h"
#include "report/curves.h"
#include "report/html.h"
#include "report/limits.h"
#include "report/page_sections.h"
#include "report/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 4 };

static void tile(struct text *out, const char *figure, const char *meaning)
{
    text_add(out, "<div class=\"tile\"><b>");
    html_text(out, figure);
    text_add(out, "</b><span>");
    html_text(out, meaning);
    text_add(out, "</span></div>\n");
}

struct named {
    const struct limit *list[NAMED];
    size_t count;
};

/* The limit over the fastest link of a model. */
static const struct limit *fastest_link(const struct limits *all, const struct gpu *gpu)
{
    const struct limit *best = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct limit *l = &all->list[i];
        if (l->gpu == gpu && isfinite(l->layer.value) && (best == NULL || l->Bps_nominal > best->Bps_nominal))
            best = l;
    }
    return best;
}

static void name(struct named *n, const struct limit *l)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->list[i] == l)
            return;
    if (l != NULL && n->count < NAMED)
        n->list[n->count++] = l;
}

/* The models that the answer names: this machine, those of the records, those that the question was first asked for. */
static void name_limits(const struct page_input *in, struct named *n)
{
    static const char *const asked[] = { "H100 SXM 80GB", "H800 SXM 80GB", "RTX 4090" };
    if (in->limits == NULL)
        return;
    for (size_t i = 0; i < in->limits->count; i++)
        if (in->limits->list[i].gpu == NULL && isfinite(in->limits->list[i].measured.value))
            name(n, &in->limits->list[i]);
    for (size_t i = 0; i < in->records->ncases; i++) {
        const char *gpu = in->records->cases[i].gpu;
        const struct gpu *known = gpu[0] != '\0' ? catalogue_match_gpu(in->gpus, gpu) : NULL;
        if (known != NULL)
            name(n, fastest_link(in->limits, known));
    }
    for (size_t k = 0; k < sizeof asked / sizeof asked[0]; k++) {
        const struct gpu *known = catalogue_match_gpu(in->gpus, asked[k]);
        if (known != NULL)
            name(n, fastest_link(in->limits, known));
    }
}

static void limit_tile(struct text *out, const struct named *n, const struct limit_settings *s)
{
    struct text figure = {0}, meaning = {0};
    for (size_t i = 0; i < n->count; i++) {
        text_add(&figure, "%s%.0f", i > 0 ? " \u00b7 " : "", n->list[i]->usable);
        text_add(&meaning, "%s%s", i > 0 ? ", " : "", n->list[i]->gpu_name);
    }
    text_add(&meaning, ": GPUs to share a layer of %s", s->model_name);
    tile(out, figure.chars, meaning.chars);
    text_free(&figure);
    text_free(&meaning);
}

static void limit_sentence(struct text *out, const struct named *n, const struct limit_settings *s)
{
    struct text t = {0};
    text_add(&t, "In %s %s, a layer may be split over ", s->inference ? "inference with" : "training", s->model_name);
    for (size_t i = 0; i < n->count; i++) {
        const struct limit_range *r = isfinite(n->list[i]->layer.value) ? &n->list[i]->layer : &n->list[i]->measured;
        text_add(&t, "%s%.0f %s over %s (%.0f to %.0f)", i == 0 ? "" : i + 1 == n->count ? " and " : ", ", r->value, n->list[i]->gpu_name, n->list[i]->link_name,
                 r->low, r->high);
    }
    text_add(&t, " before communication takes more than %.0f %% of the time; powers of two within a server are what one would use: ",
             100 * (1 - s->efficiency));
    for (size_t i = 0; i < n->count; i++)
        text_add(&t, "%s%.0f", i == 0 ? "" : i + 1 == n->count ? " and " : ", ", n->list[i]->usable);
    html_paragraph(out, "%s.", t.chars);
    text_free(&t);
}

/* "2 ranks", "8 NVIDIA H800". */
static const char *ends(char buffer[CURVE_NAME], const struct record_case *c)
{
    snprintf(buffer, CURVE_NAME, "%d %s", c->ranks, c->gpu[0] != '\0' ? c->gpu : "ranks");
    return buffer;
}

static void bandwidth_tile(struct text *out, const struct record_case *c)
{
    char figure[HTML_NUMBER], curve[CURVE_NAME], collective[CURVE_NAME], who[CURVE_NAME], size[UNITS_TEXT];
    char *shown = rb_format("%s GB/s", html_number(figure, c->busbw_GBps, 3));
    char *meaning = rb_format("bus bandwidth, %s of %s by %s, %s", curves_collective(collective, c), units_bytes(size, c->bytes),
                              curves_name(curve, c, true), ends(who, c));
    tile(out, shown, meaning);
    free(shown);
    free(meaning);
}

static const char *baseline_name(const struct statistics *s)
{
    return strcmp(s->baseline, "mpi") == 0 ? "MPI" : strcmp(s->baseline, "nccl") == 0 ? "NCCL" : s->baseline;
}

static void ratio_tile(struct text *out, const struct statistics *s)
{
    char figure[HTML_NUMBER];
    char *shown = rb_format("%s\u00d7", html_number(figure, s->ratio_mean, 3));
    char *meaning = rb_format("the speed of %s's own collectives, geometric mean over %zu cases", baseline_name(s), s->ratio_cases);
    tile(out, shown, meaning);
    free(shown);
    free(meaning);
}

/* What left a rank; of an imported case only the bus bandwidth is known, which is more than that where a switch adds up. */
static double moved(const struct record_case *c)
{
    return c->source[0] == '\0' && isfinite(c->wire_GBps) ? c->wire_GBps : c->busbw_GBps;
}

static const char *reached(const struct record_case *c)
{
    if (strcmp(c->evidence, "simulated") == 0)
        return "would reach, simulated, a bus bandwidth of";
    return c->source[0] == '\0' ? "took" : "reached a bus bandwidth of";
}

static void bandwidth_sentence(struct text *out, const struct record_case *c)
{
    char curve[CURVE_NAME], collective[CURVE_NAME], who[CURVE_NAME], size[UNITS_TEXT], a[HTML_NUMBER], b[HTML_NUMBER];
    struct text t = {0};
    text_add(&t, "With the largest messages, %s of %s by %s between %s %s %s GB/s%s", curves_collective(collective, c), units_bytes(size, c->bytes),
             curves_name(curve, c, true), ends(who, c), reached(c), html_number(a, moved(c), 3),
             c->source[0] == '\0' ? " out of each rank" : "");
    if (isfinite(c->ceiling_GBps))
        text_add(&t, ", %.0f %% of the ceiling of %s GB/s (%s)", 100 * moved(c) / c->ceiling_GBps, html_number(b, c->ceiling_GBps, 3), c->ceiling_from);
    html_paragraph(out, "%s.", t.chars);
    text_free(&t);
}

static void peak_sentence(struct text *out, const struct record_case *c)
{
    char curve[CURVE_NAME], who[CURVE_NAME], size[UNITS_TEXT], a[HTML_NUMBER];
    const double share = 100 * moved(c) / c->ceiling_GBps;
    html_paragraph(out, "The peak %s %s GB/s at %s by %s between %s%s", strcmp(c->evidence, "simulated") == 0 ? "would be" : "was", html_number(a, moved(c), 3),
                   units_bytes(size, c->bytes), curves_name(curve, c, true), ends(who, c),
                   share > 100 ? ": more than the ceiling, because a call that reads every operand once and writes all results in one pass needs less of memory than a copy."
                               : ".");
}

static void ratio_sentence(struct text *out, const struct statistics *s)
{
    char a[HTML_NUMBER], b[HTML_NUMBER], small[UNITS_TEXT], large[UNITS_TEXT], first[CURVE_NAME], second[CURVE_NAME];
    html_paragraph(out, "Against %s, the best of our algorithms at each size ran between %s\u00d7 (%s, %s) and %s\u00d7 (%s, %s) of its speed.",
                   baseline_name(s), html_number(a, s->ratio_least, 3), curves_collective(first, s->ratio_least_case),
                   units_bytes(small, s->ratio_least_case->bytes), html_number(b, s->ratio_most, 3), curves_collective(second, s->ratio_most_case),
                   units_bytes(large, s->ratio_most_case->bytes));
}

static void pairs_sentence(struct text *out, const struct records *r)
{
    const struct record_pair *least = NULL, *most = NULL;
    size_t outliers = 0;
    for (size_t i = 0; i < r->npairs; i++) {
        const struct record_pair *p = &r->pairs[i];
        outliers += p->outlier;
        least = isfinite(p->one_way_GBps) && (least == NULL || p->one_way_GBps < least->one_way_GBps) ? p : least;
        most = isfinite(p->one_way_GBps) && (most == NULL || p->one_way_GBps > most->one_way_GBps) ? p : most;
    }
    char a[HTML_NUMBER], b[HTML_NUMBER];
    if (least != NULL)
        html_paragraph(out, "Between every two ranks one way: %s GB/s (from %d to %d) to %s GB/s (from %d to %d); %zu outlier%s among %zu pairs.",
                       html_number(a, least->one_way_GBps, 3), least->from, least->to, html_number(b, most->one_way_GBps, 3), most->from, most->to,
                       outliers, outliers == 1 ? "" : "s", r->npairs);
}

static void warnings(struct text *out, const struct page_input *in, const struct statistics *s)
{
    if (s->wrong > 0)
        text_add(out, "<p class=\"warn\"><b>%zu of %zu cases had wrong elements</b>; they are left out of every plot and fit.</p>\n", s->wrong, s->cases);
    if (in->records->damaged > 0)
        text_add(out, "<p class=\"warn\">%zu damaged line%s of the records left out.</p>\n", in->records->damaged, in->records->damaged > 1 ? "s were" : " was");
    size_t i;
    json_t *note;
    json_array_foreach(in->records->notes, i, note)
    {
        const char *about = json_string_value(json_object_get(note, "about"));
        if (about == NULL || strcmp(about, "machine") != 0)
            continue;
        text_add(out, "<p class=\"warn\">");
        html_text(out, json_string_value(json_object_get(note, "text")));
        text_add(out, "</p>\n");
    }
}

static bool simulated(const struct records *r)
{
    bool any = json_array_size(r->plans) > 0;
    for (size_t i = 0; i < r->ncases; i++)
        any = any || curves_of_study(&r->cases[i]);
    return any;
}

const char *section_answer(struct text *out, const struct page_input *in)
{
    struct statistics s;
    statistics_make(&s, in->records);
    struct named named = {0};
    name_limits(in, &named);
    text_add(out, "<div class=\"tiles\">\n");
    if (named.count > 0)
        limit_tile(out, &named, in->limit_settings);
    if (s.largest != NULL)
        bandwidth_tile(out, s.largest);
    if (s.ratio_cases > 0)
        ratio_tile(out, &s);
    text_add(out, "</div>\n");
    if (named.count > 0)
        limit_sentence(out, &named, in->limit_settings);
    if (s.largest != NULL) {
        bandwidth_sentence(out, s.largest);
        if (s.fastest->bytes != s.largest->bytes)
            peak_sentence(out, s.fastest);
    } else if (simulated(in->records)) {
        html_paragraph(out, "Nothing was measured here: the records hold clusters that were simulated, further down.");
    } else if (in->records->npairs == 0) {
        html_paragraph(out, "No bandwidth was measured: it takes at least two ranks to move anything.");
    }
    if (s.ratio_cases > 0)
        ratio_sentence(out, &s);
    pairs_sentence(out, in->records);
    warnings(out, in, &s);
    return NULL;
}
