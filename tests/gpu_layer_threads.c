/* A tensor-parallel layer on the simulated GPU, products by a stand-in for cuBLAS, calls by us and by a stand-in for NCCL: every type, ranks alone on a GPU and together, parts and no parts,
 * bytes as the formula says, results compared element by element; the order of products and calls; and faults of the library. Ranks are threads: what ThreadSanitizer can see. */
#include "collectives/device/gpu_queue.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/ranks.h"
#include "workload/gpu_play.h"
#include "workload/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char library[4096];

struct want {
    enum cublas_type type;
    int ranks_per_gpu;
    const char *library; /* NULL: the stand-in */
    int open, play;      /* codes */
    bool wrong;          /* the check must find something */
    const char *nccl;    /* version of who makes the calls; NULL: we */
};

struct world {
    struct comm *comm;
    struct gpu_products *products;
    struct workload_setup setup;
    struct program *programs;
    struct gpu_player *player;
    struct baseline *nccl;
};

/* Sizes that every type can multiply, shared out over two or three ranks. */
static void plan_layer(struct world *w, int nranks)
{
    const struct workload *tp;
    const struct preset *preset;
    workload_find("tp-layer", &tp);
    preset_find("llama-2-7b", &preset);
    w->setup = (struct workload_setup){ .model = { .preset = preset, .scale = 1, .layers = 1, .hidden = 96, .heads = 6, .ffn = 192, .tokens = 32, .query_key_value = 192,
                                                   .gated = true }, .grid = grid_of_tensor(nranks) };
    w->programs = programs_make(tp, &w->setup);
}

static int choose_nccl(struct world *w, struct job *job, const char *version)
{
    char why[240] = "", file[4200];
    int maker = 0;
    snprintf(file, sizeof file, "%.*s/libnccl-%s.so", (int)(strrchr(library, '/') - library), library, version);
    RB_TRY(baseline_find("nccl")->open(&w->nccl, &(struct baseline_setup){ .job = job, .comm = w->comm, .library = file }, why, sizeof why));
    if (w->nccl == NULL)
        return rb_fail(RB_ENOTIMPL, "%s", why);
    RB_TRY(gpu_player_add(w->player, w->nccl, &maker));
    gpu_player_choose(w->player, maker);
    return RB_OK;
}

static int open_world(struct world *w, struct job *job, const struct want *want)
{
    const struct comm_config config = { .transport = "cuda_peer", .ranks_per_gpu = want->ranks_per_gpu, .channels = 2, .slots = 2, .slot_bytes = 512,
                                        .gpu_threads = 8, .yield = true, .timeout_sec = want->play == RB_ETIMEOUT ? 2 : 60 };
    const struct gpu_products_setup setup = { .library = want->library != NULL ? want->library : library, .type = want->type };
    *w = (struct world){0};
    RB_TRY(comm_open(&w->comm, job, &config));
    plan_layer(w, job->nranks);
    RB_TRY(gpu_products_open(&w->products, comm_gang(w->comm), &setup));
    RB_TRY(gpu_player_open(&w->player, &w->programs[job->rank], w->comm, w->products));
    return want->nccl != NULL ? choose_nccl(w, job, want->nccl) : RB_OK;
}

static void close_world(struct world *w, int nranks)
{
    gpu_player_close(w->player);
    gpu_products_close(w->products);
    if (w->nccl != NULL)
        w->nccl->ops->close(w->nccl);
    programs_free(w->programs, nranks);
    comm_close(w->comm);
}

/* Twice: the second time, the right results of the first still lie about. */
static int check(struct world *w, const struct want *want)
{
    const uint64_t all = 4u * 32 * 96 * (uint64_t)w->setup.grid.size[AXIS_ALL];
    for (int i = 0; i < 2; i++) {
        uint64_t wrong = 0, compared = 0;
        RB_TRY(gpu_player_check(w->player, &wrong, &compared));
        if (compared == all && (wrong > 0) == want->wrong)
            continue;
        fprintf(stderr, "check %d: %llu of %llu elements wrong, %llu wanted\n", i, (unsigned long long)wrong, (unsigned long long)compared, (unsigned long long)all);
        return RB_EDATA;
    }
    return RB_OK;
}

static int play(struct world *w, const struct want *want)
{
    double sec = 0;
    for (int mode = 0; mode < PLAY_MODES; mode++)
        RB_TRY(gpu_player_step(w->player, (enum play_mode)mode, &sec, NULL));
    return sec > 0 ? check(w, want) : RB_EINTERNAL;
}

static int play_rank(struct job *job, void *context)
{
    const struct want *want = context;
    struct world w;
    int rc = open_world(&w, job, want);
    if (rc != want->open)
        return 50 - rc;
    if (rc == RB_OK && (rc = play(&w, want)) != want->play)
        return 60 - rc;
    if (want->play == RB_OK) /* else work may still be queued on what would be freed */
        close_world(&w, job->nranks);
    return 0;
}

static void on_gpus(const char *gpus)
{
    setenv("RINGBENCH_SIMULATED_GPUS", gpus, 1);
}

static void test_types_together(void **state)
{
    (void)state;
    on_gpus("1");
    for (int type = 0; type < CUBLAS_TYPES; type++)
        for (int n = 2; n <= 3; n++)
            assert_int_equal(ranks_as_threads(n, play_rank, &(struct want){ .type = (enum cublas_type)type, .ranks_per_gpu = 3 }), 0);
}

static void test_alone(void **state)
{
    (void)state;
    on_gpus("2");
    assert_int_equal(ranks_as_threads(2, play_rank, &(struct want){ .type = CUBLAS_BF16, .ranks_per_gpu = 1 }), 0);
    assert_int_equal(ranks_as_threads(3, play_rank, &(struct want){ .type = CUBLAS_FP8, .ranks_per_gpu = 2 }), 0);
}

static void test_processes(void **state)
{
    (void)state;
    on_gpus("1");
    assert_int_equal(ranks_as_processes(3, play_rank, &(struct want){ .type = CUBLAS_FP16, .ranks_per_gpu = 3 }), 0);
}

/* What each product was asked to keep to. */
static void test_sms(void **state)
{
    (void)state;
    char path[] = "/tmp/rb-sms-XXXXXX";
    const int file = mkstemp(path);
    int sms, lines = 0;
    on_gpus("1");
    setenv("FAKE_CUBLAS_SMS", path, 1);
    setenv("RINGBENCH_SIMULATED_CUT", "no", 1);
    assert_int_equal(ranks_as_threads(2, play_rank, &(struct want){ .type = CUBLAS_TF32, .ranks_per_gpu = 2 }), 0);
    unsetenv("FAKE_CUBLAS_SMS");
    unsetenv("RINGBENCH_SIMULATED_CUT");
    FILE *f = fdopen(file, "r");
    for (; fscanf(f, "%d", &sms) == 1; lines++)
        assert_int_equal(sms, 32);
    fclose(f);
    unlink(path);
    /* Forward 2 a head and 4, backward 4 a head and 8, of two ranks; all but one mode of four, and both checks. */
    assert_int_equal(lines, 2 * 5 * (6 * 3 + 12));
}

/* One of both is slow: what does not wait for it finds the poison, so the order is what makes the results right. */
static int play_order(const char *fault, const char *nccl, bool wrong)
{
    const char *calls = nccl != NULL ? "FAKE_NCCL_SLOW" : "RINGBENCH_SIMULATED_SLOW", *slow = strcmp(fault, "fork") == 0 ? calls : "FAKE_CUBLAS_SLOW";
    setenv(slow, "20", 1);
    if (wrong)
        setenv("RINGBENCH_SIMULATED_FAULT", fault, 1);
    const int result = ranks_as_threads(2, play_rank, &(struct want){ .type = CUBLAS_FP16, .ranks_per_gpu = 2, .wrong = wrong, .nccl = nccl });
    unsetenv("RINGBENCH_SIMULATED_FAULT");
    unsetenv(slow);
    return result;
}

static void test_order(void **state)
{
    (void)state;
    on_gpus("1");
    for (int nccl = 0; nccl < 2; nccl++) {
        assert_int_equal(play_order("join", nccl ? "2.30.7" : NULL, false), 0);
        assert_int_equal(play_order("fork", nccl ? "2.30.7" : NULL, false), 0);
    }
}

/* The same without the order: the check must see it. A race on purpose, which a race detector would report as well. */
static void test_disorder(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    print_message("races on purpose: not under ThreadSanitizer\n");
    skip();
#endif
    on_gpus("1");
    for (int nccl = 0; nccl < 2; nccl++) {
        assert_int_equal(play_order("join", nccl ? "2.30.7" : NULL, true), 0);
        assert_int_equal(play_order("fork", nccl ? "2.30.7" : NULL, true), 0);
    }
}

static void test_nccl(void **state)
{
    (void)state;
    on_gpus("1");
    for (int type = 0; type < CUBLAS_TYPES; type++)
        assert_int_equal(ranks_as_threads(3, play_rank, &(struct want){ .type = (enum cublas_type)type, .ranks_per_gpu = 3, .nccl = "2.30.7" }), 0);
    assert_int_equal(ranks_as_processes(3, play_rank, &(struct want){ .type = CUBLAS_BF16, .ranks_per_gpu = 3, .nccl = "2.30.7" }), 0);
    assert_int_equal(ranks_as_threads(2, play_rank, &(struct want){ .ranks_per_gpu = 2, .nccl = "2.28.9", .open = RB_ENOTIMPL }), 0);
    on_gpus("2");
    assert_int_equal(ranks_as_processes(2, play_rank, &(struct want){ .type = CUBLAS_BF16, .ranks_per_gpu = 1, .nccl = "2.28.9" }), 0);
    assert_int_equal(ranks_as_threads(3, play_rank, &(struct want){ .type = CUBLAS_FP16, .ranks_per_gpu = 2, .nccl = "2.30.7" }), 0);
}

static void test_nccl_faults(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        struct want want;
    } faults[] = {
        { "wrong", { .ranks_per_gpu = 2, .nccl = "2.30.7", .wrong = true } }, { "call", { .ranks_per_gpu = 2, .nccl = "2.30.7", .play = RB_ENCCL } },
        { "async", { .ranks_per_gpu = 2, .nccl = "2.30.7", .play = RB_ENCCL } }, { "hang", { .ranks_per_gpu = 2, .nccl = "2.30.7", .play = RB_ETIMEOUT } },
    };
    on_gpus("1");
    for (size_t i = 0; i < RB_LEN(faults); i++) {
        struct want w = faults[i].want;
        setenv("FAKE_NCCL_FAULT", faults[i].fault, 1);
        assert_int_equal(ranks_as_processes(2, play_rank, &w), 0);
        unsetenv("FAKE_NCCL_FAULT");
    }
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        struct want want;
    } faults[] = {
        { "create", { .ranks_per_gpu = 2, .open = RB_ENOTIMPL } }, { "prepare", { .ranks_per_gpu = 2, .open = RB_ENOTIMPL } },
        { "wrong", { .ranks_per_gpu = 2, .wrong = true } }, { "call", { .ranks_per_gpu = 2, .play = RB_ENCCL } },
        { NULL, { .ranks_per_gpu = 2, .library = "libcublas-none.so", .open = RB_ENOTIMPL } },
        { NULL, { .ranks_per_gpu = 2, .library = "libm.so.6", .open = RB_ENOTIMPL } },
    };
    on_gpus("1");
    for (size_t i = 0; i < RB_LEN(faults); i++) {
        struct want w = faults[i].want;
        if (faults[i].fault != NULL)
            setenv("FAKE_CUBLAS_FAULT", faults[i].fault, 1);
        assert_int_equal(ranks_as_processes(2, play_rank, &w), 0);
        unsetenv("FAKE_CUBLAS_FAULT");
    }
}

static void test_words(void **state)
{
    (void)state;
    struct cublas *c;
    char why[240];
    assert_false(cublas_open(&c, "libm.so.6", why, sizeof why));
    assert_string_equal(why, "the library has no cublasLtCreate: it is no cuBLAS, or one older than 11.4");
    assert_true(cublas_open(&c, library, why, sizeof why));
    assert_string_equal(cublas_version(c), "13.1.0");
    cublas_close(c);
}

static void test_bytes(void **state)
{
    (void)state;
    for (int n = 2; n <= 3; n++) {
        struct world w = {0};
        struct workload_traffic t;
        plan_layer(&w, n);
        assert_int_equal(traffic_count(w.programs, &w.setup.grid, 2, &t), RB_OK);
        assert_int_equal(t.total, 4 * 2 * (n - 1) * 32 * 96 * 2); /* 4 all-reduces, each byte 2 (n-1) times */
        programs_free(w.programs, n);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    snprintf(library, sizeof library, "%s", argv[0]);
    char *slash = strrchr(library, '/');
    snprintf(slash != NULL ? slash + 1 : library, 64, "libcublasLt-fake.so");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_bytes), cmocka_unit_test(test_types_together), cmocka_unit_test(test_alone),
        cmocka_unit_test(test_processes), cmocka_unit_test(test_sms), cmocka_unit_test(test_order), cmocka_unit_test(test_disorder), cmocka_unit_test(test_nccl),
        cmocka_unit_test(test_nccl_faults), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
