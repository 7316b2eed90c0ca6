#include "scale/agreement.h"

#include "collectives/schedule.h"
#include "core/error.h"
#include "core/text.h"
#include "report/import.h"
#include "scale/agreement_known.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST = 32 << 20, GIGA = 1e9, MICRO = 1e-6;
static const char nvls[] = " nvls", sendrecv[] = " p2p", pcie[] = "PCIe";
enum { PCIE_DOMAIN = 8 };

/* --- which link --- */

static bool linked(const struct import_source *s, const struct gpu *g, int ranks)
{
    return gpu_has_link(g) && ranks <= (int)g->max_gpus.value && strcmp(s->transport, "pcie") != 0;
}

/* NCCL plays these as sends and receives of pairs, which have channels of their own, not as a ring or a tree. */
static bool of_pairs(const char *collective)
{
    return strcmp(collective, "alltoall") == 0 || strcmp(collective, "sendrecv") == 0;
}

static bool through_host(const struct import_source *s)
{
    return strstr(s->interconnect, "no P2P") != NULL || strstr(s->interconnect, "host memory") != NULL;
}

/* "NVLink4", "NVLink4 nvls", "NVLink4 p2p", "PCIe4", "PCIe host"; and the nominal rate. */
static void classify(const struct import_source *s, const struct gpu *g, const struct record_case *c, struct agreement_row *row)
{
    char link[16] = "";
    if (linked(s, g, c->ranks)) {
        snprintf(link, sizeof link, "%.15s", g->link);
        link[strcspn(link, " ")] = '\0';
        const bool can = strcmp(link, "NVLink4") >= 0 && strcmp(c->collective, "all_reduce") == 0;
        const bool inside = can && c->busbw_GBps > gpu_effective_GBps(g);
        snprintf(row->class, sizeof row->class, "%s%s", link, inside ? nvls : of_pairs(c->collective) ? sendrecv : "");
        row->nominal_GBps = g->unidir_GBps.value;
        return;
    }
    if (through_host(s))
        snprintf(row->class, sizeof row->class, "%s host", pcie);
    else
        snprintf(row->class, sizeof row->class, "%s%.0f", pcie, g->pcie_gen.value);
    row->nominal_GBps = g->pcie_unidir_GBps.value;
}

static double planned(const struct catalogue *c, const struct gpu *g, const char *class)
{
    if (strncmp(class, pcie, strlen(pcie)) != 0)
        return gpu_effective_GBps(g) / g->unidir_GBps.value;
    const double share = catalogue_pcie_typical(c, g->pcie_gen.value) / g->pcie_unidir_GBps.value;
    return strstr(class, " host") != NULL ? share / 2 : share;
}

/* "PCIe host sockets" -> "PCIe host", "PCIe3 sockets" -> "PCIe3". */
static void broader(const char *class, char base[static AGREEMENT_CLASS])
{
    snprintf(base, AGREEMENT_CLASS, "%s", class);
    char *last = strrchr(base, ' ');
    if (last != NULL)
        *last = '\0';
}

/* --- time of a call without its bytes --- */

static double messages(const char *collective, int ranks)
{
    if (strcmp(collective, "all_reduce") == 0)
        return 2.0 * (ranks - 1);
    return of_pairs(collective) ? 1 : ranks - 1.0;
}

static double latency_us(const struct links *links, const struct agreement_row *row)
{
    const struct link_class *l = links_find(links, row->class);
    if (l == NULL) { /* paths that only the agreement tells apart */
        char base[sizeof row->class];
        broader(row->class, base);
        l = links_find(links, base);
    }
    return l == NULL ? 0 : (l->latency.bulk_base_s + messages(row->collective, row->ranks) * l->latency.bulk_hop_s) / MICRO;
}

static double bus_factor(const char *collective, int ranks)
{
    const enum collective_id id = collective_find(collective);
    return id == COLLECTIVE_COUNT ? 0 : collective_get(id)->bus_factor(&(struct group){ .nranks = ranks });
}

/* --- gathering --- */

struct gathering {
    struct agreement *a;
    const struct catalogue *catalogue;
    const struct links *links;
    const struct import *im;
    const struct known *known;
};

static double largest(const struct gathering *g, const struct import_source *s, const struct record_case *like)
{
    double most = 0;
    for (size_t i = 0; i < s->ncases; i++) {
        const struct record_case *c = &g->im->records.cases[s->first_case + i];
        if (strcmp(c->collective, like->collective) == 0 && c->ranks == like->ranks)
            most = fmax(most, (double)c->bytes);
    }
    return most;
}

static bool taken(const struct gathering *g, const struct import_source *s, const struct record_case *c)
{
    const struct gpu *gpu = catalogue_match_gpu(g->catalogue, c->gpu[0] != '\0' ? c->gpu : s->gpu);
    if (gpu == NULL || s->nodes > 1 || c->nodes > 1 || c->ranks < 2 || !(c->busbw_GBps > 0) || bus_factor(c->collective, c->ranks) <= 0)
        return false;
    const int domain = gpu_has_link(gpu) && gpu->max_gpus.value > PCIE_DOMAIN ? (int)gpu->max_gpus.value : PCIE_DOMAIN;
    return c->ranks <= domain && (double)c->bytes >= fmax(LEAST, largest(g, s, c));
}

static struct agreement_row *row_of(struct agreement *a, const struct agreement_row *like)
{
    for (size_t i = 0; i < a->count; i++) {
        struct agreement_row *r = &a->rows[i];
        if (strcmp(r->log, like->log) == 0 && strcmp(r->collective, like->collective) == 0 && r->ranks == like->ranks && strcmp(r->class, like->class) == 0)
            return r;
    }
    a->rows = rb_realloc(a->rows, (a->count + 1) * sizeof *a->rows);
    a->rows[a->count] = *like;
    return &a->rows[a->count++];
}

/* Several types of one log: the best of them, as a reader of the log would take. Out of place where the log has that: in place an
 * all-gather leaves out the copy of a rank's own part, and the tables of latencies have nothing else. */
static void add_case(struct gathering *g, const struct import_source *s, const struct record_case *c)
{
    const struct gpu *gpu = catalogue_match_gpu(g->catalogue, c->gpu[0] != '\0' ? c->gpu : s->gpu);
    struct agreement_row row = { .ranks = c->ranks, .bytes = (double)c->bytes };
    snprintf(row.log, sizeof row.log, "%s", s->name);
    snprintf(row.gpu, sizeof row.gpu, "%.47s", gpu->model);
    snprintf(row.collective, sizeof row.collective, "%s", c->collective);
    classify(s, gpu, c, &row);
    known_apply(g->known, &row);
    row.in_place = c->in_place;
    struct agreement_row *r = row_of(g->a, &row);
    if (r->in_place != c->in_place ? r->in_place : c->busbw_GBps > r->measured_GBps) {
        r->in_place = c->in_place;
        r->measured_GBps = c->busbw_GBps;
        r->bytes = (double)c->bytes;
    }
}

static void gather(struct gathering *g)
{
    for (size_t i = 0; i < g->im->nsources; i++) {
        const struct import_source *s = &g->im->sources[i];
        for (size_t k = 0; k < s->ncases; k++)
            if (taken(g, s, &g->im->records.cases[s->first_case + k]))
                add_case(g, s, &g->im->records.cases[s->first_case + k]);
    }
}

/* --- constants and predictions --- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(v, n, sizeof *v, by_value);
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static bool over_link(const struct agreement_row *r)
{
    return strncmp(r->class, "PCIe", 4) != 0;
}

/* "" of the rings, " nvls", " p2p". */
static const char *way(const char *class)
{
    const char *at = strchr(class, ' ');
    return at != NULL ? at : "";
}

/* any: the class stands for all generations of scale-up links, or for the broader class of PCIe. */
static bool of_class(const struct agreement_row *r, const char *class, bool any)
{
    if (any && strncmp(class, pcie, strlen(pcie)) != 0)
        return over_link(r) && strcmp(way(r->class), way(class)) == 0;
    return strcmp(r->class, class) == 0;
}

struct wanted {
    const char *class;
    bool any;
    const char *without; /* a log; NULL: none */
};

/* The fractions of a class, leaving out one log; returns how many, *logs_p: of how many logs. Two GPUs
 * alone reach less of a scale-up link than more of them do and do not count here. */
static size_t fractions(const struct agreement *a, const struct wanted *w, double *out, int *logs_p)
{
    size_t n = 0;
    const char *last = "";
    *logs_p = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct agreement_row *r = &a->rows[i];
        if (!of_class(r, w->class, w->any) || (w->without != NULL && strcmp(r->log, w->without) == 0) || (r->ranks == 2 && over_link(r)))
            continue;
        out[n++] = r->fraction;
        *logs_p += strcmp(last, r->log) != 0;
        last = r->log;
    }
    return n;
}

/* What two GPUs reach of what more of them do, over all generations that go the same way, leaving out one log. */
static size_t pairs(const struct agreement *a, const char *class, const char *without, double *out)
{
    double *more = rb_calloc(a->count + 1, sizeof *more);
    size_t n = 0;
    int logs;
    for (size_t i = 0; i < a->count; i++) {
        const struct agreement_row *r = &a->rows[i];
        if (r->ranks != 2 || !of_class(r, class, true) || (without != NULL && strcmp(r->log, without) == 0))
            continue;
        const size_t k = fractions(a, &(struct wanted){ r->class, false, without }, more, &logs);
        if (k > 0)
            out[n++] = r->fraction / median(more, k);
    }
    free(more);
    return n;
}

static void set_fraction(const struct links *links, struct agreement_row *r)
{
    const double us = r->bytes * bus_factor(r->collective, r->ranks) / r->measured_GBps / GIGA / MICRO, rest = us - latency_us(links, r);
    r->fraction = r->measured_GBps / r->nominal_GBps * us / fmax(rest, us / 2);
}

static void predict(struct gathering *g, struct agreement_row *r, double *scratch)
{
    const struct gpu *gpu = NULL;
    for (size_t i = 0; i < g->catalogue->ngpus; i++)
        if (strcmp(g->catalogue->gpus[i].model, r->gpu) == 0)
            gpu = &g->catalogue->gpus[i];
    char base[AGREEMENT_CLASS];
    broader(r->class, base);
    r->points = (int)fractions(g->a, &(struct wanted){ r->class, false, r->log }, scratch, &r->logs);
    if (r->points == 0)
        r->points = (int)fractions(g->a, &(struct wanted){ over_link(r) ? r->class : base, true, r->log }, scratch, &r->logs);
    r->used = r->points > 0 ? median(scratch, (size_t)r->points) : planned(g->catalogue, gpu, r->class);
    const size_t n = r->ranks == 2 && over_link(r) ? pairs(g->a, r->class, r->log, scratch) : 0;
    if (n > 0)
        r->used *= median(scratch, n);
    const double wire = r->bytes * bus_factor(r->collective, r->ranks);
    const double us = latency_us(g->links, r) + wire / (r->used * r->nominal_GBps * GIGA) / MICRO;
    r->predicted_GBps = wire / (us * MICRO) / GIGA;
    r->error = r->predicted_GBps / r->measured_GBps - 1;
}

int agreement_make(struct agreement *a, const struct catalogue *c, const struct links *links)
{
    struct import im = {0};
    struct known known;
    *a = (struct agreement){0};
    RB_TRY(known_load(&known));
    const int rc = published_load(&im);
    if (rc != RB_OK) {
        known_free(&known);
        return rc;
    }
    struct gathering g = { a, c, links, &im, &known };
    gather(&g);
    double *scratch = rb_calloc(a->count + 1, sizeof *scratch);
    for (size_t i = 0; i < a->count; i++)
        set_fraction(links, &a->rows[i]);
    for (size_t i = 0; i < a->count; i++)
        predict(&g, &a->rows[i], scratch);
    free(scratch);
    import_free(&im);
    known_free(&known);
    return RB_OK;
}

void agreement_free(struct agreement *a)
{
    free(a->rows);
    *a = (struct agreement){0};
}

double agreement_median(const struct agreement *a, const char *gpu, const char *class)
{
    double *v = rb_calloc(a->count + 1, sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        if ((gpu == NULL || strcmp(a->rows[i].gpu, gpu) == 0) && (class == NULL || strcmp(a->rows[i].class, class) == 0))
            v[n++] = fabs(a->rows[i].error);
    const double m = median(v, n);
    free(v);
    return m;
}

bool agreement_class(const struct agreement *a, const char *class, struct link_class *class_p)
{
    double *v = rb_calloc(a->count + 1, sizeof *v);
    int logs = 0;
    const size_t n = strcmp(class, "pair") == 0 ? pairs(a, "", NULL, v) : fractions(a, &(struct wanted){ class, false, NULL }, v, &logs);
    if (n > 0) {
        class_p->fraction = median(v, n);
        class_p->low = v[0];
        class_p->high = v[n - 1];
        class_p->points = (int)n;
        class_p->logs = logs;
    }
    free(v);
    return n > 0;
}
