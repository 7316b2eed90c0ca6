/* The answers as text: tests/nvml/library.c reads it, so that a real machine becomes a test. */
#include "topo/nvml.h"

static void put_text(FILE *out, int gpu, const char *key, const char *text)
{
    if (text[0] != '\0')
        fprintf(out, "gpu %d %s = %s\n", gpu, key, text);
}

static void put_number(FILE *out, int gpu, const char *key, double v)
{
    if (v > 0)
        fprintf(out, "gpu %d %s = %.0f\n", gpu, key, v);
}

static void record_link(const struct nvml_link *l, int gpu, int link, FILE *out)
{
    static const int types[] = { [NVML_END_GPU] = NVML_REMOTE_GPU, [NVML_END_SWITCH] = NVML_REMOTE_SWITCH, [NVML_END_CPU] = NVML_REMOTE_CPU };
    if (l->state == NVML_LINK_UNKNOWN)
        return;
    fprintf(out, "gpu %d link %d state = %d\n", gpu, link, (int)l->state);
    if (l->version > 0)
        fprintf(out, "gpu %d link %d version = %d\n", gpu, link, l->version);
    if (l->state == NVML_LINK_DOWN)
        return;
    if (l->raw_GBps > 0)
        fprintf(out, "gpu %d link %d speed = %.0f\n", gpu, link, l->raw_GBps * 1e3);
    if (l->end != NVML_END_UNKNOWN)
        fprintf(out, "gpu %d link %d type = %d\n", gpu, link, types[l->end]);
    if (l->bus[0] != '\0')
        fprintf(out, "gpu %d link %d remote = %s\n", gpu, link, l->bus);
    fprintf(out, "gpu %d link %d p2p = %d\n", gpu, link, l->state != NVML_LINK_NO_TRAFFIC);
}

static void record_pcie(const struct nvml_gpu *g, int gpu, FILE *out)
{
    put_number(out, gpu, "pcie best generation", g->best.generation);
    put_number(out, gpu, "pcie best width", g->best.width);
    put_number(out, gpu, "pcie now generation", g->now.generation);
    put_number(out, gpu, "pcie now width", g->now.width);
}

static void record_mig(const struct nvml_gpu *g, int gpu, FILE *out)
{
    if (g->mig < 0)
        return;
    fprintf(out, "gpu %d mig now = %d\ngpu %d mig pending = %d\n", gpu, g->mig, gpu, g->mig_pending);
    put_number(out, gpu, "mig most", g->nmig);
    for (int i = 0; i < g->nmig; i++)
        fprintf(out, "gpu %d mig %d name = %s\ngpu %d mig %d uuid = %s\ngpu %d mig %d memory = %llu\n", gpu, i, g->instances[i].name, gpu, i,
                g->instances[i].uuid, gpu, i, (unsigned long long)g->instances[i].bytes);
}

static void record_board(const struct nvml_gpu *g, int gpu, FILE *out)
{
    put_number(out, gpu, "c2c", g->c2c_links);
    for (int l = 0; l < g->c2c_links; l++)
        fprintf(out, "gpu %d c2c %d state = 1\ngpu %d c2c %d speed = %.0f\n", gpu, l, gpu, l, g->c2c_GBps * 1e3 / g->c2c_links);
    if (g->fabric < 0)
        return;
    fprintf(out, "gpu %d fabric state = %d\ngpu %d fabric status = %d\ngpu %d fabric clique = %u\n", gpu, g->fabric, gpu, g->fabric_result,
            gpu, g->clique);
    put_text(out, gpu, "fabric cluster", g->cluster);
}

static void record_gpu(const struct nvml_gpu *g, int gpu, FILE *out)
{
    if (g->trouble[0] != '\0') {
        fprintf(out, "gpu %d handle = !%d\n", gpu, g->result);
        return;
    }
    put_text(out, gpu, "bus", g->bus);
    put_text(out, gpu, "name", g->name);
    put_text(out, gpu, "uuid", g->uuid);
    put_number(out, gpu, "sm", g->sm);
    put_number(out, gpu, "memory", (double)g->bytes);
    put_number(out, gpu, "clock sm", g->sm_clock_MHz);
    put_number(out, gpu, "clock memory", g->memory_clock_MHz);
    put_number(out, gpu, "power", g->power_W * 1e3);
    record_pcie(g, gpu, out);
    record_mig(g, gpu, out);
    record_board(g, gpu, out);
    put_number(out, gpu, "links", g->nlinks);
    for (int l = 0; l < g->nlinks; l++)
        record_link(&g->links[l], gpu, l, out);
}

static void record_pair(const struct nvml_pair *p, int a, int b, FILE *out)
{
    for (int kind = 0; kind < NVML_P2P_KINDS; kind++)
        if (p->p2p[kind] >= 0)
            fprintf(out, "pair %d %d p2p %d = %d\n", a, b, kind, p->p2p[kind]);
    if (p->ancestor >= 0)
        fprintf(out, "pair %d %d ancestor = %d\n", a, b, p->ancestor);
}

void nvml_record(const struct nvml_report *r, FILE *out)
{
    fprintf(out, "# Answers of the NVIDIA driver's library, written by ringbench topo --record\n");
    if (r->driver[0] != '\0')
        fprintf(out, "driver = %s\n", r->driver);
    if (r->library[0] != '\0')
        fprintf(out, "library = %s\n", r->library);
    if (r->cuda > 0)
        fprintf(out, "cuda = %d\n", r->cuda);
    fprintf(out, "gpus = %d\n", r->count);
    for (int i = 0; i < r->count; i++)
        record_gpu(&r->gpus[i], i, out);
    for (int i = 0; i < r->count * r->count; i++)
        if (i / r->count != i % r->count)
            record_pair(&r->pairs[i], i / r->count, i % r->count, out);
}
