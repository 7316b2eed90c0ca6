/* Every workload played by ranks that are threads, with the results checked. */
#include "tests/ranks.h"
#include "workload/buffers.h"
#include "workload/play.h"
#include "workload/traffic.h"

#include "core/error.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Which check failed, 0: none. */
static int play_in(struct groups *groups, const struct program *programs, struct compute *compute)
{
    struct player *player;
    uint64_t wrong = 99;
    double sec[PLAY_MODES];
    if (player_open(&player, programs, groups, compute) != RB_OK)
        return 2;
    int bad = player_check(player, &wrong) != RB_OK || wrong != 0 ? 3 : 0;
    for (int mode = 0; mode < PLAY_MODES && !bad; mode++)
        bad = player_step(player, (enum play_mode)mode, &sec[mode]) != RB_OK || sec[mode] < 0 ? 4 : 0;
    if (bad == 0 && (player_check(player, &wrong) != RB_OK || wrong != 0)) /* steps leave what is given alone */
        bad = 5;
    if (bad == 0 && player_bytes(player) == 0 && programs[groups->world->rank].ncalls > 0)
        bad = 6;
    player_close(player);
    return bad;
}

static int play_workload(const struct workload *w, struct comm *all, struct job *job, const struct comm_config *config, struct compute *compute)
{
    const struct preset *preset = NULL;
    struct workload_setup s = { .bucket_bytes = 40000, .micro_batches = 3, .generated = 2, .batch = 2, .grid = w->grid(job->nranks) };
    struct groups groups;
    if (preset_find("llama-2-7b", &preset) != RB_OK)
        return 1;
    s.model = model_scaled(preset, 64, job->nranks);
    struct program *programs = programs_make(w, &s);
    const int bad = groups_open(&groups, &s.grid, job, all, config) != RB_OK ? 1 : play_in(&groups, programs, compute);
    groups_close(&groups);
    programs_free(programs, job->nranks);
    return bad;
}

static void no_product(struct compute *c, const struct matmul *g, int first, int count)
{
    (void)c, (void)g, (void)first, (void)count;
}

/* 1000 times the workload's number, and the check. Products take no time: only their slices matter here. */
static int play_all_as_rank(struct job *job, void *context)
{
    const unsigned *delay_seed = context;
    const struct comm_config config = { .transport = "shm", .slot_bytes = 16384, .slots = 2, .yield = true, .timeout_sec = 60, .delay_seed = *delay_seed };
    static const struct compute_ops ops = { .name = "none", .gemm = no_product };
    struct compute compute = { .ops = &ops, .flops = 1e9, .bytes = 8 << 20, .memory = rb_calloc(1, 8 << 20) };
    struct comm *all;
    int bad = 0;
    if (comm_open(&all, job, &config) != RB_OK)
        return 1;
    for (size_t i = 0; i < workload_count && bad == 0; i++)
        if (workloads[i]->run == NULL && (bad = play_workload(workloads[i], all, job, &config, &compute)) != 0)
            bad += 1000 * (int)i;
    free(compute.memory);
    comm_close(all);
    return bad;
}

static void play_all(int nranks, unsigned delay_seed)
{
    const int bad = ranks_as_threads(nranks, play_all_as_rank, &delay_seed);
    if (bad != 0)
        fail_msg("%s on %d ranks: check %d", workloads[bad / 1000]->name, nranks, bad % 1000);
}

static void two_ranks(void **state)
{
    (void)state;
    play_all(2, 0);
}

static void three_ranks_with_delays(void **state)
{
    (void)state;
    play_all(3, 11);
}

static void four_ranks_in_grids(void **state)
{
    (void)state;
    play_all(4, 0);
}

/* The check itself: a result that is not what was given is counted. */
static void a_wrong_number_is_seen(void **state)
{
    (void)state;
    float in[8] = {0}, out[8];
    struct call_buffers b = { .in_elements = 8, .out_elements = 8, .in = in, .out = out };
    const struct buffers_call c = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = 1, .servers = 1 }, .count = 8 };
    buffers_fill(&b, &c);
    memcpy(out, in, sizeof out);
    assert_int_equal(buffers_wrong(&b, &c), 0);
    out[3] += 1;
    out[7] = -1;
    assert_int_equal(buffers_wrong(&b, &c), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_number_is_seen),
        cmocka_unit_test(two_ranks),
        cmocka_unit_test(three_ranks_with_delays),
        cmocka_unit_test(four_ranks_in_grids),
    };
    return cmocka_run_group_tests_name("workload_play_threads", tests, NULL, NULL);
}
