/* The NVLinks of a GPU: which are up, how fast, and where they lead. */
#include "topo/nvml_ask.h"

#include "topo/sysfs.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* Which links a GPU may have when its driver does not say how many: P100, V100, A100, then 18
 * (github.com/NVIDIA/nccl src/graph/xml.cc). */
static int links_of(int sm)
{
    return sm == 0 ? NVML_LINKS_MAX : sm < 60 ? 0 : sm < 70 ? 4 : sm < 80 ? 6 : sm < 90 ? 12 : 18;
}

static double field_number(const struct nvml_field *f)
{
    switch (f->type) {
    case NVML_VALUE_DOUBLE:
        return f->value.d;
    case NVML_VALUE_ULONG:
        return (double)f->value.ul;
    case NVML_VALUE_ULLONG:
        return (double)f->value.ull;
    case NVML_VALUE_LLONG:
        return (double)f->value.ll;
    case NVML_VALUE_INT:
        return f->value.i;
    case NVML_VALUE_USHORT:
        return f->value.us;
    default:
        return f->value.u;
    }
}

static bool ask_field(const struct nvml_api *api, struct nvml_handle *h, struct nvml_field f, double *number_p)
{
    if (NVML_CALL(api, fields, h, 1, &f) != NVML_OK || f.result != NVML_OK)
        return false;
    *number_p = field_number(&f);
    return true;
}

/* From compute capability 9.0 on the field tells the state, before that the function (as NCCL does it); drivers that know only one of
 * them are asked for the other. */
static enum nvml_link_state ask_state(const struct nvml_api *api, struct nvml_handle *h, int sm, unsigned link)
{
    double field = 0;
    int state = 0;
    if (sm >= 90 && ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_LINK_STATE, .scope = link }, &field))
        return field > 2 ? NVML_LINK_NO_TRAFFIC : (enum nvml_link_state)field;
    if (NVML_CALL(api, link_state, h, link, &state) == NVML_OK)
        return state != 0 ? NVML_LINK_UP : NVML_LINK_DOWN;
    return NVML_LINK_UNKNOWN;
}

/* Newest way first: by link, by a field for each of the first twelve, one for all. */
static double ask_speed(const struct nvml_api *api, struct nvml_handle *h, unsigned link)
{
    double MBps = 0;
    if (ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_LINK_SPEED, .scope = link }, &MBps) && MBps > 0)
        return MBps * 1e-3;
    const unsigned own = link < 6 ? NVML_FIELD_SPEED_L0 + link : NVML_FIELD_SPEED_L6 + link - 6;
    if (link < 12 && ask_field(api, h, (struct nvml_field){ .id = own }, &MBps) && MBps > 0)
        return MBps * 1e-3;
    if (ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_SPEED_COMMON }, &MBps))
        return MBps * 1e-3;
    return 0;
}

/* A virtual machine sees an empty address or one of all ones. */
static bool is_hidden(const char *bus)
{
    return bus[strspn(bus, "fF:.")] == '\0' || bus[strspn(bus, "0:.")] == '\0';
}

/* PCI base classes: 03 display, 06 bridge; an NVSwitch is a bridge of another kind, 0680. */
static enum nvml_end end_of_class(const char *bus)
{
    char *path = rb_format("/sys/bus/pci/devices/%s/class", bus);
    const unsigned base = (unsigned)sysfs_number(path) >> 16;
    free(path);
    return base == 0x06 ? NVML_END_SWITCH : base == 0x03 ? NVML_END_GPU : NVML_END_UNKNOWN;
}

static enum nvml_end end_of_type(int type)
{
    return type == NVML_REMOTE_GPU ? NVML_END_GPU : type == NVML_REMOTE_SWITCH ? NVML_END_SWITCH :
           type == NVML_REMOTE_CPU ? NVML_END_CPU : NVML_END_UNKNOWN;
}

static void ask_end(const struct nvml_api *api, struct nvml_handle *h, unsigned link, struct nvml_link *l)
{
    struct nvml_pci pci = { .domain = 0 };
    int type = -1;
    if (NVML_CALL(api, link_remote_type, h, link, &type) == NVML_OK)
        l->end = end_of_type(type);
    if (NVML_CALL(api, link_remote, h, link, &pci) == NVML_OK && !is_hidden(pci.bus_short))
        nvml_bus_text(l->bus, pci.domain, pci.bus, pci.device);
    l->hidden = l->end == NVML_END_UNKNOWN && l->bus[0] == '\0';
    if (l->end == NVML_END_UNKNOWN)
        l->end = l->hidden ? NVML_END_SWITCH : end_of_class(l->bus);
}

static void ask_link(const struct nvml_api *api, struct nvml_handle *h, int sm, unsigned link, struct nvml_link *l)
{
    unsigned v = 0;
    l->peer = -1;
    l->state = ask_state(api, h, sm, link);
    if (l->state == NVML_LINK_UNKNOWN)
        return;
    if (NVML_CALL(api, link_version, h, link, &v) == NVML_OK)
        l->version = (int)v;
    if (l->state == NVML_LINK_DOWN)
        return;
    l->raw_GBps = ask_speed(api, h, link);
    ask_end(api, h, link, l);
    if (NVML_CALL(api, link_capability, h, link, NVML_CAPABILITY_P2P, &v) == NVML_OK && v == 0)
        l->state = NVML_LINK_NO_TRAFFIC; /* to a processor, say */
}

void nvml_ask_links(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    double told = 0;
    int n = links_of(g->sm);
    if (ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_LINK_COUNT }, &told) && told >= 0)
        n = told < NVML_LINKS_MAX ? (int)told : NVML_LINKS_MAX;
    for (int link = 0; link < n; link++) {
        ask_link(api, h, g->sm, (unsigned)link, &g->links[link]);
        if (g->links[link].state != NVML_LINK_UNKNOWN)
            g->nlinks = link + 1;
    }
}

void nvml_ask_c2c(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    double count = 0, state = 0, MBps = 0;
    if (!ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_C2C_COUNT }, &count))
        return;
    for (unsigned link = 0; link < count && link < NVML_LINKS_MAX; link++)
        if (ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_C2C_STATE, .scope = link }, &state) && state > 0 &&
            ask_field(api, h, (struct nvml_field){ .id = NVML_FIELD_C2C_SPEED, .scope = link }, &MBps)) {
            g->c2c_links++;
            g->c2c_GBps += MBps * 1e-3;
        }
}

void nvml_ask_fabric(const struct nvml_api *api, struct nvml_handle *h, struct nvml_gpu *g)
{
    struct nvml_fabric f = { .version = NVML_FABRIC_V2 };
    bool any = false;
    if (NVML_CALL(api, fabric, h, &f) != NVML_OK)
        return;
    g->fabric = f.state;
    g->fabric_result = f.status;
    g->clique = f.clique;
    for (size_t i = 0; i < sizeof f.cluster; i++)
        any = any || f.cluster[i] != 0;
    for (size_t i = 0; any && i < sizeof f.cluster; i++)
        snprintf(g->cluster + 2 * i, 3, "%02x", f.cluster[i]);
}

void nvml_find_peers(struct nvml_report *r)
{
    for (int g = 0; g < r->count; g++)
        for (int l = 0; l < r->gpus[g].nlinks; l++) {
            struct nvml_link *link = &r->gpus[g].links[l];
            const int peer = link->bus[0] != '\0' ? nvml_find(r, link->bus) : -1;
            if (peer < 0 && link->end == NVML_END_UNKNOWN && link->state > NVML_LINK_DOWN)
                link->end = NVML_END_SWITCH; /* an address of no GPU here */
            if (peer >= 0) {
                link->peer = peer;
                link->end = NVML_END_GPU;
            }
        }
}
