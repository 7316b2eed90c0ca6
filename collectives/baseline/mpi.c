/* MPI's own collectives. Run at their best: large temporary buffers of the library stay mapped between calls (else it loses
 * mostly to page faults from 64 MiB on). */
#include "collectives/baseline/baseline.h"

#include "core/error.h"
#include "core/job_mpi.h"
#include "core/text.h"

#include <limits.h>
#include <malloc.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mpi_operation {
    struct baseline_operation head;
    MPI_Datatype type;
    MPI_Op op;
    int count;
    bool mean; /* taken after the call */
    bool own_type, own_op;
};

static bool is_narrow(enum rb_type type)
{
    return type == TYPE_HALF || type == TYPE_BFLOAT16;
}

static bool is_fp8(enum rb_type type)
{
    return type == TYPE_FLOAT8E4M3 || type == TYPE_FLOAT8E5M2;
}

static bool reduces(const struct baseline_call *call)
{
    return collective_get(call->collective)->reduces;
}

static bool supports(const struct baseline *b, const struct baseline_call *call, const char **why_p)
{
    (void)b;
    if (call->collective == COLLECTIVE_PUSH_PULL) {
        *why_p = "MPI has no parameter server";
        return false;
    }
    if (reduces(call) && is_fp8(call->type)) {
        *why_p = "MPI has no 8-bit floats to reduce";
        return false;
    }
    if (call->count > INT_MAX) {
        *why_p = "MPI counts elements in an int";
        return false;
    }
    return true;
}

static const char *label(const struct baseline_call *call)
{
    if (!reduces(call))
        return "";
    if (is_narrow(call->type))
        return "user-defined op";
    return call->op == OP_AVG ? "sum and divide" : "";
}

static const char *version(void)
{
    static char text[160];
    if (text[0] == '\0') {
        char library[MPI_MAX_LIBRARY_VERSION_STRING] = "";
        int length = 0;
        MPI_Get_library_version(library, &length);
        library[strcspn(library, ",\n")] = '\0';
        snprintf(text, sizeof text, "%.100s, its buffers kept mapped", library);
    }
    return text;
}

static int open_mpi(struct baseline **b_p, const struct baseline_setup *setup, char *why, size_t room)
{
    static struct baseline mpi;
    extern const struct baseline_ops baseline_mpi;
    *b_p = NULL;
    if (setup->comm != NULL && comm_on_gpu(setup->comm)) {
        snprintf(why, room, "MPI is given host memory only, and this run's buffers lie in GPU memory");
        return RB_OK;
    }
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mpi = (struct baseline){ &baseline_mpi, version() };
    *b_p = &mpi;
    return RB_OK;
}

static void close_mpi(struct baseline *b)
{
    (void)b;
    mallopt(M_MMAP_MAX, 65536);
    malloc_trim(0);
}

/* bfloat16 is the upper half of a float. */
static float from_bfloat16(uint16_t v)
{
    const uint32_t u = (uint32_t)v << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint16_t to_bfloat16(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* Half through the exponent trick: scaled by 2^112 a half's bits are those of a float. */
static float from_half(uint16_t v)
{
    const bool special = (v & 0x7c00) == 0x7c00; /* infinite or not a number */
    const uint32_t u = (uint32_t)(v & 0x7fff) << 13 | (special ? 0x7f800000u : 0);
    float f;
    memcpy(&f, &u, sizeof f);
    f *= 0x1p112f;
    return (v & 0x8000) != 0 ? -f : f;
}

static uint16_t to_half(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    const uint16_t sign = (uint16_t)(u >> 16 & 0x8000u);
    u &= 0x7fffffffu;
    memcpy(&f, &u, sizeof f);
    if (!(f < 65520.0f))
        return (uint16_t)(sign | (f == f ? 0x7c00u : 0x7e00u));
    f *= 0x1p-112f; /* rounds subnormal halves as it should */
    memcpy(&u, &f, sizeof u);
    return (uint16_t)(sign | ((u + 0xfffu + (u >> 13 & 1u)) >> 13));
}

static float combine(enum rb_op op, float a, float b)
{
    switch (op) {
    case OP_PROD:
        return a * b;
    case OP_MIN:
        return b < a ? b : a;
    case OP_MAX:
        return b > a ? b : a;
    default:
        return a + b;
    }
}

/* MPI passes no context to a user's function: one for every type and operator. */
#define NARROW_OP(name, from, to, op)                                                     \
    static void name(void *in, void *inout, int *length, MPI_Datatype *type)              \
    {                                                                                     \
        (void)type;                                                                       \
        const uint16_t *a = in;                                                           \
        uint16_t *b = inout;                                                              \
        for (int i = 0; i < *length; i++)                                                 \
            b[i] = to(combine(op, from(b[i]), from(a[i])));                               \
    }
NARROW_OP(half_sum, from_half, to_half, OP_SUM)
NARROW_OP(half_prod, from_half, to_half, OP_PROD)
NARROW_OP(half_min, from_half, to_half, OP_MIN)
NARROW_OP(half_max, from_half, to_half, OP_MAX)
NARROW_OP(bfloat16_sum, from_bfloat16, to_bfloat16, OP_SUM)
NARROW_OP(bfloat16_prod, from_bfloat16, to_bfloat16, OP_PROD)
NARROW_OP(bfloat16_min, from_bfloat16, to_bfloat16, OP_MIN)
NARROW_OP(bfloat16_max, from_bfloat16, to_bfloat16, OP_MAX)

static MPI_User_function *narrow_function(enum rb_type type, enum rb_op op)
{
    static MPI_User_function *const halves[] = { half_sum, half_prod, half_min, half_max, half_sum };
    static MPI_User_function *const bfloat16s[] = { bfloat16_sum, bfloat16_prod, bfloat16_min, bfloat16_max, bfloat16_sum };
    return type == TYPE_HALF ? halves[op] : bfloat16s[op];
}

static MPI_Datatype native_type(enum rb_type type)
{
    switch (type) {
    case TYPE_INT8: return MPI_INT8_T;
    case TYPE_UINT8: return MPI_UINT8_T;
    case TYPE_INT32: return MPI_INT32_T;
    case TYPE_UINT32: return MPI_UINT32_T;
    case TYPE_INT64: return MPI_INT64_T;
    case TYPE_UINT64: return MPI_UINT64_T;
    case TYPE_FLOAT: return MPI_FLOAT;
    case TYPE_DOUBLE: return MPI_DOUBLE;
    case TYPE_FLOAT8E4M3:
    case TYPE_FLOAT8E5M2: return MPI_UINT8_T;
    default: return MPI_UINT16_T; /* like the 8-bit floats: half and bfloat16 where they are only moved */
    }
}

static MPI_Op native_op(enum rb_op op)
{
    switch (op) {
    case OP_PROD: return MPI_PROD;
    case OP_MIN: return MPI_MIN;
    case OP_MAX: return MPI_MAX;
    default: return MPI_SUM;
    }
}

static int prepare(struct baseline *b, struct baseline_operation **op_p, const struct baseline_call *call)
{
    (void)b;
    extern const struct baseline_ops baseline_mpi;
    struct mpi_operation *op = rb_calloc(1, sizeof *op);
    op->head = (struct baseline_operation){ .ops = &baseline_mpi, .call = *call };
    op->type = native_type(call->type);
    op->op = native_op(call->op);
    op->count = (int)call->count;
    op->mean = reduces(call) && call->op == OP_AVG;
    int rc = RB_OK;
    if (reduces(call) && is_narrow(call->type)) {
        /* A type of its own, so that no predefined operator is meant by it. */
        rc = job_mpi_check(MPI_Type_contiguous(2, MPI_BYTE, &op->type), "MPI_Type_contiguous");
        if (rc == RB_OK)
            rc = job_mpi_check(MPI_Type_commit(&op->type), "MPI_Type_commit");
        op->own_type = true;
        if (rc == RB_OK)
            rc = job_mpi_check(MPI_Op_create(narrow_function(call->type, call->op), 1, &op->op), "MPI_Op_create");
        op->own_op = rc == RB_OK;
    }
    if (rc != RB_OK) {
        free(op);
        return rc;
    }
    *op_p = &op->head;
    return RB_OK;
}

static void release(struct baseline_operation *head)
{
    struct mpi_operation *op = (struct mpi_operation *)head;
    if (op->own_op)
        MPI_Op_free(&op->op);
    if (op->own_type)
        MPI_Type_free(&op->type);
    free(op);
}

static int run_bcast(struct mpi_operation *op, const void *in, void *out)
{
    const struct baseline_call *call = &op->head.call;
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == call->group.root && in != out)
        memcpy(out, in, (size_t)op->count * type_bytes(call->type));
    return MPI_Bcast(out, op->count, op->type, call->group.root, MPI_COMM_WORLD);
}

static int run_reduce(struct mpi_operation *op, const void *in, void *out)
{
    const struct baseline_call *call = &op->head.call;
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const void *from = call->in_place && rank == call->group.root ? MPI_IN_PLACE : in;
    return MPI_Reduce(from, out, op->count, op->type, op->op, call->group.root, MPI_COMM_WORLD);
}

static int run_sendrecv(struct mpi_operation *op, const void *in, void *out)
{
    const int n = op->head.call.group.nranks;
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return MPI_Sendrecv(in, op->count, op->type, (rank + 1) % n, 0, out, op->count, op->type, (rank + n - 1) % n, 0, MPI_COMM_WORLD,
                        MPI_STATUS_IGNORE);
}

static int run_call(struct mpi_operation *op, const void *in, void *out)
{
    const struct baseline_call *call = &op->head.call;
    const void *from = call->in_place ? MPI_IN_PLACE : in;
    switch (call->collective) {
    case COLLECTIVE_ALL_REDUCE:
        return MPI_Allreduce(from, out, op->count, op->type, op->op, MPI_COMM_WORLD);
    case COLLECTIVE_REDUCE_SCATTER:
        return MPI_Reduce_scatter_block(from, baseline_result(&op->head, in, out), op->count, op->type, op->op, MPI_COMM_WORLD);
    case COLLECTIVE_ALL_GATHER:
        return MPI_Allgather(from, op->count, op->type, out, op->count, op->type, MPI_COMM_WORLD);
    case COLLECTIVE_ALLTOALL:
        return MPI_Alltoall(from, op->count, op->type, out, op->count, op->type, MPI_COMM_WORLD);
    case COLLECTIVE_BROADCAST:
        return run_bcast(op, in, out);
    case COLLECTIVE_REDUCE:
        return run_reduce(op, in, out);
    case COLLECTIVE_SENDRECV:
        return run_sendrecv(op, in, out);
    default:
        return MPI_ERR_UNSUPPORTED_OPERATION;
    }
}

#define DIVIDE(kind, value, quotient)                    \
    do {                                                 \
        kind *v_ = (kind *)result;                       \
        for (size_t i_ = 0; i_ < n; i_++) {              \
            const kind value = v_[i_];                   \
            v_[i_] = (kind)(quotient);                   \
        }                                                \
    } while (0)

/* The mean, which MPI does not know, as collectives/types.h defines it. */
static void divide(const struct mpi_operation *op, void *result)
{
    const size_t n = (size_t)op->count;
    const int by = op->head.call.group.nranks;
    switch (op->head.call.type) {
    case TYPE_INT8: DIVIDE(int8_t, v, v / by); break;
    case TYPE_UINT8: DIVIDE(uint8_t, v, v / (unsigned)by); break;
    case TYPE_INT32: DIVIDE(int32_t, v, v / by); break;
    case TYPE_UINT32: DIVIDE(uint32_t, v, v / (unsigned)by); break;
    case TYPE_INT64: DIVIDE(int64_t, v, v / by); break;
    case TYPE_UINT64: DIVIDE(uint64_t, v, v / (unsigned)by); break;
    case TYPE_FLOAT: DIVIDE(float, v, v / (float)by); break;
    case TYPE_DOUBLE: DIVIDE(double, v, v / by); break;
    case TYPE_HALF: DIVIDE(uint16_t, v, to_half(from_half(v) / (float)by)); break;
    case TYPE_BFLOAT16: DIVIDE(uint16_t, v, to_bfloat16(from_bfloat16(v) / (float)by)); break;
    case TYPE_FLOAT8E4M3: /* refused by supports() */
    case TYPE_FLOAT8E5M2:
    case TYPE_COUNT: break;
    }
}

static int run(struct baseline_operation *head, const void *in, void *out)
{
    struct mpi_operation *op = (struct mpi_operation *)head;
    RB_TRY(job_mpi_check(run_call(op, in, out), "the MPI baseline"));
    if (op->mean && out != NULL)
        divide(op, baseline_result(head, in, out));
    return RB_OK;
}

const struct baseline_ops baseline_mpi = {
    .name = "mpi", .summary = "MPI's own collectives", .supports = supports, .label = label, .open = open_mpi,
    .close = close_mpi, .prepare = prepare, .release = release, .run = run, .scatters_to_input = true,
};
