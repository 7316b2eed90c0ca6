/* The verbs transport over a device that is a table in this process (tests/verbs_device.h): every algorithm, queue pairs that overtake
 * each other, messages that must be split, queues that are short, and what goes wrong. */
#include "tests/engine_cases.c" /* compiled into each of its tests */

#include "collectives/card.h"
#include "collectives/operation.h"
#include "collectives/transport/verbs.h"
#include "core/error.h"
#include "tests/capture.h"
#include "tests/ranks.h"
#include "tests/verbs_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

/* The port's counters, as a test wants them. */
static struct {
    bool counted;
    double share; /* of the packets that were really moved */
} counters;

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card);

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card)
{
    (void)root, (void)device, (void)port;
    pthread_mutex_lock(&fake.lock);
    for (int i = 0; i < 1000; i++) /* a card goes on by itself */
        fake_move();
    card->counted = counters.counted;
    card->counts_loops = true;
    card->sent = card->received = (uint64_t)((double)fake.packets * counters.share);
    pthread_mutex_unlock(&fake.lock);
}

static int reset(void **state)
{
    (void)state;
    fake_reset();
    counters.counted = true;
    counters.share = 1;
    return 0;
}

static void all_algorithms(int n, struct engine_setup setup)
{
    setup.transport = "verbs";
    setup.leaf = "base";
    setup.slots_only = true;
    assert_int_equal(ranks_as_threads(n, engine_play_rank, &setup), 0);
    assert_int_equal(fake.overflows, 0);
    assert_int_equal(fake.without_receive, 0);
}

static void test_all_algorithms(void **state)
{
    (void)state;
    for (int n = 1; n <= 4; n++)
        all_algorithms(n, (struct engine_setup){ .slot_bytes = 256, .slots = 4 });
}

static void test_one_slot(void **state)
{
    (void)state;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 128, .slots = 1 });
}

static void test_many_queue_pairs(void **state)
{
    (void)state;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 256, .slots = 7, .qps = 5 });
}

static void test_split_messages(void **state)
{
    (void)state;
    fake.largest_message = 100;
    fake.inline_bytes = 0;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 1024, .slots = 3, .qps = 2 });
}

/* Fewer work requests than messages in flight: the rest waits. */
static void test_short_queues(void **state)
{
    (void)state;
    fake.most_work = 12;
    fake.largest_message = 100;
    all_algorithms(3, (struct engine_setup){ .slot_bytes = 640, .slots = 6 });
}

/* One call of every rank after `harm` has been done by rank 0; results by rank. */
struct scene {
    void (*harm)(struct comm *comm);
    const struct comm_config *config;
    int opened[8], result[8];
};

static int play_scene(struct job *job, void *context)
{
    struct scene *s = context;
    struct comm *comm;
    struct operation *op;
    int32_t in[600] = {0}, out[600];
    s->opened[job->rank] = comm_open(&comm, job, s->config);
    if (s->opened[job->rank] != RB_OK)
        return 0;
    const struct call call = { .algorithm = algorithm_find("ring_all_reduce"), .group = { .nranks = job->nranks, .servers = 1 },
                               .count = RB_LEN(in), .type = TYPE_INT32, .op = OP_SUM };
    RB_TRY(comm_prepare(comm, &call, &op));
    s->result[job->rank] = operation_run(op, in, out);
    job_barrier(job);
    if (s->harm != NULL && job->rank == 0)
        s->harm(comm);
    job_barrier(job);
    if (s->harm != NULL)
        s->result[job->rank] = operation_run(op, in, out);
    operation_free(op);
    comm_close(comm);
    return 0;
}

static const char *say(struct scene *s, int n, struct capture *c)
{
    static const struct comm_config usual = { .transport = "verbs", .yield = true, .timeout_sec = 30 };
    if (s->config == NULL)
        s->config = &usual;
    capture_begin(c);
    ranks_as_threads(n, play_scene, s);
    return capture_end(c);
}

static void lose_queues(struct comm *comm)
{
    const struct verbs *v = (struct verbs *)comm->transport;
    pthread_mutex_lock(&fake.lock);
    fake.qps[v->peers[1].qp[0]->qp_num] = NULL;
    pthread_mutex_unlock(&fake.lock);
}

static void test_dead_peer(void **state)
{
    (void)state;
    struct scene s = { .harm = lose_queues, .config = &(struct comm_config){ .transport = "verbs", .yield = true, .timeout_sec = 3 } };
    struct capture c;
    const char *said = say(&s, 3, &c);
    assert_int_equal(s.result[1], RB_ETIMEOUT);
    assert_non_null(strstr(said, "rank 1: fake0:1 on "));
    assert_non_null(strstr(said, " to rank 0 (fake0:1 on "));
    assert_non_null(strstr(said, "retries exceeded"));
    assert_non_null(strstr(said, "it died, or the link between the two is down"));
}

static void spoil_key(struct comm *comm)
{
    struct verbs *v = (struct verbs *)comm->transport;
    v->peers[1].key += 1000;
    fake.event_qp = ((struct ibv_qp *)v->peers[1].qp[0])->qp_num;
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct scene s = { .harm = spoil_key, .config = &(struct comm_config){ .transport = "verbs", .yield = true, .timeout_sec = 3 } };
    struct capture c;
    const char *said = say(&s, 2, &c);
    assert_int_equal(s.result[0], RB_EINTERNAL);
    assert_non_null(strstr(said, "rank 0: fake0:1 on "));
    assert_non_null(strstr(said, "remote access error"));
    assert_non_null(strstr(said, "(rkey)"));
}

static void take_link_down(struct comm *comm)
{
    (void)comm;
    pthread_mutex_lock(&fake.lock);
    fake.state = IBV_PORT_DOWN;
    for (int i = 0; i < FAKE_QPS; i++)
        if (fake.qps[i] != NULL)
            fake.qps[i]->to = FAKE_QPS;
    pthread_mutex_unlock(&fake.lock);
}

static void test_link_down(void **state)
{
    (void)state;
    struct scene s = { .harm = take_link_down };
    struct capture c;
    const char *said = say(&s, 2, &c);
    assert_int_equal(s.result[0], RB_ETIMEOUT);
    assert_int_equal(s.result[1], RB_ETIMEOUT);
    assert_non_null(strstr(said, "went down: no way to rank 1 on "));
    assert_non_null(strstr(said, "look at the cable and at rdma link"));
}

static void refuse_write(struct comm *comm)
{
    struct verbs *v = (struct verbs *)comm->transport;
    pthread_mutex_lock(&fake.lock);
    fake.qps[v->peers[1].qp[0]->qp_num]->broken = true; /* nothing of rank 0 moves any more */
    fake.event_qp = v->peers[1].qp[0]->qp_num;
    fake.event = IBV_EVENT_QP_ACCESS_ERR;
    pthread_mutex_unlock(&fake.lock);
}

/* One rank takes the event; the other gives up in time. */
static void test_event(void **state)
{
    (void)state;
    struct scene s = { .harm = refuse_write, .config = &(struct comm_config){ .transport = "verbs", .yield = true, .timeout_sec = 3 } };
    struct capture c;
    const char *said = say(&s, 2, &c);
    assert_true(s.result[0] != RB_OK && s.result[1] != RB_OK);
    assert_true(strstr(said, "access error") != NULL || strstr(said, "no progress") != NULL);
}

static void refused(struct comm_config config, int code, const char *word)
{
    struct scene s = { .config = &config };
    struct capture c;
    config.transport = "verbs";
    const char *said = say(&s, 2, &c);
    assert_int_equal(s.opened[0], code);
    assert_int_equal(s.opened[1], code);
    if (strstr(said, word) == NULL)
        print_message("%s\n", said);
    assert_non_null(strstr(said, word));
}

static void test_no_library(void **state)
{
    (void)state;
    fake.missing = "libibverbs.so.1 cannot be loaded";
    refused((struct comm_config){0}, RB_EUSAGE, "transport verbs cannot be used: libibverbs.so.1 cannot be loaded");
}

static void test_no_device(void **state)
{
    (void)state;
    fake.devices = 0;
    refused((struct comm_config){0}, RB_EUSAGE, "transport verbs cannot be used: there is no RDMA device");
}

static void test_no_link(void **state)
{
    (void)state;
    fake.state = IBV_PORT_DOWN;
    refused((struct comm_config){0}, RB_EUSAGE, "its link is down");
}

static void test_no_address(void **state)
{
    (void)state;
    fake.no_gid = true;
    refused((struct comm_config){0}, RB_EUSAGE, "it has no GID: give its network interface an IP address");
}

static void test_forced_device(void **state)
{
    (void)state;
    refused((struct comm_config){ .device = "fke1" }, RB_EUSAGE, "--device fke1: there is no such device; did you mean fake1?");
    refused((struct comm_config){ .device = "zzzzzz" }, RB_EUSAGE, "--device zzzzzz: there is no such device; RDMA devices here: fake0, fake1");
    refused((struct comm_config){ .device = "fake1:2" }, RB_EUSAGE, "--device fake1:2: its link is down");
    refused((struct comm_config){ .device = "fake1:3" }, RB_EUSAGE, "--device fake1:3: it has no port of that number");
    refused((struct comm_config){ .device = "fake1:x" }, RB_EUSAGE, "--device fake1:x: the port is no number");
    refused((struct comm_config){ .device = "fake0", .qps = 17 }, RB_EUSAGE, "17 queue pairs for each connection: at most 16");
}

static void test_memory(void **state)
{
    (void)state;
    fake.no_memory = true;
    refused((struct comm_config){0}, RB_EINTERNAL, "fake0:1 cannot register");
    const struct rlimit little = { 4096, 4096 };
    struct rlimit before;
    getrlimit(RLIMIT_MEMLOCK, &before);
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ little.rlim_cur, before.rlim_max });
    refused((struct comm_config){0}, RB_EUSAGE, "at most 4 KiB may be locked in memory; raise it (ulimit -l unlimited");
    setrlimit(RLIMIT_MEMLOCK, &before);
}

static void test_small_queues(void **state)
{
    (void)state;
    fake.most_cqe = 20;
    refused((struct comm_config){ .qps = 4 }, RB_EUSAGE, "fake0:1 holds 20 completions");
}

static void test_chosen_device(void **state)
{
    (void)state;
    struct verbs_port p;
    assert_int_equal(verbs_port_open(&p, NULL, NULL), RB_OK);
    assert_string_equal(p.name, "fake0:1");
    verbs_port_close(&p);
    assert_int_equal(verbs_port_open(&p, NULL, "fake1"), RB_OK);
    assert_string_equal(p.name, "fake1:1");
    assert_int_equal(p.gid.gid_index, 0);
    verbs_port_close(&p);
    assert_int_equal(verbs_port_open(&p, "fake0:1", "fake1"), RB_OK);
    assert_string_equal(p.name, "fake0:1");
    verbs_port_close(&p);
    assert_int_equal(verbs_port_open(&p, NULL, "eth0"), RB_OK); /* a hint that is no RDMA device */
    assert_string_equal(p.name, "fake0:1");
    verbs_port_close(&p);
}

static void test_infiniband(void **state)
{
    (void)state;
    fake.link_layer = IBV_LINK_LAYER_INFINIBAND;
    all_algorithms(2, (struct engine_setup){ .slots = 2 });
}

/* What the port counted decides. */
struct verdict {
    int result[8];
    struct card_packets packets[8];
};

static int count_packets(struct job *job, void *context)
{
    struct verdict *v = context;
    struct comm *comm;
    struct transport_card then;
    RB_TRY(comm_open(&comm, job, &(struct comm_config){ .transport = "verbs", .yield = true }));
    RB_TRY(card_begin(comm, &then));
    for (int i = 0; i < 10; i++)
        RB_TRY(comm_barrier(comm));
    v->result[job->rank] = card_end(comm, &then, "ten barriers", &v->packets[job->rank]);
    comm_close(comm);
    return 0;
}

static void test_packets(void **state)
{
    (void)state;
    struct verdict v = {0};
    assert_int_equal(ranks_as_threads(3, count_packets, &v), 0);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(v.result[r], RB_OK);
        assert_string_equal(v.packets[r].port, "fake0:1");
        assert_int_equal(v.packets[r].payload, 60); /* 10 barriers, each of 3 ranks tells 2 */
        assert_true(v.packets[r].sent >= v.packets[r].payload);
        assert_int_equal(v.packets[r].sent, v.packets[r].payload + v.packets[r].credits + v.packets[r].acknowledgements + v.packets[r].other);
        assert_true(v.packets[r].acknowledgements <= 60 + v.packets[r].credits);
    }
}

static void test_packets_elsewhere(void **state)
{
    (void)state;
    struct verdict v = {0};
    struct capture c;
    counters.share = 0.01;
    capture_begin(&c);
    assert_int_equal(ranks_as_threads(3, count_packets, &v), 0);
    const char *said = capture_end(&c);
    for (int r = 0; r < 3; r++)
        assert_int_equal(v.result[r], RB_EDATA);
    assert_non_null(strstr(said, "refused: ten barriers: fake0:1 on "));
    assert_non_null(strstr(said, "but the data of its ranks need 60: they did not go through the card"));
    assert_int_equal(capture_lines(&c), 1);
}

static void test_uncounted_packets(void **state)
{
    (void)state;
    struct verdict v = {0};
    counters.counted = false;
    assert_int_equal(ranks_as_threads(2, count_packets, &v), 0);
    assert_int_equal(v.result[0], RB_OK);
    assert_string_equal(v.packets[0].port, "");
    assert_int_equal(v.packets[0].payload, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset)
    const struct CMUnitTest tests[] = {
        TEST(test_all_algorithms), TEST(test_one_slot),      TEST(test_many_queue_pairs), TEST(test_split_messages),
        TEST(test_short_queues),   TEST(test_dead_peer),     TEST(test_wrong_key),        TEST(test_link_down),
        TEST(test_event),          TEST(test_no_library),    TEST(test_no_device),        TEST(test_no_link),
        TEST(test_no_address),     TEST(test_forced_device), TEST(test_memory),           TEST(test_small_queues),
        TEST(test_chosen_device),  TEST(test_infiniband),    TEST(test_packets),          TEST(test_packets_elsewhere),
        TEST(test_uncounted_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
