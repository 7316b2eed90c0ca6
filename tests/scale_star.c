/* Parameter servers in two rounds against every message played. */
#include "scale/simulate.h"

#include "core/error.h"
#include "core/text.h"
#include "tests/scale_question.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All of them together, and one after the other: as many steps as messages say that no event was played. */
static bool in_two_rounds(const struct simulated *r)
{
    return r->cost.steps == r->cost.messages;
}

static void compare(struct question q, int *rounds)
{
    const struct simulated quick = answer(&q);
    q.every_rank = true;
    const struct simulated played = answer(&q);
    near(quick.seconds, played.seconds, 1e-5, q.algorithm, q.servers);
    near(quick.wire_bytes, played.wire_bytes, 1e-5, q.algorithm, q.servers);
    near(quick.cost.sent, played.cost.sent, 1e-5, q.algorithm, q.servers);
    *rounds += in_two_rounds(&quick);
    assert_false(in_two_rounds(&played));
}

static void test_rounds_are_what_events_give(void **state)
{
    (void)state;
    static const struct { const char *cluster, *key, *value; } places[] = {
        { "8xH800", NULL, NULL },          { "8x8xH100", NULL, NULL },                     { "8x8xH100", "oversubscription", "4" },
        { "8x8x4090", NULL, NULL },        { "8x8xH100", "slow_node", "3 0.3" },           { "8x8xH100", "slow_gpu", "1 0.5" },
        { "8x8xH100", "placement", "scattered" }, { "tests/clusters/tree.cluster", NULL, NULL }, { "torus-H100", NULL, NULL },
    };
    static const char *const names[] = { "parameter_server_colocated", "parameter_server_dedicated" };
    static const int servers[] = { 1, 3, 7, 8, 11 };
    int rounds = 0;
    for (size_t p = 0; p < RB_LEN(places); p++)
        for (size_t a = 0; a < RB_LEN(names); a++)
            for (size_t k = 0; k < RB_LEN(servers); k++) {
                const bool fits = strcmp(places[p].cluster, "8xH800") != 0 || servers[k] < 8;
                if (fits)
                    compare((struct question){ .cluster = places[p].cluster, .algorithm = names[a], .servers = servers[k], .bytes = 16 << 20,
                                               .key = places[p].key, .value = places[p].value }, &rounds);
            }
    print_message("%d of them in two rounds\n", rounds);
    assert_true(rounds >= 40);
}

/* The same where every rank serves and a period of them stands for all. */
static void test_every_rank_serves_folded(void **state)
{
    (void)state;
    static const char *const places[] = { "8xH800", "4x8xH100", "4x8x4090", "torus-H100" };
    for (size_t p = 0; p < RB_LEN(places); p++) {
        struct cluster c;
        assert_int_equal(cluster_load(&c, places[p], &catalogue, &links), RB_OK);
        struct question q = { .cluster = places[p], .algorithm = "parameter_server_colocated", .servers = cluster_gpus(&c), .bytes = 64 << 20 };
        cluster_free(&c);
        const struct simulated folded = answer(&q);
        q.every_rank = true;
        const struct simulated all = answer(&q);
        assert_true(folded.period < all.period && in_two_rounds(&folded));
        near(folded.seconds, all.seconds, 1e-5, places[p], q.servers);
        near(folded.wire_bytes, all.wire_bytes, 1e-3, places[p], q.servers);
        assert_string_equal(folded.busiest, all.busiest);
    }
}

/* A server a shard, on one node: 7 S/8 in, 7 S/8 out of every port, two messages one after the other. */
static void test_every_rank_serves(void **state)
{
    (void)state;
    const double bytes = 64 << 20;
    struct question q = { .cluster = "8xH800", .algorithm = "parameter_server_colocated", .servers = 8, .bytes = 64 << 20, .no_latency = true };
    struct cluster c;
    assert_int_equal(cluster_load(&c, q.cluster, &catalogue, &links), RB_OK);
    near(answer(&q).seconds, 2 * 7 * bytes / 8 / c.link_Bps, 1e-4, "every rank serves", 8);
    cluster_free(&c);
}

/* As many servers as nodes: what comes to each is its shard from everybody, 8 S; 16384 in time and room that a test has. */
static void test_sixteen_thousand(void **state)
{
    (void)state;
    const struct simulated r = answer(&(struct question){ .cluster = "2048x8xH100", .algorithm = "parameter_server_colocated", .servers = 256, .bytes = 256 << 20 });
    assert_true(in_two_rounds(&r));
    near(r.seconds, 2 * (16384 - 8) * (double)(256 << 20) / 256 / 48.5e9, 0.001, "servers of 16384", 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_are_what_events_give),
        cmocka_unit_test(test_every_rank_serves),
        cmocka_unit_test(test_every_rank_serves_folded),
        cmocka_unit_test(test_sixteen_thousand),
    };
    return cmocka_run_group_tests(tests, open_data, close_data);
}
