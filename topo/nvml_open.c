/* Opening the library, and the facts of each GPU and pair. */
#include "topo/nvml_ask.h"

#include "core/error.h"
#include "core/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct nvml {
    struct nvml_api api;
};

struct nvml *nvml_open(const char *file, char why[NVML_WHY])
{
    struct nvml *n = rb_calloc(1, sizeof *n);
    if (!nvml_api_open(&n->api, file, why, NVML_WHY)) {
        free(n);
        return NULL;
    }
    const int result = n->api.init();
    if (result == NVML_OK)
        return n;
    snprintf(why, NVML_WHY, "nvmlInit: %s (%d)", nvml_error_name(result), result);
    nvml_api_close(&n->api);
    free(n);
    return NULL;
}

void nvml_close(struct nvml *n)
{
    if (n == NULL)
        return;
    n->api.shutdown();
    nvml_api_close(&n->api);
    free(n);
}

void nvml_bus_text(char bus[16], unsigned domain, unsigned number, unsigned device)
{
    snprintf(bus, 16, "%04x:%02x:%02x.0", domain & 0xffffffff, number & 0xff, device & 0x1f);
}

static void ask_identity(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    struct nvml_memory memory = { 0 };
    int major = 0, minor = 0;
    unsigned v = 0;
    if (NVML_CALL(api, name, h, g->name, NVML_TEXT) != NVML_OK)
        g->name[0] = '\0';
    if (NVML_CALL(api, uuid, h, g->uuid, NVML_TEXT) != NVML_OK)
        g->uuid[0] = '\0';
    if (NVML_CALL(api, memory, h, &memory) == NVML_OK)
        g->bytes = memory.total;
    if (NVML_CALL(api, capability, h, &major, &minor) == NVML_OK)
        g->sm = 10 * major + minor;
    if (NVML_CALL(api, clock_max, h, NVML_CLOCK_SM, &v) == NVML_OK)
        g->sm_clock_MHz = (int)v;
    if (NVML_CALL(api, clock_max, h, NVML_CLOCK_MEMORY, &v) == NVML_OK)
        g->memory_clock_MHz = (int)v;
    if (NVML_CALL(api, power_limit, h, &v) == NVML_OK)
        g->power_W = v * 1e-3;
}

static struct nvml_pcie ask_pcie_now(const struct nvml_api *api, struct nvml_handle *h)
{
    unsigned generation = 0, width = 0;
    if (NVML_CALL(api, pcie_generation, h, &generation) != NVML_OK)
        generation = 0;
    if (NVML_CALL(api, pcie_width, h, &width) != NVML_OK)
        width = 0;
    return (struct nvml_pcie){ (int)generation, (int)width };
}

static struct nvml_pcie ask_pcie_best(const struct nvml_api *api, struct nvml_handle *h)
{
    unsigned generation = 0, width = 0;
    if (NVML_CALL(api, pcie_generation_max, h, &generation) != NVML_OK)
        generation = 0;
    if (NVML_CALL(api, pcie_width_max, h, &width) != NVML_OK)
        width = 0;
    return (struct nvml_pcie){ (int)generation, (int)width };
}

/* Numbers of instances may have gaps: there is room for seven, not always seven. */
static void ask_instances(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    unsigned most = 0;
    if (NVML_CALL(api, mig_max, h, &most) != NVML_OK)
        return;
    for (unsigned i = 0; i < most && g->nmig < NVML_MIG_MAX; i++) {
        struct nvml_handle *instance = NULL;
        if (NVML_CALL(api, mig_by_index, h, i, &instance) != NVML_OK)
            continue;
        struct nvml_mig *m = &g->instances[g->nmig++];
        struct nvml_memory memory = { 0 };
        if (NVML_CALL(api, name, instance, m->name, NVML_TEXT) != NVML_OK)
            m->name[0] = '\0';
        if (NVML_CALL(api, uuid, instance, m->uuid, NVML_TEXT) != NVML_OK)
            m->uuid[0] = '\0';
        if (NVML_CALL(api, memory, instance, &memory) == NVML_OK)
            m->bytes = memory.total;
    }
}

static void ask_mig(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    unsigned now = 0, pending = 0;
    if (NVML_CALL(api, mig_mode, h, &now, &pending) != NVML_OK)
        return;
    g->mig = now != 0;
    g->mig_pending = pending != 0;
    if (g->mig == 1)
        ask_instances(api, h, g);
}

/* A lost GPU still has its number; everything else of it is unknown. */
static struct nvml_handle *ask_gpu(const struct nvml_api *api, unsigned index, struct nvml_gpu *g)
{
    struct nvml_handle *h = NULL;
    struct nvml_pci pci = { .domain = 0 };
    g->mig = g->mig_pending = g->fabric = -1;
    int result = api->by_index(index, &h);
    if (result == NVML_OK)
        result = api->pci(h, &pci);
    if (result != NVML_OK) {
        g->result = result;
        snprintf(g->trouble, sizeof g->trouble, "%s (%d)", nvml_error_name(result), result);
        return NULL;
    }
    nvml_bus_text(g->bus, pci.domain, pci.bus, pci.device);
    ask_identity(api, h, g);
    g->now = ask_pcie_now(api, h);
    g->best = ask_pcie_best(api, h);
    ask_mig(api, h, g);
    nvml_ask_links(api, h, g);
    nvml_ask_c2c(api, h, g);
    nvml_ask_fabric(api, h, g);
    return h;
}

static void ask_pairs(const struct nvml_api *api, struct nvml_handle *const *handles, struct nvml_report *r)
{
    for (int i = 0; i < r->count * r->count; i++) {
        struct nvml_handle *a = handles[i / r->count], *b = handles[i % r->count];
        struct nvml_pair *p = &r->pairs[i];
        *p = (struct nvml_pair){ { -1, -1, -1, -1 }, -1 };
        if (a == NULL || b == NULL || a == b)
            continue;
        for (int kind = 0; kind < NVML_P2P_KINDS; kind++)
            if (NVML_CALL(api, p2p, a, b, kind, &p->p2p[kind]) != NVML_OK)
                p->p2p[kind] = -1;
        if (NVML_CALL(api, ancestor, a, b, &p->ancestor) != NVML_OK)
            p->ancestor = -1;
    }
}

struct nvml_report *nvml_read(struct nvml *n)
{
    const struct nvml_api *api = &n->api;
    struct nvml_report *r = rb_calloc(1, sizeof *r);
    unsigned count = 0;
    if (NVML_CALL(api, driver, r->driver, NVML_TEXT) != NVML_OK)
        r->driver[0] = '\0';
    if (NVML_CALL(api, version, r->library, NVML_TEXT) != NVML_OK)
        r->library[0] = '\0';
    if (NVML_CALL(api, cuda, &r->cuda) != NVML_OK)
        r->cuda = 0;
    if (api->count(&count) != NVML_OK)
        count = 0;
    r->count = (int)count;
    r->gpus = rb_calloc(count, sizeof *r->gpus);
    r->pairs = rb_calloc((size_t)count * count, sizeof *r->pairs);
    struct nvml_handle **handles = rb_calloc(count, sizeof *handles);
    for (unsigned i = 0; i < count; i++)
        handles[i] = ask_gpu(api, i, &r->gpus[i]);
    ask_pairs(api, handles, r);
    nvml_find_peers(r);
    free(handles);
    return r;
}

void nvml_report_free(struct nvml_report *r)
{
    if (r == NULL)
        return;
    free(r->gpus);
    free(r->pairs);
    free(r);
}

int nvml_pcie_now(struct nvml *n, int gpu, struct nvml_pcie *now_p)
{
    struct nvml_handle *h = NULL;
    const int result = n->api.by_index((unsigned)gpu, &h);
    if (result != NVML_OK)
        return rb_fail(RB_ECUDA, "GPU %d: %s (%d)", gpu, nvml_error_name(result), result);
    *now_p = ask_pcie_now(&n->api, h);
    return RB_OK;
}

const struct nvml_pair *nvml_pair(const struct nvml_report *r, int a, int b)
{
    return &r->pairs[a * r->count + b];
}

/* "00000000:17:00.0", "0000:17:00.0" and "17:00.0" are one address. */
static const char *skip_zeros(const char *bus)
{
    const char *colon = strchr(bus, ':');
    if (colon == NULL || strchr(colon + 1, ':') == NULL)
        return bus;
    while (*bus == '0')
        bus++;
    return *bus == ':' ? bus + 1 : bus;
}

bool nvml_same_bus(const char *a, const char *b)
{
    return a[0] != '\0' && strcasecmp(skip_zeros(a), skip_zeros(b)) == 0;
}

static const char *skip_word(const char *uuid)
{
    return strncasecmp(uuid, "GPU-", 4) == 0 ? uuid + 4 : uuid;
}

int nvml_find(const struct nvml_report *r, const char *bus_or_uuid)
{
    for (int i = 0; i < r->count; i++) {
        const struct nvml_gpu *g = &r->gpus[i];
        if (nvml_same_bus(g->bus, bus_or_uuid) || (g->uuid[0] != '\0' && strcasecmp(skip_word(g->uuid), skip_word(bus_or_uuid)) == 0))
            return i;
    }
    return -1;
}
