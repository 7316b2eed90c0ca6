#include "topo/nvml_notes.h"

#include "core/text.h"
#include "topo/catalogue.h"

#include <stdlib.h>
#include <string.h>

struct teller {
    void (*visit)(void *context, const char *note);
    void *context;
    const struct nvml_report *r;
};

static void tell(const struct teller *to, char *note)
{
    to->visit(to->context, note);
    free(note);
}

/* The most links that are up on any GPU of the same model. */
static int most_links(const struct nvml_report *r, const char *model)
{
    int most = 0;
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->gpus[i].name, model) == 0 && nvml_links_up(&r->gpus[i]) > most)
            most = nvml_links_up(&r->gpus[i]);
    return most;
}

/* A GPU that has none at all where its model may have some has no bridge, which is no fault. */
static int wanted_links(const struct nvml_report *r, const struct nvml_gpu *g)
{
    const struct gpu_links *known = catalogue_gpu(g->name);
    const int most = most_links(r, g->name);
    const int has = known != NULL && known->nvlinks_max > 0 && known->nvlinks_max < g->nlinks ? known->nvlinks_max : g->nlinks;
    const bool bridged = strstr(g->name, "PCI") != NULL || strstr(g->name, "NVL") != NULL; /* boards, with fewer links than the chip */
    return most == 0 ? 0 : bridged ? most : has;
}

static void tell_links(const struct teller *to, int number)
{
    const struct nvml_gpu *g = &to->r->gpus[number];
    const int up = nvml_links_up(g), wanted = wanted_links(to->r, g);
    if (up >= wanted)
        return;
    struct text down = { 0 };
    for (int l = 0; l < g->nlinks; l++)
        if (g->links[l].state == NVML_LINK_DOWN)
            text_add(&down, "%s%d", down.length > 0 ? ", " : "", l);
    tell(to, rb_format("GPU%d: %d of %d NVLinks are up%s%s", number, up, wanted, down.length > 0 ? "; down: " : "",
                       down.length > 0 ? down.chars : ""));
    text_free(&down);
}

static void tell_hidden(const struct teller *to)
{
    int n = 0;
    for (int i = 0; i < to->r->count; i++)
        for (int l = 0; l < to->r->gpus[i].nlinks; l++)
            n += nvml_link_is_usable(&to->r->gpus[i], l) && to->r->gpus[i].links[l].hidden;
    if (n > 0)
        tell(to, rb_format("where %d NVLink%s lead%s is hidden; taken for an NVSwitch", n, n > 1 ? "s" : "", n > 1 ? "" : "s"));
}

static void tell_pcie(const struct teller *to, int number)
{
    const struct nvml_gpu *g = &to->r->gpus[number];
    if (g->now.width > 0 && g->now.width < g->best.width)
        tell(to, rb_format("GPU%d: PCIe runs on %d of %d lanes; the ceiling counts %d", number, g->now.width, g->best.width, g->now.width));
}

static void tell_idle(const struct teller *to)
{
    int n = 0;
    for (int i = 0; i < to->r->count; i++)
        n += to->r->gpus[i].now.generation > 0 && to->r->gpus[i].now.generation < to->r->gpus[i].best.generation;
    if (n > 0)
        tell(to, rb_format("PCIe of %d GPU%s is at a lower generation now, as it is while idle; ceilings are those of the best one", n,
                           n > 1 ? "s" : ""));
}

static void tell_fabric(const struct teller *to, int number)
{
    const struct nvml_gpu *g = &to->r->gpus[number];
    if (g->fabric == NVML_FABRIC_NOT_STARTED || g->fabric == NVML_FABRIC_IN_PROGRESS)
        tell(to, rb_format("GPU%d: the NVSwitches are not ready for it; the fabric manager has not %s", number,
                           g->fabric == NVML_FABRIC_IN_PROGRESS ? "finished" : "begun"));
    else if (g->fabric == NVML_FABRIC_DONE && g->fabric_result != NVML_OK)
        tell(to, rb_format("GPU%d: the fabric manager failed: %s (%d)", number, nvml_error_name(g->fabric_result), g->fabric_result));
}

static void tell_mig(const struct teller *to, int number)
{
    const struct nvml_gpu *g = &to->r->gpus[number];
    if (g->mig == 1)
        tell(to, rb_format("GPU%d is in MIG mode: its instances reach no other GPU, so its NVLinks do not count", number));
    if (g->mig >= 0 && g->mig_pending >= 0 && g->mig != g->mig_pending)
        tell(to, rb_format("GPU%d: MIG mode changes at the next reset of the GPU", number));
}

static int shared_links(const struct nvml_gpu *g, const struct nvml_gpu *other, int peer)
{
    int direct = 0, switched = 0, of_other = 0;
    for (int l = 0; l < g->nlinks; l++) {
        direct += nvml_link_is_usable(g, l) && g->links[l].peer == peer;
        switched += nvml_link_is_usable(g, l) && g->links[l].end == NVML_END_SWITCH;
    }
    for (int l = 0; l < other->nlinks; l++)
        of_other += nvml_link_is_usable(other, l) && other->links[l].end == NVML_END_SWITCH;
    return direct > 0 ? direct : switched < of_other ? switched : of_other;
}

/* Links that are up but of no use: the fabric manager does not run, or a setting forbids it. */
static void tell_refused(const struct teller *to)
{
    int n = 0, reason = 0;
    for (int a = 0; a < to->r->count; a++)
        for (int b = a + 1; b < to->r->count; b++) {
            const int status = nvml_pair(to->r, a, b)->p2p[NVML_P2P_READ];
            if (status > 0 && shared_links(&to->r->gpus[a], &to->r->gpus[b], b) > 0) {
                n++;
                reason = status;
            }
        }
    if (n > 0)
        tell(to, rb_format("%d pair%s of GPUs ha%s NVLinks but no peer access (%s): does the fabric manager run?", n, n > 1 ? "s" : "",
                           n > 1 ? "ve" : "s", nvml_p2p_meaning(reason)));
}

static void tell_no_access(const struct teller *to)
{
    int n = 0, of = 0;
    for (int a = 0; a < to->r->count; a++)
        for (int b = a + 1; b < to->r->count; b++) {
            n += nvml_pair(to->r, a, b)->p2p[NVML_P2P_READ] > 0;
            of++;
        }
    if (n > 0)
        tell(to, rb_format("%d of %d pairs of GPUs have no peer access: data between them go through host memory", n, of));
}

static void tell_unplaced(const struct teller *to, const struct topology *t)
{
    int n = 0;
    for (int i = 0; i < to->r->count; i++) {
        const int device = topology_driver_gpu(t, i);
        n += device >= 0 && topology_device(t, (size_t)device)->parent < 0;
    }
    if (n > 0)
        tell(to, rb_format("%d GPU%s not in the system's own list of PCI devices (a container, a virtual machine): what %s near is unknown", n,
                           n > 1 ? "s are" : " is", n > 1 ? "they are" : "it is"));
}

static void tell_visible(const struct teller *to)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (visible != NULL && to->r->count > 0)
        tell(to, rb_format("CUDA_VISIBLE_DEVICES=%.80s hides GPUs from CUDA, not from this list, and CUDA numbers them anew", visible));
}

void nvml_notes(const struct topology *t, void (*visit)(void *context, const char *note), void *context)
{
    const struct teller to = { visit, context, topology_nvml(t) };
    if (to.r == NULL)
        return;
    for (int i = 0; i < to.r->count; i++) {
        tell_links(&to, i);
        tell_pcie(&to, i);
        tell_fabric(&to, i);
        tell_mig(&to, i);
    }
    tell_idle(&to);
    tell_hidden(&to);
    tell_refused(&to);
    tell_no_access(&to);
    tell_unplaced(&to, t);
    tell_visible(&to);
}
