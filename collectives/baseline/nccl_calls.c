#include "collectives/baseline/nccl_calls.h"

static enum nccl_type type_of(enum rb_type type)
{
    static const enum nccl_type types[TYPE_COUNT] = {
        [TYPE_INT8] = NCCL_INT8, [TYPE_UINT8] = NCCL_UINT8, [TYPE_INT32] = NCCL_INT32, [TYPE_UINT32] = NCCL_UINT32, [TYPE_INT64] = NCCL_INT64,
        [TYPE_UINT64] = NCCL_UINT64, [TYPE_HALF] = NCCL_FLOAT16, [TYPE_FLOAT] = NCCL_FLOAT32, [TYPE_DOUBLE] = NCCL_FLOAT64,
        [TYPE_BFLOAT16] = NCCL_BFLOAT16, [TYPE_FLOAT8E4M3] = NCCL_FLOAT8E4M3, [TYPE_FLOAT8E5M2] = NCCL_FLOAT8E5M2,
    };
    return types[type];
}

static enum nccl_op op_of(enum rb_op op)
{
    static const enum nccl_op ops[OP_COUNT] = {
        [OP_SUM] = NCCL_SUM, [OP_PROD] = NCCL_PROD, [OP_MIN] = NCCL_MIN, [OP_MAX] = NCCL_MAX, [OP_AVG] = NCCL_AVG,
    };
    return ops[op];
}

static int exchange(const struct nccl_api *api, const struct baseline_call *call, const struct nccl_member *m, const void *in, void *out)
{
    const int n = call->group.nranks, type = (int)type_of(call->type);
    const int rc = api->send(in, call->count, type, (m->rank + 1) % n, m->comm, m->stream);
    return rc != NCCL_SUCCESS ? rc : api->recv(out, call->count, type, (m->rank + n - 1) % n, m->comm, m->stream);
}

static int all_to_all(const struct nccl_api *api, const struct baseline_call *call, const struct nccl_member *m, const char *in, char *out)
{
    const int type = (int)type_of(call->type);
    const size_t block = call->count * type_bytes(call->type);
    int rc = NCCL_SUCCESS;
    for (int peer = 0; peer < call->group.nranks && rc == NCCL_SUCCESS; peer++) {
        rc = api->send(in + (size_t)peer * block, call->count, type, peer, m->comm, m->stream);
        if (rc == NCCL_SUCCESS)
            rc = api->recv(out + (size_t)peer * block, call->count, type, peer, m->comm, m->stream);
    }
    return rc;
}

int nccl_issue(const struct nccl_api *api, const struct baseline_call *call, const struct nccl_member *m, const void *in, void *out)
{
    const int type = (int)type_of(call->type), op = (int)op_of(call->op), root = call->group.root;
    switch (call->collective) {
    case COLLECTIVE_ALL_REDUCE:
        return api->all_reduce(in, out, call->count, type, op, m->comm, m->stream);
    case COLLECTIVE_REDUCE_SCATTER:
        return api->reduce_scatter(in, out, call->count, type, op, m->comm, m->stream);
    case COLLECTIVE_ALL_GATHER:
        return api->all_gather(in, out, call->count, type, m->comm, m->stream);
    case COLLECTIVE_BROADCAST:
        return api->broadcast(in != NULL ? in : out, out, call->count, type, root, m->comm, m->stream);
    case COLLECTIVE_REDUCE:
        return api->reduce(in, out, call->count, type, op, root, m->comm, m->stream);
    case COLLECTIVE_SENDRECV:
        return exchange(api, call, m, in, out);
    case COLLECTIVE_ALLTOALL:
        return all_to_all(api, call, m, in, out);
    default:
        return NCCL_INVALID_USAGE; /* refused by supports() */
    }
}
