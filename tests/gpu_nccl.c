/* NCCL as the baseline, with a stand-in for its library and the simulated GPU: every collective, type and operator, ranks alone on a GPU
 * and in gangs, versions that lack things, and faults. */
#include "bench/values.h"
#include "collectives/baseline/baseline.h"
#include "collectives/baseline/nccl_inside.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 67, ROOM = 1 << 20 };

static char folder[4096];

struct want {
    const char *version; /* of the library; NULL: a file that is not there */
    int ranks_per_gpu;
    const char *fault;   /* NULL: none */
    const char *absent;  /* part of why it must not open; NULL: it must */
    int code;            /* of a call with a fault */
};

struct world {
    struct job *job;
    struct comm *comm;
    struct baseline *b;
    char *in, *out;
    int wrong;
};

static char *library_of(const struct want *w)
{
    return rb_format("%s/libnccl-%s.so", folder, w->version != NULL ? w->version : "none");
}

static int open_world(struct world *w, struct job *job, const struct want *want, char *why, size_t room)
{
    const struct comm_config config = { .transport = "cuda_peer", .ranks_per_gpu = want->ranks_per_gpu, .channels = 2, .slots = 2, .slot_bytes = 512,
                                        .gpu_threads = 8, .yield = true, .timeout_sec = 2 };
    void *in, *out;
    *w = (struct world){ .job = job };
    RB_TRY(comm_open(&w->comm, job, &config));
    RB_TRY(comm_allocate(w->comm, ROOM, &in));
    RB_TRY(comm_allocate(w->comm, ROOM, &out));
    w->in = in;
    w->out = out;
    char *library = library_of(want);
    const int rc = baseline_find("nccl")->open(&w->b, &(struct baseline_setup){ .job = job, .comm = w->comm, .library = library }, why, room);
    free(library);
    return rc;
}

static void close_world(struct world *w)
{
    if (w->b != NULL)
        w->b->ops->close(w->b);
    comm_close(w->comm);
}

/* Our operands, and where in place puts the smaller buffer. */
static void place(const struct world *w, const struct baseline_call *call, char **in_p, char **out_p)
{
    const struct collective *c = collective_get(call->collective);
    const size_t block = call->count * type_bytes(call->type);
    const size_t shift = (size_t)c->in_place_block(&call->group, w->job->rank) * block;
    const bool in_larger = c->in_blocks(&call->group, w->job->rank) > c->out_blocks(&call->group, w->job->rank);
    *in_p = w->in;
    *out_p = w->out;
    if (call->in_place && in_larger)
        *out_p = w->in + shift;
    else if (call->in_place)
        *in_p = w->out + shift;
}

static void fill(const struct world *w, const struct baseline_call *call, char *in)
{
    const struct value_kind kind = { call->type, collective_get(call->collective)->reduces ? call->op : OP_SUM, call->group.nranks };
    const size_t each = type_bytes(call->type);
    memset(w->out, 0x55, ROOM);
    for (int b = 0; b < collective_get(call->collective)->in_blocks(&call->group, w->job->rank); b++)
        for (uint64_t i = 0; i < call->count; i++)
            value_store(&kind, value_input(&kind, w->job->rank, b, i), 0, in + ((size_t)b * call->count + i) * each);
}

static int count_wrong(const struct world *w, const struct baseline_call *call, const char *out)
{
    const struct collective *c = collective_get(call->collective);
    const struct value_kind kind = { call->type, c->reduces ? call->op : OP_SUM, call->group.nranks };
    const size_t each = type_bytes(call->type);
    int ranks[RANKS_MOST], block, wrong = 0;
    for (int b = 0; b < c->out_blocks(&call->group, w->job->rank); b++) {
        const int n = c->sources(&call->group, w->job->rank, b, ranks, &block);
        for (uint64_t i = 0; i < call->count; i++) {
            char expected[8];
            int64_t v = value_input(&kind, ranks[0], block, i);
            for (int k = 1; k < n; k++)
                v = value_combine(call->op, v, value_input(&kind, ranks[k], block, i));
            value_store(&kind, v, c->reduces ? n : 0, expected);
            wrong += memcmp(expected, out + ((size_t)b * call->count + i) * each, each) != 0;
        }
    }
    return wrong;
}

static int call_once(struct world *w, const struct baseline_call *call)
{
    struct baseline_operation *op;
    char *in, *out;
    RB_TRY(w->b->ops->prepare(w->b, &op, call));
    place(w, call, &in, &out);
    fill(w, call, in);
    int rc = job_barrier(w->job);
    if (rc == RB_OK)
        rc = op->ops->run(op, in, out);
    const int wrong = rc == RB_OK ? count_wrong(w, call, baseline_result(op, in, out)) : 0;
    if (wrong > 0)
        fprintf(stderr, "rank %d: %s %s %s%s: %d of its elements are wrong\n", w->job->rank, collective_get(call->collective)->name,
                type_name(call->type), op_name(call->op), call->in_place ? " in place" : "", wrong);
    w->wrong += wrong;
    op->ops->release(op);
    return rc;
}

static int call_forms(struct world *w, struct baseline_call call)
{
    const struct collective *c = collective_get(call.collective);
    for (int in_place = 0; in_place <= c->in_place; in_place++)
        for (int root = 0; root < (c->rooted ? call.group.nranks : 1); root++) {
            const char *why = NULL;
            call.in_place = in_place == 1;
            call.group.root = root;
            if (w->b->ops->supports(w->b, &call, &why))
                RB_TRY(call_once(w, &call));
        }
    return RB_OK;
}

static int call_all(struct world *w)
{
    for (int id = 0; id < COLLECTIVE_COUNT; id++)
        for (int type = 0; type < TYPE_COUNT; type++)
            for (int op = 0; op < OP_COUNT; op++)
                if (id == COLLECTIVE_ALL_REDUCE || op == type % OP_COUNT) /* every pair once, and each of both everywhere */
                    RB_TRY(call_forms(w, (struct baseline_call){ .collective = (enum collective_id)id, .group = { .nranks = w->job->nranks, .servers = 1 },
                                                                 .count = COUNT, .type = (enum rb_type)type, .op = (enum rb_op)op }));
    return RB_OK;
}

static int play(struct job *job, void *context)
{
    const struct want *want = context;
    struct world w;
    char why[240] = "";
    if (open_world(&w, job, want, why, sizeof why) != RB_OK)
        return 50;
    if ((w.b == NULL) != (want->absent != NULL) || (want->absent != NULL && strstr(why, want->absent) == NULL)) {
        fprintf(stderr, "absent: '%s', wanted '%s'\n", why, want->absent != NULL ? want->absent : "open");
        return 51;
    }
    if (w.b != NULL && call_all(&w) != RB_OK)
        return 52;
    close_world(&w);
    return w.wrong > 0 ? 53 : 0;
}

static void test_alone(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "3", 1);
    assert_int_equal(ranks_as_processes(3, play, &(struct want){ .version = "2.28.9", .ranks_per_gpu = 1 }), 0);
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(1, play, &(struct want){ .version = "2.28.9", .ranks_per_gpu = 1 }), 0);
}

static void test_gangs(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .version = "2.30.7", .ranks_per_gpu = 2 }), 0);
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(4, play, &(struct want){ .version = "2.30.7", .ranks_per_gpu = 2 }), 0);
    assert_int_equal(ranks_as_processes(3, play, &(struct want){ .version = "2.30.7", .ranks_per_gpu = 2 }), 0);
}

static void test_not_here(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "1", 1);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .version = "2.28.9", .ranks_per_gpu = 2, .absent = "NCCL 2.28.9 refuses duplicate GPUs" }), 0);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .ranks_per_gpu = 2, .absent = "libnccl-none.so: cannot open" }), 0);
    setenv("NCCL_MAX_CTAS", "33", 1);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .version = "2.30.7", .ranks_per_gpu = 2, .absent = "at most 32" }), 0);
    unsetenv("NCCL_MAX_CTAS");
}

static void test_choice(void **state)
{
    (void)state;
    static const struct { const char *line, *text; } lines[] = {
        { "vm:11:13 [0] NCCL INFO 1024 Bytes -> Algo 1 proto 0 time 7.200000", "ring/ll" },
        { "vm:11:13 [0] NCCL INFO AllGather: 37756928 Bytes -> Algo 1 proto 2 time 2860.208008", "ring/simple" },
        { "vm:11:13 [0] NCCL INFO AllReduce: 4096 Bytes -> Algo TREE proto LL128 channel{Lo..Hi}={0..15}", "tree/ll128, 16 channels" },
        { "vm:11:13 [0] NCCL INFO AllReduce: 4096 Bytes -> Algo RING proto LL channel{Lo..Hi}={3..3}", "ring/ll, 1 channel" },
        { "vm:11:13 [0] NCCL INFO AllGather [Symmetric]: 8 Bytes -> Kernel AllGather_LL nchannels 1 nthreads 512", "symmetric AllGather_LL" },
        { "vm:11:13 [0] NCCL INFO 8 Bytes -> Algo 77 proto 0 time 1", "77/ll" },
        { "vm:11:13 [0] NCCL INFO AllReduce: opCount 1 sendbuff 0x1", NULL },
        { "vm:11:13 [0] NCCL INFO 8 Bytes -> Algo", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < RB_LEN(lines); i++) {
        char text[48] = "";
        assert_int_equal(nccl_choice_parse(lines[i].line, text, sizeof text), lines[i].text != NULL);
        if (lines[i].text != NULL)
            assert_string_equal(text, lines[i].text);
    }
}

static void test_no_nccl(void **state)
{
    (void)state;
    struct nccl_api api;
    char why[200];
    assert_false(nccl_api_open(&api, "libm.so.6", why, sizeof why));
    assert_string_equal(why, "libm.so.6 has no ncclGetVersion: it is no NCCL, or one older than 2.7");
}

static int ask_old(struct job *job, void *context)
{
    struct world w;
    char why[240];
    const char *reason = "";
    const struct baseline_call fp8 = { .collective = COLLECTIVE_ALL_GATHER, .group = { .nranks = job->nranks }, .count = 1, .type = TYPE_FLOAT8E4M3 };
    if (open_world(&w, job, context, why, sizeof why) != RB_OK || w.b == NULL)
        return 50;
    const bool can = w.b->ops->supports(w.b, &fp8, &reason);
    close_world(&w);
    return can || strstr(reason, "2.24") == NULL;
}

static void test_old_version(void **state)
{
    (void)state;
    setenv("RINGBENCH_SIMULATED_GPUS", "2", 1);
    assert_int_equal(ranks_as_processes(2, ask_old, &(struct want){ .version = "2.22.3", .ranks_per_gpu = 1 }), 0);
    assert_int_equal(ranks_as_processes(2, play, &(struct want){ .version = "2.22.3", .ranks_per_gpu = 1 }), 0);
}

static int meet_fault(struct job *job, void *context)
{
    const struct want *want = context;
    struct world w;
    char why[240];
    const struct baseline_call call = { .collective = COLLECTIVE_ALL_REDUCE, .group = { .nranks = job->nranks }, .count = 5, .type = TYPE_FLOAT };
    int rc = open_world(&w, job, want, why, sizeof why);
    if (rc == RB_OK && strcmp(want->fault, "init") != 0)
        rc = call_once(&w, &call);
    _exit(rc == want->code ? 0 : 60);
}

static void test_faults(void **state)
{
    (void)state;
    const struct want wants[] = {
        { .version = "2.30.7", .ranks_per_gpu = 2, .fault = "init", .code = RB_ENCCL }, { .version = "2.30.7", .ranks_per_gpu = 2, .fault = "call", .code = RB_ENCCL },
        { .version = "2.30.7", .ranks_per_gpu = 1, .fault = "call", .code = RB_ENCCL }, { .version = "2.30.7", .ranks_per_gpu = 2, .fault = "async", .code = RB_ENCCL },
        { .version = "2.30.7", .ranks_per_gpu = 2, .fault = "hang", .code = RB_ETIMEOUT }, { .version = "2.28.9", .ranks_per_gpu = 1, .fault = "hang", .code = RB_ETIMEOUT },
    };
    for (size_t i = 0; i < RB_LEN(wants); i++) {
        struct want w = wants[i];
        setenv("FAKE_NCCL_FAULT", w.fault, 1);
        setenv("RINGBENCH_SIMULATED_GPUS", w.ranks_per_gpu == 2 ? "1" : "2", 1);
        assert_int_equal(ranks_as_processes(2, meet_fault, &w), 0);
    }
    unsetenv("FAKE_NCCL_FAULT");
}

int main(int argc, char **argv)
{
    (void)argc;
    snprintf(folder, sizeof folder, "%s", argv[0]);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    unsetenv("NCCL_MAX_CTAS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone), cmocka_unit_test(test_gangs), cmocka_unit_test(test_not_here),
        cmocka_unit_test(test_no_nccl), cmocka_unit_test(test_choice), cmocka_unit_test(test_old_version), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
