/* collectives/baseline/nccl_api.h - the few functions of NCCL that are used, found in a library at run time.
 *
 * Declarations and numbers are those of NCCL's documented, stable interface (its user guide, "API"), which have not changed since 2.10;
 * the 8-bit floats came with 2.24. No header of NCCL is needed to build, no library to start. */
#ifndef RB_COLLECTIVES_NCCL_API_H
#define RB_COLLECTIVES_NCCL_API_H

#include <stdbool.h>
#include <stddef.h>

struct nccl_comm; /* theirs; a pointer to it is their ncclComm_t */

struct nccl_id { char bytes[128]; };

enum nccl_result {
    NCCL_SUCCESS, NCCL_CUDA_ERROR, NCCL_SYSTEM_ERROR, NCCL_INTERNAL_ERROR, NCCL_INVALID_ARGUMENT, NCCL_INVALID_USAGE, NCCL_REMOTE_ERROR,
    NCCL_IN_PROGRESS
};

enum nccl_op { NCCL_SUM, NCCL_PROD, NCCL_MAX, NCCL_MIN, NCCL_AVG };

enum nccl_type {
    NCCL_INT8, NCCL_UINT8, NCCL_INT32, NCCL_UINT32, NCCL_INT64, NCCL_UINT64, NCCL_FLOAT16, NCCL_FLOAT32, NCCL_FLOAT64, NCCL_BFLOAT16,
    NCCL_FLOAT8E4M3, NCCL_FLOAT8E5M2
};

/* Versions count as theirs do from 2.9 on: 2.28.9 is 22809. */
enum { NCCL_FIRST_AVG = 21000, NCCL_FIRST_FP8 = 22400, NCCL_FIRST_LOG_RESET = 22403, NCCL_FIRST_CTA_POLICY = 22700, NCCL_FIRST_SHARED_GPU = 23003 };

struct nccl_api {
    void *library;
    int version;
    char version_text[16]; /* "2.28.9" */
    int (*get_version)(int *version);
    int (*get_unique_id)(struct nccl_id *id);
    int (*comm_init_rank)(struct nccl_comm **comm, int nranks, struct nccl_id id, int rank);
    int (*comm_destroy)(struct nccl_comm *comm);
    int (*comm_abort)(struct nccl_comm *comm);
    int (*comm_get_async_error)(struct nccl_comm *comm, int *result);
    const char *(*get_error_string)(int result);
    const char *(*get_last_error)(struct nccl_comm *comm); /* NULL before 2.13 */
    void (*reset_debug)(void); /* reads NCCL_DEBUG again; NULL before 2.24.3 */
    int (*group_start)(void);
    int (*group_end)(void);
    int (*all_reduce)(const void *in, void *out, size_t count, int type, int op, struct nccl_comm *comm, void *stream);
    int (*reduce_scatter)(const void *in, void *out, size_t count, int type, int op, struct nccl_comm *comm, void *stream);
    int (*all_gather)(const void *in, void *out, size_t count, int type, struct nccl_comm *comm, void *stream);
    int (*broadcast)(const void *in, void *out, size_t count, int type, int root, struct nccl_comm *comm, void *stream);
    int (*reduce)(const void *in, void *out, size_t count, int type, int op, int root, struct nccl_comm *comm, void *stream);
    int (*send)(const void *in, size_t count, int type, int peer, struct nccl_comm *comm, void *stream);
    int (*recv)(void *out, size_t count, int type, int peer, struct nccl_comm *comm, void *stream);
};

/* file NULL: libnccl.so.2 as the system finds it. False with one line of why. Nothing of it has run but the question for its version:
 * the environment that it reads may still be set. */
bool nccl_api_open(struct nccl_api *api, const char *file, char *why, size_t room);
void nccl_api_close(struct nccl_api *api);
/* RB_OK, or RB_ENCCL with what the library says; comm may be NULL. */
int nccl_api_check(const struct nccl_api *api, int result, const char *what, struct nccl_comm *comm);

#endif
