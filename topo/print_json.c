#include "topo/print.h"

#include "core/error.h"
#include "topo/nvml.h"

#include <math.h>
#include <stdlib.h>

static json_t *number_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *ceiling_json(struct ceiling c)
{
    return json_pack("{s:o, s:s}", "GBps", number_or_null(c.GBps), "from", ceiling_origin_name(c.origin));
}

/* What was read from firmware or a file may hold bytes that are no UTF-8; such a text is left out. */
static json_t *text_or_null(const char *text)
{
    json_t *o = text != NULL && text[0] != '\0' ? json_string(text) : NULL;
    return o != NULL ? o : json_null();
}

static json_t *name_of(const struct topology *t, int device)
{
    return device >= 0 ? json_string(topology_device(t, (size_t)device)->name) : json_null();
}

static json_t *device_json(const struct topology *t, const struct topology_device *d)
{
    json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:o}", "name", d->name, "kind", topo_kind_name(d->kind), "parent",
                          name_of(t, d->parent), "numa_node", name_of(t, d->numa), "package", name_of(t, d->package), "os_index",
                          d->os_index, "detail", text_or_null(d->detail));
    if (d->bus[0] != '\0')
        json_object_set_new(o, "bus", json_string(d->bus));
    if (d->cpus[0] != '\0')
        json_object_set_new(o, "cpus", json_string(d->cpus));
    if (d->cores > 0)
        json_object_set_new(o, "cores", json_integer(d->cores));
    if (d->bytes > 0)
        json_object_set_new(o, "bytes", json_integer((json_int_t)d->bytes));
    if (d->kind >= TOPO_BRIDGE)
        json_object_set_new(o, "pcie", ceiling_json(d->uplink));
    if (d->kind == TOPO_NIC)
        json_object_set_new(o, "wire", ceiling_json(d->rate));
    return o;
}

static json_t *devices_json(const struct topology *t)
{
    json_t *a = json_array();
    for (size_t i = 0; i < topology_device_count(t); i++)
        json_array_append_new(a, device_json(t, topology_device(t, i)));
    return a;
}

static json_t *nvlinks_json(const struct topology *t)
{
    json_t *a = json_array();
    for (size_t i = 0; i < topology_nvlink_count(t); i++) {
        const struct topology_nvlink *l = topology_nvlink(t, i);
        json_array_append_new(a, json_pack("{s:o, s:o, s:i, s:o, s:o, s:o}", "a", name_of(t, l->a), "b", name_of(t, l->b), "count", l->count,
                                           "nvlink", l->generation > 0 ? json_real(l->generation) : json_null(), "ceiling", ceiling_json(l->nominal), "effective_GBps", number_or_null(l->effective_GBps)));
    }
    return a;
}

static json_t *ends_json(const struct topology *t)
{
    json_t *a = json_array();
    for (size_t i = 0; i < topology_end_count(t); i++)
        json_array_append_new(a, name_of(t, topology_end(t, i)));
    return a;
}

static json_t *path_json(const struct topology *t, int a, int b)
{
    char word[PATH_WORD];
    const struct topology_path p = topology_path(t, a, b);
    json_t *o = json_pack("{s:o, s:o, s:s, s:o}", "from", name_of(t, a), "to", name_of(t, b), "class",
                          topology_path_word(t, a, b, word), "ceiling", ceiling_json(p.ceiling));
    if (p.class == PATH_NV)
        json_object_set_new(o, "effective_GBps", number_or_null(p.effective_GBps));
    return o;
}

/* Both directions of a path are alike, so each pair stands once. */
static json_t *paths_json(const struct topology *t)
{
    json_t *a = json_array();
    for (size_t i = 0; i < topology_end_count(t); i++)
        for (size_t j = i + 1; j < topology_end_count(t); j++)
            json_array_append_new(a, path_json(t, topology_end(t, i), topology_end(t, j)));
    return a;
}

static json_t *ring_json(const struct topology *t)
{
    struct topology_ring ring;
    topology_ring(t, &ring);
    json_t *order = json_array();
    for (size_t k = 0; k < ring.n; k++)
        json_array_append_new(order, name_of(t, ring.order[k]));
    json_t *slowest = json_null();
    if (ring.n > 1)
        slowest = path_json(t, ring.order[ring.slowest], ring.order[(ring.slowest + 1) % ring.n]);
    json_t *o = json_pack("{s:o, s:o, s:o}", "order", order, "slowest", slowest, "ceiling", ceiling_json(ring.ceiling));
    topology_ring_free(&ring);
    return o;
}

json_t *topology_json(const struct topology *t)
{
    char *summary = topology_summary(t);
    json_t *o = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "source", topology_source(t), "file",
                          text_or_null(topology_file(t)), "summary", summary, "memory_copy", ceiling_json(topology_memory_bandwidth(t)),
                          "devices", devices_json(t), "nvlinks", nvlinks_json(t), "ends", ends_json(t), "paths", paths_json(t), "ring",
                          ring_json(t));
    free(summary);
    if (topology_nvml(t) != NULL)
        json_object_set_new(o, "driver", nvml_json(topology_nvml(t)));
    else if (topology_is_live(t))
        json_object_set_new(o, "driver", json_pack("{s:s}", "why", topology_nvml_why(t)));
    return o;
}

static int binding_json(const struct topology *t, int nranks, json_t *array)
{
    for (int r = 0; r < nranks; r++) {
        struct topology_binding b;
        RB_TRY(topology_binding(t, r, nranks, &b));
        json_array_append_new(array, json_pack("{s:i, s:o, s:s, s:b, s:b, s:s}", "rank", r, "core", name_of(t, b.core), "cpus", b.cpus,
                                               "shared", (int)b.shared, "sibling", (int)b.sibling, "text", b.text));
    }
    return RB_OK;
}

static int print_json(const struct topology *t, int nranks, FILE *out)
{
    json_t *o = topology_json(t), *binding = json_array();
    int rc = binding_json(t, nranks, binding);
    json_object_set_new(o, "binding", binding);
    if (rc == RB_OK && json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        rc = rb_fail(RB_EINTERNAL, "the topology cannot be written as JSON");
    if (rc == RB_OK)
        fprintf(out, "\n");
    json_decref(o);
    return rc;
}

const struct topology_format format_json = { "json", print_json };
