#include "topo/nvml.h"

#include <math.h>

static json_t *text_or_null(const char *text)
{
    json_t *o = text[0] != '\0' ? json_string(text) : NULL;
    return o != NULL ? o : json_null();
}

static json_t *positive_or_null(double v)
{
    return v > 0 ? json_real(v) : json_null();
}

static json_t *flag_or_null(int v)
{
    return v >= 0 ? json_boolean(v != 0) : json_null();
}

static json_t *pcie_json(struct nvml_pcie p)
{
    return json_pack("{s:i, s:i, s:o}", "generation", p.generation, "lanes", p.width, "GBps", positive_or_null(nvml_pcie_GBps(p)));
}

static json_t *link_json(const struct nvml_link *l, int number)
{
    static const char *const states[] = { "down", "up", "sleeps", "no traffic" };
    static const char *const ends[] = { "unknown", "gpu", "switch", "cpu" };
    json_t *o = json_pack("{s:i, s:s, s:o}", "link", number, "state", l->state >= 0 ? states[l->state] : "unknown", "nvlink",
                          positive_or_null(nvml_link_generation(l->version)));
    if (l->state <= NVML_LINK_DOWN)
        return o;
    json_object_set_new(o, "GBps", positive_or_null(nvml_link_GBps(l)));
    json_object_set_new(o, "raw_GBps", positive_or_null(l->raw_GBps));
    json_object_set_new(o, "to", json_string(ends[l->end]));
    json_object_set_new(o, "bus", text_or_null(l->bus));
    return o;
}

static json_t *instance_json(const struct nvml_mig *m)
{
    return json_pack("{s:o, s:o, s:I}", "name", text_or_null(m->name), "uuid", text_or_null(m->uuid), "bytes", (json_int_t)m->bytes);
}

static json_t *fabric_json(const struct nvml_gpu *g)
{
    static const char *const states[] = { "none", "not started", "in progress", "done" };
    if (g->fabric < 0 || g->fabric > NVML_FABRIC_DONE)
        return json_null();
    return json_pack("{s:s, s:i, s:o, s:I}", "state", states[g->fabric], "result", g->fabric_result, "cluster", text_or_null(g->cluster),
                     "clique", (json_int_t)g->clique);
}

static json_t *gpu_json(const struct nvml_gpu *g, int number)
{
    json_t *links = json_array(), *instances = json_array();
    for (int l = 0; l < g->nlinks; l++)
        json_array_append_new(links, link_json(&g->links[l], l));
    for (int i = 0; i < g->nmig; i++)
        json_array_append_new(instances, instance_json(&g->instances[i]));
    json_t *o = json_pack("{s:i, s:o, s:o, s:o, s:o, s:i, s:I}", "number", number, "trouble", text_or_null(g->trouble), "name",
                          text_or_null(g->name), "uuid", text_or_null(g->uuid), "bus", text_or_null(g->bus), "sm", g->sm, "bytes",
                          (json_int_t)g->bytes);
    json_object_set_new(o, "sm_clock_MHz", positive_or_null(g->sm_clock_MHz));
    json_object_set_new(o, "memory_clock_MHz", positive_or_null(g->memory_clock_MHz));
    json_object_set_new(o, "power_W", positive_or_null(g->power_W));
    json_object_set_new(o, "pcie_now", pcie_json(g->now));
    json_object_set_new(o, "pcie_best", pcie_json(g->best));
    json_object_set_new(o, "c2c_links", json_integer(g->c2c_links));
    json_object_set_new(o, "c2c_GBps", positive_or_null(g->c2c_GBps));
    json_object_set_new(o, "fabric", fabric_json(g));
    json_object_set_new(o, "mig", flag_or_null(g->mig));
    json_object_set_new(o, "instances", instances);
    json_object_set_new(o, "links", links);
    return o;
}

static json_t *pair_json(const struct nvml_pair *p, int a, int b)
{
    return json_pack("{s:i, s:i, s:s, s:s, s:s, s:s}", "from", a, "to", b, "read", nvml_p2p_word(p->p2p[NVML_P2P_READ]), "write",
                     nvml_p2p_word(p->p2p[NVML_P2P_WRITE]), "nvlink", nvml_p2p_word(p->p2p[NVML_P2P_NVLINK]), "atomics",
                     nvml_p2p_word(p->p2p[NVML_P2P_ATOMICS]));
}

json_t *nvml_json(const struct nvml_report *r)
{
    json_t *gpus = json_array(), *pairs = json_array();
    for (int i = 0; i < r->count; i++)
        json_array_append_new(gpus, gpu_json(&r->gpus[i], i));
    for (int i = 0; i < r->count * r->count; i++)
        if (i / r->count != i % r->count)
            json_array_append_new(pairs, pair_json(&r->pairs[i], i / r->count, i % r->count));
    return json_pack("{s:o, s:o, s:i, s:o, s:o}", "driver", text_or_null(r->driver), "library", text_or_null(r->library), "cuda", r->cuda,
                     "gpus", gpus, "peer_access", pairs);
}
