/* What a training on a cluster is usually like: batch, rate and memory from the catalogue. */
#include "scale/training.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

static const double GIGA = 1e9, TERA = 1e12, USABLE = 0.94; /* the rest: context, fragments, NCCL's buffers */

/* Published, or that of a GPU of the same generation and nominal rate: an H800 computes as an H100. */
static double gemm_tflops(const struct catalogue *c, const struct gpu *gpu)
{
    const struct gemm *own = catalogue_gemm(c, gpu, "bf16");
    const double nominal = gpu_dense16(gpu).value;
    if (own != NULL)
        return own->measured_tflops.value;
    for (size_t i = 0; i < c->ngpus; i++) {
        const struct gemm *other = strcmp(c->gpus[i].arch, gpu->arch) == 0 ? catalogue_gemm(c, &c->gpus[i], "bf16") : NULL;
        if (other != NULL && fabs(gpu_dense16(&c->gpus[i]).value / nominal - 1) < 0.01)
            return other->measured_tflops.value;
    }
    return nominal;
}

double training_usual_batch(double seq)
{
    return fmax(1, exp2(round(log2(4e6 / seq))));
}

int training_usual(struct training *t, const struct catalogue *catalogue, const char *model)
{
    RB_TRY(preset_find(model, &t->model));
    t->seq = t->model->seq;
    t->batch = training_usual_batch(t->seq);
    t->flops = gemm_tflops(catalogue, t->cluster->gpu) * TERA;
    t->memory = USABLE * t->cluster->gpu->memory_GB.value * GIGA;
    t->zero = true;
    return RB_OK;
}

int training_check(const struct training *t)
{
    if (isnan(t->flops) || isnan(t->memory))
        return rb_fail(RB_EUSAGE, "the catalogue has no %s of %s", isnan(t->flops) ? "FLOP/s" : "memory", t->cluster->gpu->model);
    return RB_OK;
}
