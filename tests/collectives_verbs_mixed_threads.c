/* Shared memory inside a host and a network outside, with ranks as threads that are dealt out over hosts that are none, over a verbs
 * device that is a table (tests/verbs_device.h): every algorithm, and who talks over what. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/card.h"
#include "collectives/operation.h"
#include "collectives/transport/verbs_counters.h"
#include "core/error.h"
#include "core/text.h"
#include "tests/capture.h"
#include "tests/ranks.h"
#include "tests/verbs_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card)
{
    (void)root, (void)device, (void)port;
    card->counted = false;
}

static int reset(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static void all_algorithms(int n, int nodes, struct engine_setup setup)
{
    setup.nodes = nodes;
    setup.transport = "shm+verbs";
    setup.leaf = "base";
    setup.slots_only = true;
    assert_int_equal(ranks_as_threads(n, engine_play_rank, &setup), 0);
    assert_int_equal(fake.overflows, 0);
    assert_int_equal(fake.without_receive, 0);
}

static void test_all_algorithms(void **state)
{
    (void)state;
    all_algorithms(4, 2, (struct engine_setup){ .slot_bytes = 256, .slots = 4 });
}

static void test_one_slot(void **state)
{
    (void)state;
    all_algorithms(4, 2, (struct engine_setup){ .slot_bytes = 128, .slots = 1, .qps = 2 });
}

static void test_three_hosts(void **state)
{
    (void)state;
    all_algorithms(6, 3, (struct engine_setup){ .slot_bytes = 256, .slots = 3, .delay_seed = 3 });
}

/* What went over the card of each rank in one call. */
struct ways {
    const char *algorithm;
    uint64_t packets[8];
    uint64_t host_egress;
    char why[480];
};

static int count_packets(struct job *job, void *context)
{
    struct ways *w = context;
    struct comm *comm;
    struct operation *op;
    struct transport_card before, after;
    static _Thread_local int32_t in[4096], out[4096];
    job_local_pretend(job, 2);
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "auto", .slot_bytes = 1024, .slots = 4, .yield = true, .timeout_sec = 30 }));
    const struct call call = { .algorithm = algorithm_find(w->algorithm), .group = { .nranks = job->nranks, .servers = 1, .nodes = 2 },
                               .count = RB_LEN(in), .type = TYPE_INT32, .op = OP_SUM };
    RB_TRY(comm_prepare(comm, &call, &op));
    comm->transport->ops->card(comm->transport, &before);
    RB_TRY(operation_run(op, in, out));
    comm->transport->ops->card(comm->transport, &after);
    w->packets[job->rank] = after.payload - before.payload;
    if (job->rank == 0) {
        w->host_egress = operation_facts(op)->host_egress;
        snprintf(w->why, sizeof w->why, "%s", comm_transport_why(comm));
    }
    operation_free(op);
    comm_close(comm);
    return 0;
}

/* A ring of 0 1 | 2 3: only 1 and 3 have a neighbour on another host. Slots are packets. */
static void test_neighbours_use_memory(void **state)
{
    (void)state;
    struct ways w = { .algorithm = "ring_all_reduce" };
    assert_int_equal(ranks_as_threads(4, count_packets, &w), 0);
    assert_int_equal(w.packets[0], 0);
    assert_int_equal(w.packets[2], 0);
    assert_int_equal(w.packets[1] * 1024, w.host_egress);
    assert_int_equal(w.packets[3] * 1024, w.host_egress);
    assert_non_null(strstr(w.why, "shm+verbs by auto"));
    assert_non_null(strstr(w.why, "fake0:1"));
}

static void test_two_levels_send_less(void **state)
{
    (void)state;
    struct ways flat = { .algorithm = "ring_all_reduce" }, levels = { .algorithm = "two_level_all_reduce" };
    assert_int_equal(ranks_as_threads(4, count_packets, &flat), 0);
    assert_int_equal(ranks_as_threads(4, count_packets, &levels), 0);
    const uint64_t of_flat = flat.packets[1], of_levels = levels.packets[0] + levels.packets[1];
    assert_int_equal(of_levels * 3, of_flat * 2); /* 2 (m-1)/m = 1 against 2 (n-1)/n = 3/2 */
    assert_int_equal(levels.packets[2], levels.packets[0]);
}

static int open_refused(struct job *job, void *context)
{
    const int *nodes = context;
    struct comm *comm;
    job_local_pretend(job, *nodes);
    const int rc = comm_open(&comm, job, &(struct comm_config){ .transport = "shm+verbs", .yield = true });
    return rc == RB_EUSAGE ? 0 : 1;
}

static void test_refused_without_both(void **state)
{
    (void)state;
    static const struct {
        int nodes;
        const char *why;
    } cases[] = { { 1, "transport shm+verbs cannot be used: all ranks are on one host" },
                  { 2, "transport shm+verbs cannot be used: each host has one rank" } };
    for (size_t i = 0; i < RB_LEN(cases); i++) {
        struct capture c;
        int nodes = cases[i].nodes;
        capture_begin(&c);
        assert_int_equal(ranks_as_threads(2, open_refused, &nodes), 0);
        assert_non_null(strstr(capture_end(&c), cases[i].why));
    }
}

static int open_without_card(struct job *job, void *context)
{
    (void)context;
    struct comm *comm;
    job_local_pretend(job, 2);
    return comm_open(&comm, job, &(struct comm_config){ .transport = "shm+verbs", .yield = true, .device = "fake1:2" }) == RB_EUSAGE ? 0 : 1;
}

/* The network does not open: nothing of the other stays behind (the sanitizers look). */
static void test_network_refuses(void **state)
{
    (void)state;
    struct capture c;
    capture_begin(&c);
    assert_int_equal(ranks_as_threads(4, open_without_card, NULL), 0);
    assert_non_null(strstr(capture_end(&c), "--device fake1:2: its link is down"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset)
    const struct CMUnitTest tests[] = {
        TEST(test_all_algorithms),         TEST(test_one_slot),         TEST(test_three_hosts),     TEST(test_neighbours_use_memory),
        TEST(test_two_levels_send_less),   TEST(test_refused_without_both), TEST(test_network_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
