#include "bench/pcie.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>

enum { LOOKS = 3 };

int pcie_open(struct pcie **pcie_p, const struct session *s)
{
    struct pcie *p = *pcie_p = rb_calloc(1, sizeof *p);
    const struct nvml_report *r = topology_nvml(s->topology);
    const char *bus = comm_gpu(s->channels[0].comm).bus, *library = getenv("RINGBENCH_NVML");
    char why[NVML_WHY];
    p->mine = (struct pcie_rank){ .node = s->job->node, .gpu = r != NULL && bus != NULL ? nvml_find(r, bus) : -1 };
    if (p->mine.gpu >= 0) {
        p->mine.best = r->gpus[p->mine.gpu].best;
        p->driver = nvml_open(library != NULL && library[0] != '\0' ? library : NULL, why);
    }
    if (job_agree(s->job, p->driver != NULL ? RB_OK : RB_ENOTIMPL) == RB_OK)
        p->all = rb_calloc((size_t)s->job->nranks, sizeof *p->all);
    return RB_OK;
}

void pcie_close(struct pcie *p)
{
    if (p == NULL)
        return;
    nvml_close(p->driver);
    free(p->all);
    free(p);
}

static const struct trial *first_of_ours(const struct unit *u)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        if (u->trials[i].operation != NULL && u->trials[i].absent == NULL)
            return &u->trials[i];
    return NULL;
}

static int look_once(const struct session *s, const struct trial *t, const struct place *place)
{
    struct pcie_rank *mine = &s->pcie->mine;
    struct nvml_pcie now;
    RB_TRY(operation_launch(t->operation, place->in, place->out));
    const int asked = nvml_pcie_now(s->pcie->driver, mine->gpu, &now);
    RB_TRY(operation_wait(t->operation));
    RB_TRY(job_agree(s->job, asked));
    if (nvml_pcie_GBps(now) > nvml_pcie_GBps(mine->busy))
        mine->busy = now;
    return RB_OK;
}

/* Several times: the clocks may still be rising. */
int pcie_look(struct session *s, const struct unit *u)
{
    const struct trial *t = first_of_ours(u);
    struct pcie *p = s->pcie;
    struct place place;
    if (p == NULL || p->all == NULL || t == NULL)
        return RB_OK;
    layout_place(&u->layout, s->region, 0, &place);
    for (int i = 0; i < LOOKS; i++)
        RB_TRY(look_once(s, t, &place));
    return job_allgather(s->job, &p->mine, p->all, sizeof p->mine);
}

static int sharing(const struct session *s, const struct pcie_rank *one)
{
    int n = 0;
    for (int r = 0; r < s->job->nranks; r++)
        n += s->pcie->all[r].node == one->node && s->pcie->all[r].gpu == one->gpu;
    return n;
}

double pcie_link_GBps(const struct session *s)
{
    double least = NAN;
    for (int r = 0; s->pcie != NULL && s->pcie->all != NULL && r < s->job->nranks; r++) {
        const struct pcie_rank *one = &s->pcie->all[r];
        const double GBps = nvml_pcie_GBps(one->busy) / sharing(s, one);
        least = GBps > 0 ? fmin(least, GBps) : least;
    }
    return least;
}

static json_t *link_json(struct nvml_pcie link)
{
    return json_pack("{s:i, s:i, s:f}", "generation", link.generation, "width", link.width, "GBps", nvml_pcie_GBps(link));
}

json_t *pcie_json(const struct session *s)
{
    if (!isfinite(pcie_link_GBps(s)))
        return NULL;
    json_t *ranks = json_array();
    for (int r = 0; r < s->job->nranks; r++) {
        const struct pcie_rank *one = &s->pcie->all[r];
        json_array_append_new(ranks, json_pack("{s:i, s:i, s:o, s:o}", "rank", r, "gpu", one->gpu, "now", link_json(one->busy), "best", link_json(one->best)));
    }
    return json_pack("{s:s, s:o}", "text", "PCIe while calls ran", "pcie", ranks);
}

/* The slowest stands for all. */
void pcie_print(FILE *out, const struct session *s)
{
    const struct pcie_rank *slowest = NULL;
    if (!isfinite(pcie_link_GBps(s)))
        return;
    for (int r = 0; r < s->job->nranks; r++)
        if (slowest == NULL || nvml_pcie_GBps(s->pcie->all[r].busy) < nvml_pcie_GBps(slowest->busy))
            slowest = &s->pcie->all[r];
    fprintf(out, "# PCIe of the GPUs while calls ran: generation %d x%d, %.3g GB/s", slowest->busy.generation, slowest->busy.width, nvml_pcie_GBps(slowest->busy));
    if (nvml_pcie_GBps(slowest->busy) < nvml_pcie_GBps(slowest->best))
        fprintf(out, "; GPU %d could do generation %d x%d, %.3g GB/s, in another slot or with another setting", slowest->gpu, slowest->best.generation,
                slowest->best.width, nvml_pcie_GBps(slowest->best));
    fprintf(out, "\n");
}
