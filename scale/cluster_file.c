/* The settings of a cluster by name, and the file that holds them. */
#include "scale/cluster_file.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Far outside of what is built, well inside of what the arithmetic bears. */
#define LEAST_GBPS 1e-6
#define MOST_GBPS 1e6
#define SLOWEST 1e-3

const char *const cluster_fabric_names[] = { "fat_tree", "rail", "torus", "links", NULL };

static int set_gpu(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    RB_TRY(catalogue_find_gpu(catalogue, where, value, &c->gpu));
    snprintf(c->gpu_name, sizeof c->gpu_name, "%s", c->gpu->model);
    return RB_OK;
}

static int set_nic(struct cluster *c, const char *where, const char *value, const struct catalogue *catalogue)
{
    const struct nic *nic;
    const bool option = strcmp(where, "--nic") == 0; /* the catalogue says --nic itself */
    RB_TRY(catalogue_find_nic(catalogue, option ? NULL : where, value, &nic));
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
    return rb_fail(RB_EUSAGE, "%s: fabric '%s' is not known; %s%s%s", where, value, near != NULL ? "did you mean " : "take fat_tree, rail, torus or links",
                   near != NULL ? near : "", near != NULL ? "?" : "");
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
    if (!(s.share >= SLOWEST && s.share <= 1))
        return rb_fail(RB_EUSAGE, "%s: a share of %g is not that of a slow part; it must be from %g to 1 of the usual rate", where, s.share, SLOWEST);
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
    char ends[2][128], more;
    if (sscanf(value, "%127s %127s %lf %c", ends[0], ends[1], &GBps, &more) != 3)
        return rb_fail(RB_EUSAGE, "%s: 'link %s' is not two ends and GB/s, like \"link node0 leaf0 200\"", where, value);
    for (int i = 0; i < 2; i++) {
        if (strlen(ends[i]) >= CLUSTER_NAME)
            return rb_fail(RB_EUSAGE, "%s: link end '%s' is longer than %d characters", where, ends[i], CLUSTER_NAME - 1);
        snprintf(k.ends[i], sizeof k.ends[i], "%.*s", CLUSTER_NAME - 1, ends[i]);
    }
    if (!(GBps >= LEAST_GBPS && GBps <= MOST_GBPS))
        return rb_fail(RB_EUSAGE, "%s: link %s - %s has a rate of %g GB/s; it must be from %g to %g", where, k.ends[0], k.ends[1], GBps, LEAST_GBPS,
                       MOST_GBPS);
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
    double least, most;
    bool whole, zero, again; /* zero: 0 as well; again: any number of lines */
} settings[] = {
    { .key = "gpu", .set = set_gpu },
    { .key = "nic", .set = set_nic },
    { .key = "fabric", .set = set_fabric },
    { .key = "torus", .set = set_torus },
    { .key = "placement", .set = set_placement },
    { .key = "slow_node", .set = set_slow_node, .again = true },
    { .key = "slow_gpu", .set = set_slow_gpu, .again = true },
    { .key = "link", .set = set_cable, .again = true },
    { "per_node", NULL, AT(per_node), 1, 1, CLUSTER_MOST_GPUS, true, false, false },
    { "nodes", NULL, AT(nodes), 1, 1, CLUSTER_MOST_GPUS, true, false, false },
    { "rails", NULL, AT(rails), 1, 1, CLUSTER_MOST_GPUS, true, false, false },
    { "nodes_per_leaf", NULL, AT(nodes_per_leaf), 1, 1, CLUSTER_MOST_GPUS, true, false, false },
    { "oversubscription", NULL, AT(oversubscription), 1, 1, 1000, false, false, false },
    { "link_GBps", NULL, AT(link_Bps), 1e9, LEAST_GBPS, MOST_GBPS, false, false, false },
    { "link_us", NULL, AT(link_latency.bulk_hop_s), 1e-6, 0, 1e9, false, true, false },
    { "nic_GBps", NULL, AT(nic_Bps), 1e9, LEAST_GBPS, MOST_GBPS, false, false, false },
    { "nic_us", NULL, AT(nic_latency.bulk_hop_s), 1e-6, 0, 1e9, false, true, false },
    { "reduce_GBps", NULL, AT(reduce_Bps), 1e9, LEAST_GBPS, MOST_GBPS, false, true, false },
    { "memory_GBps", NULL, AT(memory_Bps), 1e9, LEAST_GBPS, MOST_GBPS, false, true, false },
};

/* A latency of one's own replaces both protocols: base free, small messages as large ones. */
static void own_latency(struct link_latency *l, double hop)
{
    *l = (struct link_latency){ 0, hop, 0, hop, 1 };
}

static int set_number(struct cluster *c, const char *where, const struct setting *s, const char *value)
{
    double v;
    const bool number = units_parse_number(value, &v) && (!s->whole || v == floor(v));
    if (!number || !((s->zero && v == 0) || (v >= s->least && v <= s->most)))
        return rb_fail(RB_EUSAGE, "%s: %s = '%s' must be a %s from %g to %g%s", where, s->key, value, s->whole ? "whole number" : "number", s->least,
                       s->most, s->zero && s->least > 0 ? ", or 0 (free)" : "");
    char *field = (char *)c + s->offset;
    if (s->whole)
        *(int *)(void *)field = (int)v;
    else
        *(double *)(void *)field = v * s->scale;
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

struct lines {
    char *where; /* file:line */
    int number;
    int first[RB_LEN(settings)]; /* where a setting was said; 0: not yet */
};

static int set_line(struct cluster *c, struct lines *l, const char *key, const char *value, const struct catalogue *catalogue)
{
    const int at = setting_of(key);
    if (at >= 0 && !settings[at].again && l->first[at] > 0)
        return rb_fail(RB_EUSAGE, "%s: %s is there twice; line %d has it as well", l->where, key, l->first[at]);
    if (at >= 0)
        l->first[at] = l->number;
    return cluster_set(c, l->where, key, value, catalogue);
}

static int read_line(struct cluster *c, struct lines *l, char *line, const struct catalogue *catalogue)
{
    line[strcspn(line, "#")] = '\0';
    line = trim(line);
    if (line[0] == '\0')
        return RB_OK;
    if (strncmp(line, "link ", 5) == 0)
        return set_line(c, l, "link", trim(line + 5), catalogue);
    char *value = strchr(line, '=');
    if (value == NULL)
        return rb_fail(RB_EUSAGE, "%s: '%.40s' is neither KEY = VALUE nor link A B GB/s", l->where, line);
    *value++ = '\0';
    return set_line(c, l, trim(line), trim(value), catalogue);
}

/* A named pipe would be waited for; what the shell hands over (/dev/stdin, /dev/fd/63) has its writer. */
static int check_kind(const char *path)
{
    struct stat st;
    const bool handed = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !handed)
        return rb_fail(RB_EUSAGE, "%s: no cluster file: %s", path, S_ISDIR(st.st_mode) ? "a directory" : "a pipe or device, not a regular file");
    return RB_OK;
}

int cluster_read_file(struct cluster *c, const char *path, const struct catalogue *catalogue)
{
    struct text t = {0};
    RB_TRY(check_kind(path));
    RB_TRY(text_read_file(&t, path, 4 << 20));
    int rc = t.length == 0 || memchr(t.chars, '\0', t.length) != NULL ? rb_fail(RB_EUSAGE, "%s: no cluster file: empty or binary", path) : RB_OK;
    struct lines l = {0};
    for (char *line = t.chars, *next; rc == RB_OK && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        l.where = rb_format("%s:%d", path, ++l.number);
        const int before = c->ncables;
        rc = read_line(c, &l, line, catalogue);
        if (c->ncables > before)
            c->cables[before].line = l.number;
        free(l.where);
    }
    text_free(&t);
    return rc;
}
