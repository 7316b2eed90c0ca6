/* The algorithms with levels, for every division of the ranks into nodes. */
#include "collectives/prove.h"

#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "two_level_all_reduce", "tree_all_reduce" };

static void must_hold(const struct algorithm *a, const struct group *g, int slots, bool in_place)
{
    struct proof p;
    assert_int_equal(prove(a, g, &(struct proof_options){ .slots = slots, .pieces = 2, .in_place = in_place }, &p), RB_OK);
    if (!p.holds)
        fail_msg("%s n=%d nodes=%d slots=%d in_place=%d: %s", a->name, g->nranks, g->nodes, slots, in_place, p.why);
    proof_free(&p);
}

static void test_every_division_is_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < RB_LEN(names); i++)
        for (int n = 1; n <= 24; n++)
            for (int nodes = 1; nodes <= n; nodes++)
                for (int form = 0; form < 4 && n % nodes == 0; form++)
                    must_hold(algorithm_find(names[i]), &(struct group){ .nranks = n, .nodes = nodes }, 1 + form / 2, form % 2 == 1);
}

/* Ranks dealt out to the nodes one after the other: the ring brings those of a node together. */
static void test_neighbours_are_those_of_the_ring(void **state)
{
    (void)state;
    enum { N = 12, NODES = 3 };
    int ring[N];
    uint64_t edges[N * N];
    for (int k = 0; k < N; k++)
        ring[k] = k / (N / NODES) + NODES * (k % (N / NODES));
    for (size_t i = 0; i < RB_LEN(names); i++) {
        const struct algorithm *a = algorithm_find(names[i]);
        const struct group g = { .nranks = N, .nodes = NODES, .ring = ring };
        struct plan *plans;
        must_hold(a, &g, 1, false);
        must_hold(a, &g, 2, true);
        assert_int_equal(plans_build(&plans, a, &g, false), RB_OK);
        schedule_edges(a, &g, plans, N * 64, 4, edges);
        plans_free(plans, N);
        for (int r = 0; r < N; r++)
            for (int k = 0; k < N; k++) /* from node to node only between equal places */
                assert_true(edges[r * N + k] == 0 || r % NODES == k % NODES || r / NODES == k / NODES);
    }
}

/* What leaves a node: 2 (m-1)/m of the message for a ring between m nodes, twice the message for an inner node of a tree. */
static void test_bytes_between_nodes(void **state)
{
    (void)state;
    const struct group g = { .nranks = 32, .nodes = 4 };
    const uint64_t count = 32 * 64, bytes = count * 4;
    uint64_t edges[32 * 32], out[4] = { 0 };
    struct plan *plans;
    const struct algorithm *a = algorithm_find("two_level_all_reduce");
    assert_int_equal(plans_build(&plans, a, &g, true), RB_OK);
    schedule_edges(a, &g, plans, count, 4, edges);
    plans_free(plans, 32);
    for (int r = 0; r < 32; r++)
        for (int k = 0; k < 32; k++)
            out[r / 8] += r / 8 != k / 8 ? edges[r * 32 + k] : 0;
    for (int node = 0; node < 4; node++)
        assert_int_equal(out[node], 2 * 3 * bytes / 4);
}

/* Seven nodes: four levels up and down would be a chain; a tree has 2 log2(8) - 2 messages one after the other, and 2 (L-1) inside. */
static void test_hops_of_a_tree(void **state)
{
    (void)state;
    struct proof p;
    const struct group g = { .nranks = 7, .nodes = 7 };
    assert_int_equal(prove(algorithm_find("tree_all_reduce"), &g, &(struct proof_options){ .slots = 1, .pieces = 1 }, &p), RB_OK);
    assert_int_equal(p.hops, 4);
    proof_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_division_is_right),
        cmocka_unit_test(test_neighbours_are_those_of_the_ring),
        cmocka_unit_test(test_bytes_between_nodes),
        cmocka_unit_test(test_hops_of_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
