/* The settings of a cluster by name, and the file that holds them. */
#include "scale/cluster_file.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cluster_fabric_names[] = { "fat_tree", "rail", "torus", "links", NULL };

static int set_gpu(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)where;
    RB_TRY(catalogue_find_gpu(catalogue, value, &c->gpu));
    snprintf(c->gpu_name, sizeof c->gpu_name, "%s", c->gpu->model);
    return RB_OK;
}

static int set_nic(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    const struct nic *nic;
    RB_TRY(catalogue_find_nic(catalogue, value, &nic));
    if (isnan(nic->unidir_GBps.value))
        return rb_fail(RB_EUSAGE, "%s: the catalogue has no bandwidth for card '%s'", where, nic->name);
    snprintf(c->nic_name, sizeof c->nic_name, "%s", nic->name);
    c->nic_nominal_Bps = nic->unidir_GBps.value * 1e9;
    c->nic_Bps = isnan(nic->measured_GBps.value) ? 0 : nic->measured_GBps.value * 1e9;
    c->weak = c->weak || nic->rate_Gbps.weak;
    return RB_OK;
}

static int set_fabric(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    size_t n = 0;
    while (cluster_fabric_names[n] != NULL) {
        if (strcmp(cluster_fabric_names[n], value) == 0) {
            c->fabric = (enum cluster_fabric)n;
            return RB_OK;
        }
        n++;
    }
    const char *near = text_nearest(value, cluster_fabric_names, n);
    return rb_fail(RB_EUSAGE, "%s: fabric '%s' is not known; %s", where, value,
                   near != NULL ? near : "fat_tree, rail, torus or links");
}

static int set_torus(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    int n[3] = { 1, 1, 1 };
    char more;
    const int got = sscanf(value, "%dx%dx%d%c", &n[0], &n[1], &n[2], &more);
    if (got < 1 || got > 3 || n[0] < 1 || n[1] < 1 || n[2] < 1 || n[0] > 1024 || n[1] > 1024 || n[2] > 1024)
        return rb_fail(RB_EUSAGE, "%s: torus '%s' is not like 4x4x8 (up to three sides of 1 to 1024)", where, value);
    memcpy(c->torus, n, sizeof n);
    return RB_OK;
}

static int set_placement(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    c->scattered = strcmp(value, "scattered") == 0;
    if (!c->scattered && strcmp(value, "ordered") != 0)
        return rb_fail(RB_EUSAGE, "%s: placement '%s' is neither ordered nor scattered", where, value);
    return RB_OK;
}

static int set_slow(struct cluster *c, const char *where, const char *value, bool node)
{
    struct cluster_slow s = { .node = node };
    char more;
    if (sscanf(value, "%d %lf %c", &s.index, &s.share, &more) != 2 && sscanf(value, "%d:%lf%c", &s.index, &s.share, &more) != 2)
        return rb_fail(RB_EUSAGE, "%s: '%s' is not a number and a share of the usual rate, like \"3 0.5\"", where, value);
    if (!(s.share > 0 && s.share <= 1000))
        return rb_fail(RB_EUSAGE, "%s: a share of %g leaves no link; it must be above 0", where, s.share);
    if (c->nslow == CLUSTER_SLOW)
        return rb_fail(RB_EUSAGE, "%s: more than %d slow parts", where, CLUSTER_SLOW);
    c->slow[c->nslow++] = s;
    return RB_OK;
}

static int set_slow_node(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    return set_slow(c, where, value, true);
}

static int set_slow_gpu(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    return set_slow(c, where, value, false);
}

/* "node0 leaf0 200" */
static int set_cable(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    (void)catalogue;
    struct cluster_cable k = {0};
    double GBps;
    char more;
    if (sscanf(value, "%23s %23s %lf %c", k.ends[0], k.ends[1], &GBps, &more) != 3)
        return rb_fail(RB_EUSAGE, "%s: 'link %s' is not two ends and GB/s, like \"link node0 leaf0 200\"", where, value);
    if (!(GBps > 0) || isinf(GBps))
        return rb_fail(RB_EUSAGE, "%s: link %s - %s has a rate of %g GB/s; it must be above 0", where, k.ends[0], k.ends[1], GBps);
    if (strcmp(k.ends[0], k.ends[1]) == 0)
        return rb_fail(RB_EUSAGE, "%s: link %s - %s joins an end to itself", where, k.ends[0], k.ends[1]);
    k.Bps = GBps * 1e9;
    k.line = c->ncables + 1;
    c->cables = rb_realloc(c->cables, (size_t)(c->ncables + 1) * sizeof *c->cables);
    c->cables[c->ncables++] = k;
    return RB_OK;
}

#define AT(field) offsetof(struct cluster, field)
static const struct setting {
    const char *key;
    int (*set)(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue);
    size_t offset; /* without set: of a number */
    double scale;
    bool whole, zero;
} settings[] = {
    { "gpu", set_gpu, 0, 0, false, false },
    { "nic", set_nic, 0, 0, false, false },
    { "fabric", set_fabric, 0, 0, false, false },
    { "torus", set_torus, 0, 0, false, false },
    { "placement", set_placement, 0, 0, false, false },
    { "slow_node", set_slow_node, 0, 0, false, false },
    { "slow_gpu", set_slow_gpu, 0, 0, false, false },
    { "link", set_cable, 0, 0, false, false },
    { "per_node", NULL, AT(per_node), 1, true, false },
    { "nodes", NULL, AT(nodes), 1, true, false },
    { "rails", NULL, AT(rails), 1, true, true },
    { "nodes_per_leaf", NULL, AT(nodes_per_leaf), 1, true, false },
    { "oversubscription", NULL, AT(oversubscription), 1, false, false },
    { "link_GBps", NULL, AT(link_Bps), 1e9, false, false },
    { "link_us", NULL, AT(link_latency.bulk_hop_s), 1e-6, false, true },
    { "nic_GBps", NULL, AT(nic_Bps), 1e9, false, false },
    { "nic_us", NULL, AT(nic_latency.bulk_hop_s), 1e-6, false, true },
    { "reduce_GBps", NULL, AT(reduce_Bps), 1e9, false, true },
    { "memory_GBps", NULL, AT(memory_Bps), 1e9, false, true },
};

/* A latency of one's own replaces both protocols: base free, small messages as large ones. */
static void own_latency(struct link_latency *l, double hop)
{
    *l = (struct link_latency){ 0, hop, 0, hop, 1 };
}

static int set_number(struct cluster *c, const char *where, const struct setting *s, const char *value)
{
    double v;
    if (!units_parse_number(value, &v) || v < 0 || (v <= 0 && !s->zero) || (s->whole && v != floor(v)))
        return rb_fail(RB_EUSAGE, "%s: %s = '%s' must be a %s %s", where, s->key, value, s->whole ? "whole number" : "number",
                       s->zero ? "of at least 0" : "above 0");
    if (s->whole && v > CLUSTER_MOST_GPUS)
        return rb_fail(RB_EUSAGE, "%s: %s = %s is more than the %d that can be simulated", where, s->key, value, CLUSTER_MOST_GPUS);
    char *field = (char *)c + s->offset;
    if (s->whole)
        *(int *)(void *)field = (int)v;
    else
        *(double *)(void *)field = v * s->scale;
    c->own_link = c->own_link || s->offset == AT(link_Bps);
    if (s->offset == AT(link_latency.bulk_hop_s))
        own_latency(&c->link_latency, v * s->scale);
    if (s->offset == AT(nic_latency.bulk_hop_s))
        own_latency(&c->nic_latency, v * s->scale);
    return RB_OK;
}

static int setting_of(const char *key)
{
    for (size_t i = 0; i < RB_LEN(settings); i++)
        if (strcmp(settings[i].key, key) == 0)
            return (int)i;
    return -1;
}

bool cluster_given(const struct cluster *c, const char *key)
{
    const int at = setting_of(key);
    return at >= 0 && (c->given >> at & 1U) != 0;
}

int cluster_set(struct cluster *c, const char *where, const char *key, const char *value, const struct catalogue *catalogue)
{
    const int at = setting_of(key);
    if (at >= 0) {
        const struct setting *s = &settings[at];
        c->given |= 1U << at;
        return s->set != NULL ? s->set(c, where, value, catalogue) : set_number(c, where, s, value);
    }
    const char *names[RB_LEN(settings)];
    for (size_t i = 0; i < RB_LEN(settings); i++)
        names[i] = settings[i].key;
    const char *near = text_nearest(key, names, RB_LEN(settings));
    return rb_fail(RB_EUSAGE, "%s: '%s' is not known; %s%s", where, key, near != NULL ? "did you mean " : "see data/clusters.csv",
                   near != NULL ? near : "");
}

/* --- the file --- */

static char *trim(char *s)
{
    s += strspn(s, " \t\r");
    for (size_t n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
        s[n - 1] = '\0';
    return s;
}

static int read_line(struct cluster *c, const char *where, char *line, const struct catalogue *catalogue)
{
    line[strcspn(line, "#")] = '\0';
    line = trim(line);
    if (line[0] == '\0')
        return RB_OK;
    if (strncmp(line, "link ", 5) == 0)
        return cluster_set(c, where, "link", trim(line + 5), catalogue);
    char *value = strchr(line, '=');
    if (value == NULL)
        return rb_fail(RB_EUSAGE, "%s: '%.40s' is neither KEY = VALUE nor link A B GB/s", where, line);
    *value++ = '\0';
    return cluster_set(c, where, trim(line), trim(value), catalogue);
}

int cluster_read_file(struct cluster *c, const char *path, const struct catalogue *catalogue)
{
    struct text t = {0};
    RB_TRY(text_read_file(&t, path, 4 << 20));
    int rc = t.length == 0 || memchr(t.chars, '\0', t.length) != NULL ? rb_fail(RB_EUSAGE, "%s: no cluster file: empty or binary", path) : RB_OK;
    char *line = t.chars;
    for (int number = 1; rc == RB_OK && line != NULL; number++) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        char *where = rb_format("%s:%d", path, number);
        const int before = c->ncables;
        rc = read_line(c, where, line, catalogue);
        if (c->ncables > before)
            c->cables[before].line = number;
        free(where);
        line = next;
    }
    text_free(&t);
    return rc;
}
