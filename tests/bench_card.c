/* Which RDMA card a rank takes, on recorded machines with the kernel's files as the test wants them. */
#include "bench/card.h"

#include "core/error.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char sysfs[] = "/tmp/rb-card.XXXXXX";

static void shell(const char *format, const char *a, const char *b)
{
    char *line = rb_format(format, a, b);
    assert_int_equal(system(line), 0);
    free(line);
}

/* A card with one port that is up. */
static void plug(const char *device)
{
    shell("mkdir -p %s/class/infiniband/%s/ports/1", sysfs, device);
    shell("cd %s/class/infiniband/%s/ports/1 && echo '4: ACTIVE' >state && echo '400 Gb/sec (4X NDR)' >rate", sysfs, device);
}

static void pull_down(const char *device)
{
    shell("cd %s/class/infiniband/%s/ports/1 && echo '1: DOWN' >state", sysfs, device);
}

static int make_sysfs(void **state)
{
    (void)state;
    strcpy(sysfs + strlen(sysfs) - 6, "XXXXXX");
    return mkdtemp(sysfs) == NULL;
}

static int remove_sysfs(void **state)
{
    (void)state;
    shell("rm -r %s%s", sysfs, "");
    return 0;
}

/* "" for none. */
static void expect(const char *machine, int rank, int nranks, const char *card)
{
    struct job job = { .rank = rank, .nranks = nranks, .local_rank = rank, .nlocal = nranks, .nnodes = 1 };
    struct session s = { .job = &job };
    char name[CARD_NAME];
    assert_int_equal(topology_load(&s.topology, machine), RB_OK);
    assert_int_equal(topology_binding(s.topology, rank, nranks, &s.binding), RB_OK);
    const char *near = card_near(&s, s.binding.core, sysfs, name);
    assert_string_equal(near != NULL ? near : "", card);
    assert_null(card_near(&s, -1, sysfs, name)); /* who is not bound is near to nothing */
    topology_free(s.topology);
}

#define EIGHT "tests/topologies/eight_gpus.xml"

static void test_all_up(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        char *name = rb_format("mlx5_%d", i);
        plug(name);
        free(name);
    }
    for (int rank = 0; rank < 8; rank++) { /* four cards at each package, ranks in turn */
        char *name = rb_format("mlx5_%d", rank);
        expect(EIGHT, rank, 8, name);
        free(name);
    }
    expect(EIGHT, 0, 2, "mlx5_0");
    expect(EIGHT, 1, 2, "mlx5_5"); /* the other package, its second card */
}

static void test_some_down(void **state)
{
    (void)state;
    plug("mlx5_1");
    plug("mlx5_2");
    plug("mlx5_6");
    pull_down("mlx5_2");
    for (int rank = 0; rank < 8; rank++)
        expect(EIGHT, rank, 8, rank < 4 ? "mlx5_1" : "mlx5_6");
    pull_down("mlx5_6");
    expect(EIGHT, 7, 8, "mlx5_1"); /* far, but up */
}

/* A switch has two GPUs and two cards; the core does not matter. */
static void test_near_a_gpu(void **state)
{
    (void)state;
    struct job job = { .nranks = 8, .nlocal = 8, .nnodes = 1 };
    struct session s = { .job = &job, .binding.core = -1 };
    char name[CARD_NAME];
    for (int i = 0; i < 8; i++) {
        char *card = rb_format("mlx5_%d", i);
        plug(card);
        free(card);
    }
    assert_int_equal(topology_load(&s.topology, EIGHT), RB_OK);
    for (int gpu = 0; gpu < 8; gpu++)
        for (job.local_rank = 0; job.local_rank < 8; job.local_rank++) {
            char *card = rb_format("mlx5_%d", gpu / 2 * 2 + job.local_rank % 2);
            assert_string_equal(card_near(&s, topology_find(s.topology, TOPO_GPU, gpu), sysfs, name), card);
            free(card);
        }
    topology_free(s.topology);
}

static void test_none(void **state)
{
    (void)state;
    expect(EIGHT, 0, 8, "");
    expect("tests/topologies/laptop.xml", 0, 2, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_up, make_sysfs, remove_sysfs),
        cmocka_unit_test_setup_teardown(test_some_down, make_sysfs, remove_sysfs),
        cmocka_unit_test_setup_teardown(test_near_a_gpu, make_sysfs, remove_sysfs),
        cmocka_unit_test_setup_teardown(test_none, make_sysfs, remove_sysfs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
