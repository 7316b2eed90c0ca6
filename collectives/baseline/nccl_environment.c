/* NCCL at its best, and as much of the GPU as we use: what it is told by its environment. */
#include "collectives/baseline/nccl_inside.h"
#include "collectives/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int most_on_a_gpu(const struct gang *g)
{
    int most = 0;
    for (int r = 0; r < g->job->nranks; r++) {
        int here = 0;
        for (int k = 0; k < g->job->nranks; k++)
            here += g->leaders[k] == g->leaders[r];
        most = here > most ? here : most;
    }
    return most;
}

bool nccl_check_wishes(const struct nccl *n, char *why, size_t room)
{
    const int sharing = most_on_a_gpu(n->gang), fit = n->gang->facts.sms / sharing;
    const char *given = getenv("NCCL_MAX_CTAS");
    if (sharing > 1 && n->api.version < NCCL_FIRST_SHARED_GPU) {
        snprintf(why, room, "%d ranks share a GPU, which is not possible with this version: NCCL %s refuses duplicate GPUs, 2.30.3 and newer can (--nccl FILE)",
                 sharing, n->api.version_text);
        return false;
    }
    if (sharing > 1 && given != NULL && atoi(given) > fit) {
        snprintf(why, room, "NCCL_MAX_CTAS=%s with %d ranks on a GPU of %d SMs would wait for ever: at most %d", given, sharing, n->gang->facts.sms, fit);
        return false;
    }
    if (n->cta_policy > 0 && n->api.version < NCCL_FIRST_CTA_POLICY) {
        snprintf(why, room, "NCCL %s has no policies for thread blocks (-x), 2.27 and newer have", n->api.version_text);
        return false;
    }
    return true;
}

/* As many thread blocks as we use, so that the same share of the GPU is compared; never more than fit at once, or ranks that share a GPU
 * would wait for each other for ever. */
void nccl_set_environment(const struct nccl *n)
{
    const struct cuda_transport *t = (const struct cuda_transport *)n->comm->transport;
    const int sharing = most_on_a_gpu(n->gang), fit = n->gang->facts.sms / sharing;
    char text[16];
    if (sharing > 1)
        setenv("NCCL_MULTI_RANK_GPU_ENABLE", "1", 1);
    snprintf(text, sizeof text, "%d", t->channels < fit ? t->channels : fit);
    setenv("NCCL_MAX_CTAS", text, 0);
    if (n->equal_ctas)
        setenv("NCCL_MIN_CTAS", getenv("NCCL_MAX_CTAS"), 0);
    snprintf(text, sizeof text, "%d", n->cta_policy);
    if (n->cta_policy > 0)
        setenv("NCCL_CTA_POLICY", text, 1);
}

/* The environment is the process's: one of its threads changes it while the others read nothing. */
bool nccl_sets_environment(const struct nccl *n)
{
    return n->gang->job->thread == 0;
}

void nccl_describe(struct nccl *n)
{
    const char *algo = n->algorithm != NULL ? n->algorithm : getenv("NCCL_ALGO"), *proto = getenv("NCCL_PROTO"), *most = getenv("NCCL_MAX_CTAS"),
               *least = getenv("NCCL_MIN_CTAS"), *policy = getenv("NCCL_CTA_POLICY");
    const bool exactly = most != NULL && least != NULL && strcmp(most, least) == 0;
    snprintf(n->version, sizeof n->version, "NCCL %s, %s %.8s CTAs a rank, algorithm %.40s, protocol %.40s%s%.12s", n->api.version_text,
             exactly ? "exactly" : "at most", most != NULL ? most : "?", algo != NULL ? algo : "of its choice", proto != NULL ? proto : "of its choice",
             policy != NULL ? ", CTA policy " : "", policy != NULL ? policy : "");
    n->head.version = n->version;
}
