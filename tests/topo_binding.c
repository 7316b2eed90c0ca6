/* Which rank runs where, and the ring of ranks that follows. */
#include "topo/topology.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/ranks.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"

static struct topology *load(const char *file)
{
    struct topology *t = NULL;
    assert_int_equal(topology_load(&t, file), RB_OK);
    return t;
}

static const struct row {
    const char *file;
    int rank, nranks;
    const char *text;
} rows[] = {
    { MACHINES "one_socket.xml", 0, 1, "core 0 (cpu 0-1)" },
    { MACHINES "one_socket.xml", 1, 2, "core 4 (cpu 8-9)" },
    { MACHINES "one_socket.xml", 2, 3, "core 5 (cpu 10-11)" },
    { MACHINES "one_socket.xml", 7, 8, "core 7 (cpu 14-15)" },
    { MACHINES "two_sockets.xml", 1, 2, "core 16 (cpu 32-33)" }, /* the other package */
    { MACHINES "two_sockets.xml", 3, 4, "core 24 (cpu 48-49)" }, /* every NUMA node has one */
    { MACHINES "one_socket.xml", 0, 16, "core 0 (cpu 0), one thread: 2 ranks on this core" },
    { MACHINES "one_socket.xml", 1, 16, "core 0 (cpu 1), one thread: 2 ranks on this core" },
    { MACHINES "one_socket.xml", 15, 16, "core 7 (cpu 15), one thread: 2 ranks on this core" },
    { MACHINES "one_socket.xml", 0, 9, "core 0 (cpu 0), one thread: 2 ranks on this core" },
    { MACHINES "one_socket.xml", 8, 9, "core 7 (cpu 14-15)" },
    { MACHINES "one_socket.xml", 2, 24, "core 0 (cpu 0), shared: more ranks than cores" },
    { MACHINES "switch_cascade.xml", 32, 33, "core 31 (cpu 31)" },
    { MACHINES "switch_cascade.xml", 1, 33, "core 0 (cpu 0), shared: more ranks than cores" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(rows); i++) {
        struct topology *t = load(rows[i].file);
        struct topology_binding b;
        assert_int_equal(topology_binding(t, rows[i].rank, rows[i].nranks, &b), RB_OK);
        assert_string_equal(b.text, rows[i].text);
        assert_int_equal(b.shared, strstr(b.text, "shared") != NULL);
        assert_int_equal(topology_device(t, (size_t)b.core)->kind, TOPO_CORE);
        topology_free(t);
    }
}

/* Ranks are spread evenly: no core has two more than another, and none is free while one is shared. */
static void test_spread(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "two_sockets.xml");
    for (int n = 1; n <= 100; n++) {
        int count[32] = { 0 }, low = n, high = 0;
        for (int r = 0; r < n; r++) {
            struct topology_binding b;
            assert_int_equal(topology_binding(t, r, n, &b), RB_OK);
            count[topology_device(t, (size_t)b.core)->number]++;
        }
        for (int c = 0; c < 32; c++) {
            low = count[c] < low ? count[c] : low;
            high = count[c] > high ? count[c] : high;
        }
        assert_true(high - low <= 1);
    }
    topology_free(t);
}

static void test_refused(void **state)
{
    (void)state;
    struct capture c;
    struct topology_binding b;
    struct topology *text = load(MACHINES "smi_h100_nvswitch.txt"), *xml = load(MACHINES "laptop.xml");
    capture_begin(&c);
    assert_int_equal(topology_binding(text, 0, 1, &b), RB_EUSAGE);
    assert_int_equal(topology_bind_self(xml, 0, 1, &b), RB_EUSAGE);
    assert_int_equal(topology_binding(xml, 3, 3, &b), RB_EINTERNAL);
    capture_end(&c);
    assert_int_equal(capture_lines(&c), 3);
    assert_non_null(strstr(c.text, "tells no cores to bind ranks to"));
    assert_non_null(strstr(c.text, "is not the machine that this runs on"));
    topology_free(text);
    topology_free(xml);
}

/* Ranks 0 .. 7 of two_sockets.xml sit in its eight L3 groups; packages must be left only twice. */
static void test_ring_of_ranks(void **state)
{
    (void)state;
    struct topology *t = load(MACHINES "two_sockets.xml");
    const int sizes[] = { 1, 2, 3, 8, 16, 32, 40 };
    for (size_t i = 0; i < RB_LEN(sizes); i++) {
        const int n = sizes[i];
        int order[40], crossings = 0;
        topology_ring_ranks(t, n, order);
        for (int k = 0; k < n; k++) {
            struct topology_binding a, b;
            topology_binding(t, order[k], n, &a);
            topology_binding(t, order[(k + 1) % n], n, &b);
            crossings += topology_device(t, (size_t)a.core)->package != topology_device(t, (size_t)b.core)->package;
        }
        assert_int_equal(order[0], 0);
        assert_int_equal(crossings, n > 1 ? 2 : 0);
    }
    topology_free(t);
}

/* A matrix tells no cores: ranks are at the GPUs; more ranks than GPUs stay as numbered. */
static void test_ring_of_ranks_at_gpus(void **state)
{
    (void)state;
    static const int want[8] = { 0, 3, 2, 1, 7, 4, 5, 6 };
    int order[9];
    struct topology *t = load(MACHINES "smi_v100_cube_mesh.txt");
    topology_ring_ranks(t, 8, order);
    assert_memory_equal(order, want, sizeof want);
    topology_ring_ranks(t, 9, order);
    for (int k = 0; k < 9; k++)
        assert_int_equal(order[k], k);
    topology_free(t);
}

/* Ranks that share nothing are on different CPUs. */
static int check_apart(struct job *job, const struct topology_binding *b)
{
    long *all = rb_calloc((size_t)job->nranks, sizeof *all);
    const long mine = b->core < 0 || b->shared ? -1 - job->rank : strtol(b->cpus, NULL, 10);
    int bad = job_allgather(job, &mine, all, sizeof mine) != RB_OK ? 6 : 0;
    for (int r = 0; r < job->nranks; r++)
        if (r != job->rank && all[r] == mine)
            bad = 7;
    free(all);
    return bad;
}

/* On this machine: the thread may run on what the text says and nothing else. */
static int bind_one(struct job *job, void *context)
{
    struct topology *t = NULL;
    struct topology_binding b;
    (void)context;
    if (topology_load(&t, NULL) != RB_OK)
        return 1;
    const bool live = topology_is_live(t);
    const int rc = live ? topology_bind_job(t, job, &b) : RB_OK;
    cpu_set_t now;
    int bad = rc != RB_OK ? 2 : 0;
    if (live && bad == 0 && b.core >= 0) { /* a system may forbid binding: then the text says so */
        sched_getaffinity(0, sizeof now, &now);
        const size_t cpu = (size_t)strtoul(b.cpus, NULL, 10);
        bad = !CPU_ISSET(cpu, &now) ? 3 : (b.shared || b.sibling) && CPU_COUNT(&now) != 1 ? 4 : 0;
    }
    if (live && bad == 0)
        bad = check_apart(job, &b);
    topology_free(t);
    return bad;
}

static void test_this_machine(void **state)
{
    (void)state;
    assert_int_equal(ranks_as_threads(1, bind_one, NULL), 0);
    assert_int_equal(ranks_as_threads(2, bind_one, NULL), 0);
    assert_int_equal(ranks_as_threads(5, bind_one, NULL), 0);
}

/* A rank that its launcher confined to one CPU stays there, and those with other CPUs do not count as its neighbours. */
static int bind_confined(struct job *job, void *context)
{
    const cpu_set_t *all = context;
    size_t cpu = 0;
    for (int skip = job->rank % CPU_COUNT(all); !CPU_ISSET(cpu, all) || skip-- > 0;)
        cpu++;
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_SET(cpu, &mine);
    if (sched_setaffinity(0, sizeof mine, &mine) != 0)
        return 0; /* not allowed here */
    const int bad = bind_one(job, NULL);
    cpu_set_t now;
    sched_getaffinity(0, sizeof now, &now);
    return bad != 0 ? bad : CPU_EQUAL(&now, &mine) ? 0 : 5;
}

static void test_confined(void **state)
{
    (void)state;
    cpu_set_t all;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(ranks_as_threads(2, bind_confined, &all), 0);
    assert_int_equal(ranks_as_threads(3, bind_confined, &all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_spread),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ring_of_ranks), cmocka_unit_test(test_ring_of_ranks_at_gpus), cmocka_unit_test(test_this_machine), cmocka_unit_test(test_confined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
