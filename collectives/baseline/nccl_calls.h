/* collectives/baseline/nccl_calls.h - inside of nccl.c: a collective as NCCL's calls of one rank. */
#ifndef RB_COLLECTIVES_NCCL_CALLS_H
#define RB_COLLECTIVES_NCCL_CALLS_H

#include "collectives/baseline/baseline.h"
#include "collectives/baseline/nccl_api.h"

/* A rank's communicator, held by whoever launches for it. */
struct nccl_member {
    int rank;
    struct nccl_comm *comm;
    void *stream;
};

/* Queues the call on the member's stream; to be called inside a group. An enum nccl_result. */
int nccl_issue(const struct nccl_api *api, const struct baseline_call *call, const struct nccl_member *member, const void *in, void *out);

#endif
