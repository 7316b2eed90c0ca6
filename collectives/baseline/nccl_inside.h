/* collectives/baseline/nccl_inside.h - between the files of the NCCL baseline: one library with its communicators, and a call of it. */
#ifndef RB_COLLECTIVES_NCCL_INSIDE_H
#define RB_COLLECTIVES_NCCL_INSIDE_H

#include "collectives/baseline/baseline.h"
#include "collectives/baseline/nccl_api.h"
#include "collectives/baseline/nccl_calls.h"
#include "collectives/transport/cuda.h"

struct nccl {
    struct baseline head;
    struct nccl_api api;
    struct comm *comm; /* ours: buffers, gang, patience */
    struct gang *gang;
    struct nccl_member members[GPU_RANKS]; /* leader only */
    int nmembers;
    const char *algorithm; /* asked for; NULL: its choice */
    bool equal_ctas;       /* exactly as many thread blocks as we have channels, not at most */
    int cta_policy;        /* NCCL_CTA_POLICY; 0: as it is */
    char version[240];
};

struct nccl_operation {
    struct baseline_operation head;
    struct nccl *nccl;
    uint64_t number; /* of the call under way */
    bool asked;      /* what it has chosen */
    char chosen[48];
};

/* nccl_environment.c. What this library and these ranks cannot do, in one line. */
bool nccl_check_wishes(const struct nccl *n, char *why, size_t room);
/* NCCL reads the environment when a communicator is made. It is the process's: one of its threads changes it while the others read nothing. */
bool nccl_sets_environment(const struct nccl *n);
void nccl_set_environment(const struct nccl *n);
void nccl_describe(struct nccl *n);

/* nccl_choice.c: algorithm, protocol and channels of a call, from the library's log of it. Rank 0's library alone tells. */
void nccl_log_rest(void);              /* before a communicator is made */
int nccl_log_ready(struct nccl *n);    /* collective, after it */
void nccl_log_begin(const struct nccl_operation *op); /* around the first call */
void nccl_log_end(struct nccl_operation *op);
/* A line of the log as "ring/ll, 2 channels"; false when it tells no choice. */
bool nccl_choice_parse(const char *line, char *text, size_t room);

/* nccl_run.c: members of struct baseline_ops */
int nccl_run(struct baseline_operation *op, const void *in, void *out);
int nccl_queue(struct baseline_operation *op, const void *in, void *out);
int nccl_wait(struct baseline_operation *op);
int nccl_issue_queued(struct baseline_operation *op, const void *in, void *out);
int nccl_streams(const struct baseline *b, void **streams);
int nccl_drain(struct baseline_operation *op);
int nccl_record(struct baseline_operation *op, const struct call_place *calls, size_t count, struct recording **recording_p);

#endif
