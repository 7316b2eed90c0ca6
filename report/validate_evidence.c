#include "report/validate_evidence.h"

#include "core/csv.h"
#include "core/data_path.h"
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this a collective measures latency. */
static const uint64_t LARGE = 16u << 20;

struct evidence *validation_add(struct validation *v, enum evidence_kind kind)
{
    v->list = rb_realloc(v->list, (v->count + 1) * sizeof *v->list);
    struct evidence *e = &v->list[v->count++];
    *e = (struct evidence){ .kind = kind, .GBps = NAN, .wire_GBps = NAN, .links = NAN, .links_low = NAN, .links_high = NAN,
                            .document = NAN, .layer = NAN, .direction = "one way" };
    return e;
}

#define SAY(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

static void add_catalogue(struct validation *v)
{
    struct evidence *e = validation_add(v, EVIDENCE_NOMINAL);
    if (v->over_pcie)
        SAY(e->what, "%s", v->limit.link_name);
    else
        SAY(e->what, "%g links x %g", v->k, v->nominal_GBps / v->k);
    SAY(e->source, "%s", v->gpu->source);
    e->GBps = v->nominal_GBps;
    if (isnan(v->effective_GBps))
        return;
    e = validation_add(v, EVIDENCE_MODEL);
    if (v->over_pcie)
        SAY(e->what, "large transfers, this slot");
    else
        SAY(e->what, "%g links x %.4g", v->k, v->effective_GBps / v->k);
    SAY(e->source, "%s", v->over_pcie ? "report/data/pcie.csv, typical_unidir_GBps" : "https://github.com/NVIDIA/nccl/blob/master/src/graph/topo.h");
    e->GBps = v->effective_GBps;
}

/* The switch of these can reduce (NVLink SHARP). */
static bool has_nvls(const struct gpu *gpu)
{
    return strncmp(gpu->vendor, "NVIDIA", 6) == 0 && (strstr(gpu->arch, "Hopper") != NULL || strstr(gpu->arch, "Blackwell") != NULL) &&
           strncmp(gpu->link, "NVLink", 6) == 0 && gpu->max_gpus.value >= 4;
}

/* busbw of an all-reduce on n -> bytes per second that leave a GPU when the switch reduces. */
static double nvls_wire(double busbw, double n)
{
    return busbw * n / (2 * (n - 1)) * (n + 1) / n;
}

static void set_wire(struct evidence *e, const struct validation *v, bool all_reduce)
{
    e->wire_GBps = e->GBps;
    e->nvls_known = e->nvls_known || (all_reduce && strcmp(e->algorithm, "nvls") == 0);
    const bool stated = strcmp(e->algorithm, "ring") == 0 || strcmp(e->algorithm, "tree") == 0;
    e->nvls_possible = e->nvls_known || (all_reduce && !stated && e->ranks >= 4 && has_nvls(v->gpu));
    if (e->nvls_possible)
        e->wire_GBps = nvls_wire(e->GBps, e->ranks);
}

static int add_single(struct validation *v, const struct catalogue *c, const struct csv *csv, const struct csv_row *row)
{
    size_t model = 0, what = 0, direction = 0, algorithm = 0, ranks = 0, rate = 0, source = 0;
    RB_TRY(csv_need_column(csv, "model", &model));
    RB_TRY(csv_need_column(csv, "what", &what));
    RB_TRY(csv_need_column(csv, "direction", &direction));
    RB_TRY(csv_need_column(csv, "algorithm", &algorithm));
    RB_TRY(csv_need_column(csv, "ranks", &ranks));
    RB_TRY(csv_need_column(csv, "GBps", &rate));
    RB_TRY(csv_need_column(csv, "source", &source));
    double GBps, n;
    if (!units_parse_number(row->cells[rate], &GBps) || GBps <= 0)
        return csv_fail(csv, row, rate, "'%s' is no bandwidth above 0", row->cells[rate]);
    if (!units_parse_number(row->cells[ranks], &n) || n < 2)
        return csv_fail(csv, row, ranks, "'%s' is no number of GPUs of 2 or more", row->cells[ranks]);
    if (catalogue_match_gpu(c, row->cells[model]) != v->gpu)
        return RB_OK;
    struct evidence *e = validation_add(v, EVIDENCE_PUBLISHED);
    SAY(e->what, "%s", row->cells[what]);
    SAY(e->direction, "%s", row->cells[direction]);
    SAY(e->algorithm, "%s", row->cells[algorithm]);
    SAY(e->source, "%s", row->cells[source]);
    e->GBps = GBps;
    e->ranks = n;
    set_wire(e, v, strncmp(e->what, "all_reduce", 10) == 0);
    return RB_OK;
}

static int add_singles(struct validation *v, const struct catalogue *c)
{
    char *path;
    struct csv csv;
    RB_TRY(data_path("evidence.csv", &path));
    int rc = csv_read(&csv, path);
    free(path);
    RB_TRY(rc);
    for (size_t i = 0; rc == RB_OK && i < csv.nrows; i++)
        rc = add_single(v, c, &csv, &csv.rows[i]);
    csv_free(&csv);
    return rc;
}

static bool speaks_of_link(const struct validation *v, const char *transport)
{
    static const char *const host[] = { "pcie", "shm" }, *const scaleup[] = { "nvlink", "cuda_peer", "xgmi", "c2c" };
    for (size_t i = 0; v->over_pcie && i < RB_LEN(host); i++)
        if (strcmp(transport, host[i]) == 0)
            return true;
    for (size_t i = 0; !v->over_pcie && i < RB_LEN(scaleup); i++)
        if (strcmp(transport, scaleup[i]) == 0)
            return true;
    return transport[0] == '\0';
}

static enum evidence_kind kind_of(const struct record_case *k, bool given)
{
    if (strcmp(k->evidence, "emulated") == 0)
        return EVIDENCE_EMULATED;
    if (strcmp(k->evidence, "simulated") == 0)
        return EVIDENCE_SIMULATED;
    return given ? EVIDENCE_MEASURED : EVIDENCE_PUBLISHED;
}

/* A curve is the cases of one log, collective and number of ranks; its largest busbw at large messages is its evidence. */
static bool same_curve(const struct record_case *a, const struct record_case *b)
{
    return strcmp(a->collective, b->collective) == 0 && strcmp(a->algorithm, b->algorithm) == 0 && strcmp(a->transport, b->transport) == 0 &&
           a->ranks == b->ranks && a->nodes == b->nodes && strcmp(a->source, b->source) == 0 && strcmp(a->label, b->label) == 0 &&
           strcmp(a->gpu, b->gpu) == 0 && strcmp(a->baseline, b->baseline) == 0;
}

static const struct record_case *best_of_curve(const struct record_case *cases, size_t n, size_t first)
{
    const struct record_case *best = NULL;
    for (size_t i = first; i < n; i++)
        if (same_curve(&cases[first], &cases[i]) && cases[i].bytes >= LARGE && isfinite(cases[i].busbw_GBps) &&
            (best == NULL || cases[i].busbw_GBps > best->busbw_GBps))
            best = &cases[i];
    return best;
}

static void add_case(struct validation *v, const struct record_case *k, const struct import_source *source, bool given)
{
    struct evidence *e = validation_add(v, kind_of(k, given));
    const bool all_reduce = strcmp(k->collective, "all_reduce") == 0;
    SAY(e->what, "%s, %d GPUs", k->collective, k->ranks);
    SAY(e->algorithm, "%.31s", source != NULL && source->algorithm[0] != '\0' ? source->algorithm : k->algorithm[0] != '\0' ? k->algorithm : "unknown");
    SAY(e->source, "%s", source != NULL ? source->address : k->source);
    e->GBps = k->busbw_GBps;
    if (e->kind == EVIDENCE_EMULATED && k->ceiling_GBps > 0) /* what was emulated may be scaled: its own ceiling stands for the model's */
        e->GBps *= gpu_effective_GBps(v->gpu) / k->ceiling_GBps;
    e->ranks = k->ranks;
    e->given = given;
    set_wire(e, v, all_reduce && !(source != NULL && source->nvls == 0));
}

static const struct import_source *source_of(const struct import *im, size_t index)
{
    for (size_t i = 0; i < im->nsources; i++)
        if (index >= im->sources[i].first_case && index < im->sources[i].first_case + im->sources[i].ncases)
            return &im->sources[i];
    return NULL;
}

static bool seen_before(const struct record_case *cases, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_curve(&cases[i], &cases[index]))
            return true;
    return false;
}

/* im may be NULL: records that were read from a results.jsonl. */
static void add_cases(struct validation *v, const struct catalogue *c, const struct records *r, const struct import *im, bool given)
{
    for (size_t i = 0; i < r->ncases; i++) {
        const struct record_case *k = &r->cases[i];
        const struct gpu *gpu = k->gpu[0] != '\0' ? catalogue_match_gpu(c, k->gpu) : NULL;
        const bool emulated = kind_of(k, given) == EVIDENCE_EMULATED; /* over whatever the machine has */
        if (k->nodes > 1 || (!emulated && !speaks_of_link(v, k->transport)) || strcmp(k->transport, "null") == 0 || seen_before(r->cases, i) ||
            (gpu != v->gpu && !given))
            continue;
        const struct record_case *best = best_of_curve(r->cases, r->ncases, i);
        if (best == NULL)
            continue;
        add_case(v, best, im != NULL ? source_of(im, i) : NULL, given);
        if (gpu != NULL && gpu != v->gpu) {
            struct evidence *e = &v->list[v->count - 1];
            e->verdict = EVIDENCE_OTHER_GPU;
            SAY(e->why, "the file says that its GPU is %s", k->gpu);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    const double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static bool is_gpu_copy(const struct validation *v, const struct import_link *l)
{
    const bool blocked = strcmp(l->test, "p2p-disabled") == 0;
    return l->kind == IMPORT_COPY && l->from >= 0 && l->to >= 0 && l->from < IMPORT_NIC && l->to < IMPORT_NIC && !l->local && !l->both_ways &&
           (v->over_pcie || !blocked);
}

/* The median over the pairs of one test of one source. */
static void add_test(struct validation *v, const struct import *im, size_t first, bool given)
{
    const struct import_link *l = &im->links[first];
    const struct import_source *s = &im->sources[l->source];
    double *rates = rb_malloc(s->nlinks * sizeof *rates);
    size_t n = 0;
    for (size_t i = s->first_link; i < s->first_link + s->nlinks; i++)
        if (strcmp(im->links[i].test, l->test) == 0 && is_gpu_copy(v, &im->links[i]) && im->links[i].loaded == l->loaded)
            rates[n++] = im->links[i].GBps;
    qsort(rates, n, sizeof *rates, by_value);
    struct evidence *e = validation_add(v, given ? EVIDENCE_MEASURED : EVIDENCE_PUBLISHED);
    const char *prefix = "device_to_device_";
    const bool long_name = strncmp(l->test, prefix, strlen(prefix)) == 0;
    SAY(e->what, "%s", l->test + (long_name ? strlen(prefix) : 0));
    SAY(e->direction, "%s", l->loaded ? "each way" : "one way");
    e->pairs = (double)n;
    SAY(e->algorithm, "%s", strcmp(l->engine, "CE") == 0 ? "copy engine" : strcmp(l->engine, "SM") == 0 ? "kernel" : "copy");
    SAY(e->source, "%s", s->address);
    e->GBps = n > 0 ? rates[n / 2] : NAN;
    e->wire_GBps = e->GBps;
    e->copy = true;
    e->given = given;
    free(rates);
}

static bool first_of_test(const struct validation *v, const struct import *im, size_t index)
{
    const struct import_link *l = &im->links[index];
    for (size_t i = im->sources[l->source].first_link; i < index; i++)
        if (strcmp(im->links[i].test, l->test) == 0 && is_gpu_copy(v, &im->links[i]) && im->links[i].loaded == l->loaded)
            return false;
    return is_gpu_copy(v, l);
}

static void add_queried(struct validation *v, const struct import *im, const struct import_source *s, bool given)
{
    double rate = NAN;
    for (size_t i = s->first_link; i < s->first_link + s->nlinks; i++)
        if (im->links[i].kind == IMPORT_NOMINAL)
            rate = im->links[i].GBps;
    struct evidence *e = validation_add(v, EVIDENCE_QUERIED);
    if (isnan(rate))
        SAY(e->what, "%d links (%s)", s->links, s->format);
    else
        SAY(e->what, "%d links x %.5g raw", s->links, rate);
    SAY(e->source, "%s", s->address);
    e->links = s->links;
    e->given = given;
}

static void add_source(struct validation *v, const struct catalogue *c, const struct import *im, size_t index, bool given)
{
    const struct import_source *s = &im->sources[index];
    const struct gpu *gpu = s->gpu[0] != '\0' ? catalogue_match_gpu(c, s->gpu) : NULL;
    const size_t before = v->count;
    if (gpu != v->gpu && !given)
        return;
    if (gpu != NULL && gpu != v->gpu) {
        struct evidence *e = validation_add(v, EVIDENCE_QUERIED);
        SAY(e->what, "name of the GPU");
        SAY(e->source, "%s", s->address);
        e->given = true;
    }
    if (s->links > 0 && !v->over_pcie)
        add_queried(v, im, s, given);
    for (size_t i = s->first_link; i < s->first_link + s->nlinks; i++)
        if (first_of_test(v, im, i))
            add_test(v, im, i, given);
    for (size_t i = before; gpu != NULL && gpu != v->gpu && i < v->count; i++) {
        v->list[i].verdict = EVIDENCE_OTHER_GPU;
        SAY(v->list[i].why, "the file says that its GPU is %s", s->gpu);
    }
}

static void add_import(struct validation *v, const struct catalogue *c, const struct import *im, bool given)
{
    for (size_t i = 0; i < im->nsources; i++)
        add_source(v, c, im, i, given);
    add_cases(v, c, &im->records, im, given);
}

int evidence_shipped(struct validation *v, const struct catalogue *c)
{
    struct import published = {0};
    add_catalogue(v);
    RB_TRY(published_load(&published));
    add_import(v, c, &published, false);
    import_free(&published);
    return add_singles(v, c);
}

int evidence_given(struct validation *v, const struct catalogue *c, const char *path, const char *collective)
{
    const size_t before = v->count;
    if (text_ends_with(path, ".jsonl")) {
        struct records r = {0};
        RB_TRY(records_read(&r, path, true));
        add_cases(v, c, &r, NULL, true);
        records_free(&r);
    } else {
        struct import im = { .hints = { .collective = collective } };
        RB_TRY(import_file(&im, path));
        add_import(v, c, &im, true);
        import_free(&im);
    }
    if (v->count == before)
        rb_warn("%s: nothing in it stands for the %s of one machine at large messages; not compared", path, v->over_pcie ? "PCIe" : "scale-up links");
    return RB_OK;
}
