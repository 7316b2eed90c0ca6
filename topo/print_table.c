#include "topo/print.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CORES_SHOWN = 16 };

/* "63.0 GB/s, queried", "" unknown. */
static const char *ceiling_text(struct ceiling c, char buffer[64])
{
    buffer[0] = '\0';
    if (c.origin != CEILING_UNKNOWN)
        snprintf(buffer, 64, "%.4g GB/s, %s", c.GBps, ceiling_origin_name(c.origin));
    return buffer;
}

/* Many cores, and caches of one core alone, would hide the rest. */
static bool is_shown(const struct topology *t, const struct topology_device *d)
{
    if (d->kind == TOPO_CORE)
        return topology_count(t, TOPO_CORE) <= CORES_SHOWN;
    return d->kind != TOPO_CACHE || d->cores > 1 || d->cache_level > 2;
}

static void add_facts(const struct topology *t, const struct topology_device *d, struct text *line)
{
    char size[UNITS_TEXT], rate[64];
    if (d->bytes > 0)
        text_add(line, "  %s", units_bytes(size, d->bytes));
    if (d->cores > 1)
        text_add(line, "  %d cores", d->cores);
    if (d->cpus[0] != '\0' && d->kind < TOPO_HOST_BRIDGE)
        text_add(line, "  cpu %s", d->cpus);
    if (d->detail[0] != '\0')
        text_add(line, "  %s", d->detail);
    if (d->numa >= 0 && d->parent < 0 && d->kind >= TOPO_GPU)
        text_add(line, "  near %s", topology_device(t, (size_t)d->numa)->name);
    if (d->uplink.origin != CEILING_UNKNOWN)
        text_add(line, "  PCIe %s", ceiling_text(d->uplink, rate));
    if (d->rate.origin != CEILING_UNKNOWN)
        text_add(line, "  wire %s", ceiling_text(d->rate, rate));
    else if (d->kind == TOPO_NIC)
        text_add(line, "  wire unknown");
    if (d->uplink.origin != CEILING_UNKNOWN && d->uplink.GBps < d->rate.GBps)
        text_add(line, "; PCIe is slower than the wire");
}

static void print_device(const struct topology *t, const struct topology_device *d, int depth, FILE *out)
{
    struct text facts = { 0 };
    add_facts(t, d, &facts);
    const int indent = 2 + 2 * depth;
    if (facts.length > 0)
        fprintf(out, "%*s%-*s%s\n", indent, "", 24 - indent > 0 ? 24 - indent : 0, d->name, facts.chars);
    else
        fprintf(out, "%*s%s\n", indent, "", d->name);
    text_free(&facts);
}

/* A child has a higher index than its parent, but need not follow it: I/O comes last. */
static void print_subtree(const struct topology *t, int parent, int depth, FILE *out)
{
    for (size_t i = 0; i < topology_device_count(t); i++) {
        const struct topology_device *d = topology_device(t, i);
        if (d->parent != parent)
            continue;
        const bool shown = is_shown(t, d);
        if (shown)
            print_device(t, d, depth, out);
        print_subtree(t, (int)i, depth + shown, out);
    }
}

static const char *end_name(const struct topology *t, size_t end)
{
    return topology_device(t, (size_t)topology_end(t, end))->name;
}

static int column_width(const struct topology *t)
{
    size_t width = 4;
    for (size_t i = 0; i < topology_end_count(t); i++)
        width = strlen(end_name(t, i)) > width ? strlen(end_name(t, i)) : width;
    return (int)width;
}

static void print_legend(const struct topology *t, FILE *out)
{
    bool seen[PATH_CLASSES] = { false };
    const size_t n = topology_end_count(t);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            seen[topology_path(t, topology_end(t, i), topology_end(t, j)).class] = true;
    for (int c = PATH_NV; c < PATH_CLASSES; c++)
        if (seen[c])
            fprintf(out, "  %-5s %s\n", path_class_name((enum path_class)c), path_class_meaning((enum path_class)c));
}

static void print_matrix(const struct topology *t, FILE *out)
{
    const size_t n = topology_end_count(t);
    const int width = column_width(t);
    fprintf(out, "\nPath class between every two ends\n  %*s", width, "");
    for (size_t j = 0; j < n; j++)
        fprintf(out, "  %*s", width, end_name(t, j));
    fprintf(out, "\n");
    for (size_t i = 0; i < n; i++) {
        char word[PATH_WORD];
        fprintf(out, "  %-*s", width, end_name(t, i));
        for (size_t j = 0; j < n; j++)
            fprintf(out, "  %*s", width, topology_path_word(t, topology_end(t, i), topology_end(t, j), word));
        fprintf(out, "\n");
    }
    print_legend(t, out);
}

/* A row of the ceilings: all pairs of the same kinds, class and figure. */
struct group {
    char what[40], word[PATH_WORD];
    int rank; /* of the row */
    struct ceiling ceiling;
    double effective_GBps;
    size_t pairs;
};

/* Ends come in this order. */
static int end_kind(const struct topology *t, size_t end)
{
    const enum topo_kind kind = topology_device(t, (size_t)topology_end(t, end))->kind;
    return kind == TOPO_GPU ? 0 : kind == TOPO_NIC ? 1 : 2;
}

static int by_rank(const void *a, const void *b)
{
    return ((const struct group *)a)->rank - ((const struct group *)b)->rank;
}

static bool same_group(const struct group *a, const struct group *b)
{
    return strcmp(a->what, b->what) == 0 && strcmp(a->word, b->word) == 0 && a->ceiling.origin == b->ceiling.origin &&
           (a->ceiling.origin == CEILING_UNKNOWN || a->ceiling.GBps == b->ceiling.GBps);
}

static void count_pair(struct group **groups_p, size_t *n_p, const struct group *one)
{
    for (size_t i = 0; i < *n_p; i++)
        if (same_group(&(*groups_p)[i], one)) {
            (*groups_p)[i].pairs++;
            return;
        }
    *groups_p = rb_realloc(*groups_p, (*n_p + 1) * sizeof **groups_p);
    (*groups_p)[(*n_p)++] = *one;
}

static size_t collect_groups(const struct topology *t, struct group **groups_p)
{
    static const char *const kinds[] = { "GPU", "NIC", "cores" };
    size_t n = 0;
    for (size_t i = 0; i < topology_end_count(t); i++)
        for (size_t j = i + 1; j < topology_end_count(t); j++) {
            const int a = topology_end(t, i), b = topology_end(t, j);
            const struct topology_path path = topology_path(t, a, b);
            struct group one = { .ceiling = path.ceiling, .effective_GBps = path.effective_GBps, .pairs = 1 };
            snprintf(one.what, sizeof one.what, "%s - %s", kinds[end_kind(t, i)], kinds[end_kind(t, j)]);
            one.rank = (end_kind(t, i) * 3 + end_kind(t, j)) * PATH_CLASSES + (int)path.class;
            topology_path_word(t, a, b, one.word);
            count_pair(groups_p, &n, &one);
        }
    if (n > 0)
        qsort(*groups_p, n, sizeof **groups_p, by_rank);
    return n;
}

static void print_ceilings(const struct topology *t, FILE *out)
{
    char rate[64];
    struct group *groups = NULL;
    const size_t n = collect_groups(t, &groups);
    fprintf(out, "\nCeilings, GB/s = 1e9 bytes per second in one direction\n");
    for (size_t i = 0; i < n; i++) {
        const struct group *g = &groups[i];
        fprintf(out, "  %-14s %-5s %4zu pair%s  %s", g->what, g->word, g->pairs, g->pairs > 1 ? "s" : " ",
                g->ceiling.origin != CEILING_UNKNOWN ? ceiling_text(g->ceiling, rate) : "unknown");
        if (isfinite(g->effective_GBps))
            fprintf(out, "; NCCL's model plans with %.4g", g->effective_GBps);
        fprintf(out, "\n");
    }
    const struct ceiling memory = topology_memory_bandwidth(t);
    if (memory.origin != CEILING_UNKNOWN)
        fprintf(out, "  %-14s %-16s  %s\n", "memory", "one core copies", ceiling_text(memory, rate));
    free(groups);
}

static void print_ring(const struct topology *t, FILE *out)
{
    char rate[64];
    struct topology_ring ring;
    topology_ring(t, &ring);
    if (ring.n > 1) {
        char word[PATH_WORD];
        topology_path_word(t, ring.order[ring.slowest], ring.order[(ring.slowest + 1) % ring.n], word);
        fprintf(out, "\nRing order that maximises the slowest hop (%s%s%s)\n ", word,
                ring.ceiling.origin != CEILING_UNKNOWN ? ", " : "", ceiling_text(ring.ceiling, rate));
        for (size_t k = 0; k < ring.n; k++)
            fprintf(out, " %s >", topology_device(t, (size_t)ring.order[k])->name);
        fprintf(out, " %s\n", topology_device(t, (size_t)ring.order[0])->name);
    }
    topology_ring_free(&ring);
}

static int print_binding(const struct topology *t, int nranks, FILE *out)
{
    if (nranks > 0)
        fprintf(out, "\nBinding of %d rank%s\n", nranks, nranks > 1 ? "s" : "");
    for (int r = 0; r < nranks; r++) {
        struct topology_binding b;
        RB_TRY(topology_binding(t, r, nranks, &b));
        const int node = b.core >= 0 ? topology_device(t, (size_t)b.core)->numa : -1;
        fprintf(out, "  rank %-4d %s%s%s\n", r, b.text, node >= 0 ? "  " : "", node >= 0 ? topology_device(t, (size_t)node)->name : "");
    }
    return RB_OK;
}

static int print_table(const struct topology *t, int nranks, FILE *out)
{
    char *summary = topology_summary(t);
    const char *file = topology_file(t);
    fprintf(out, "%s%s%s: %s\n\nDevices\n", topology_source(t), file != NULL ? " " : "", file != NULL ? file : "", summary);
    free(summary);
    print_subtree(t, -1, 0, out);
    print_nvml(t, out);
    if (topology_end_count(t) > 0)
        print_matrix(t, out);
    print_ceilings(t, out);
    print_ring(t, out);
    return print_binding(t, nranks, out);
}

const struct topology_format format_table = { "table", print_table };
