/* The proof of every registered algorithm, and that the proof kills wrong ones. */
#include "collectives/prove.h"

#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void must_hold(const struct algorithm *a, const struct group *g, const struct proof_options *o)
{
    struct proof p;
    assert_int_equal(prove(a, g, o, &p), RB_OK);
    if (!p.holds)
        fail_msg("%s n=%d root=%d servers=%d slots=%d in_place=%d direct=%d: %s", a->name, g->nranks, g->root, g->servers,
                 o->slots, o->in_place, o->direct, p.why);
    proof_free(&p);
}

/* Every legal aliasing, with and without direct access. */
static void prove_all_forms(const struct algorithm *a, const struct group *g, int slots)
{
    const bool in_place = collective_get(a->collective)->in_place;
    for (int aliased = 0; aliased <= in_place; aliased++)
        for (int direct = 0; direct <= 1; direct++) {
            if (direct && aliased && a->direct_needs_copy)
                continue;
            must_hold(a, g, &(struct proof_options){ .slots = slots, .pieces = 2, .in_place = aliased, .direct = direct });
        }
}

static void prove_roles(const struct algorithm *a, int n, const int *ring)
{
    const bool rooted = collective_get(a->collective)->rooted;
    const int roots[] = { 0, n / 2, n - 1 };
    const int max = a->uses_servers ? a->max_servers(n) : 1;
    const int servers[] = { 1, 2, n / 2, max - 1, max };
    for (size_t i = 0; i < (rooted ? RB_LEN(roots) : 1); i++)
        for (size_t k = 0; k < (a->uses_servers ? RB_LEN(servers) : 1); k++) {
            if (servers[k] < 1 || servers[k] > max)
                continue;
            const struct group g = { .nranks = n, .root = roots[i], .servers = servers[k], .ring = ring };
            for (int slots = 1; slots <= 2; slots++)
                prove_all_forms(a, &g, slots);
        }
}

static void test_every_algorithm_is_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < algorithm_count; i++)
        for (int n = algorithms[i]->min_ranks; n <= 33; n++)
            prove_roles(algorithms[i], n, NULL);
}

static void test_any_ring_order_is_right(void **state)
{
    (void)state;
    static const int ring[] = { 3, 0, 5, 1, 6, 2, 4 };
    for (size_t i = 0; i < algorithm_count; i++)
        prove_roles(algorithms[i], 7, ring);
}

static void test_large_rings_are_right(void **state)
{
    (void)state;
    static const int sizes[] = { 64, 129 };
    for (size_t i = 0; i < RB_LEN(sizes); i++)
        for (size_t k = 0; k < algorithm_count; k++) {
            const struct group g = { .nranks = sizes[i], .servers = 3 };
            must_hold(algorithms[k], &g, &(struct proof_options){ .slots = 1, .pieces = 1, .direct = true });
        }
}

/* A mutant changes one plan; the proof must say why it is wrong. */
struct mutant {
    const char *name, *algorithm, *expected;
    int n;
    void (*change)(struct plan *plans);
    bool in_place, slots_only;
};

static void wrong_chunk(struct plan *p) { p[1].steps[1].src.index = (p[1].steps[1].src.index + 1) % 4; }
static void missing_step(struct plan *p)
{
    free((void *)(uintptr_t)p[2].steps[--p[2].nsteps].recv_from);
}
static void extra_send(struct plan *p) { plan_add(&p[0], 0, NULL, 0, &(int){ 1 }, 1, chunk_in(0), chunk_none(), 0); }
static void no_finish(struct plan *p) { p[0].steps[3].flags &= ~(unsigned)STEP_FINISH; }
static void twice_finished(struct plan *p) { p[0].steps[4].flags |= STEP_FINISH; }
static void wrong_destination(struct plan *p) { p[3].steps[3].dst.index = p[3].steps[2].dst.index; }
static void receive_first(struct plan *p)
{
    for (int r = 0; r < 2; r++) {
        const struct step first = p[r].steps[0];
        p[r].steps[0] = p[r].steps[1];
        p[r].steps[1] = first;
    }
}
static void not_granted(struct plan *p)
{
    p[1].steps[0].flags = STEP_PULL_SEND;
    p[1].steps[0].send_to = p[1].steps[0].recv_from;
    p[1].steps[0].nsend = 1;
    p[1].steps[0].nrecv = 0;
    p[1].steps[0].src = chunk_in(0);
    p[1].steps[0].dst = chunk_none();
}
static void granted_elsewhere(struct plan *p) { p[1].steps[0].dst.index = 1; }
static void pull_mismatch(struct plan *p) { p[1].steps[1].flags &= ~(unsigned)STEP_PULL_RECV; }
static void reused_source(struct plan *p)
{
    plan_add(&p[0], 1, NULL, 0, NULL, 0, chunk_in(0), chunk_out(1), 0); /* a second lane writes what peers read */
}
static void out_of_range(struct plan *p) { p[0].steps[0].src.index = 99; }
static void shared_connection(struct plan *p) { p[0].steps[0].lane = 1; p[0].nlanes = 2; }
static void talks_to_itself(struct plan *p) { ((int *)(uintptr_t)p[0].steps[0].send_to)[0] = 0; }

static const struct mutant mutants[] = {
    { "wrong chunk", "ring_all_reduce", "expects chunk", 4, wrong_chunk, false, false },
    { "missing step", "ring_all_reduce", "expects chunk", 4, missing_step, false, false },
    { "extra send", "ring_all_reduce", "expects chunk", 4, extra_send, false, true },
    { "mean never taken", "ring_all_reduce", "finish", 4, no_finish, false, false },
    { "mean taken twice", "ring_all_reduce", "twice", 4, twice_finished, false, false },
    { "result in the wrong place", "ring_all_gather", "", 4, wrong_destination, false, false },
    { "everybody receives first", "direct_one_shot_all_reduce", "waits for ever", 2, receive_first, false, false },
    { "destination never granted", "direct_two_shot_all_reduce", "", 2, not_granted, false, false },
    { "another destination granted", "direct_two_shot_all_reduce", "may still", 2, granted_elsewhere, false, false },
    { "one end pulls, the other copies", "direct_all_gather", "disagree", 2, pull_mismatch, false, false },
    { "source overwritten while peers read it", "direct_all_gather", "may still", 2, reused_source, false, false },
    { "one-shot in place reads what is written", "direct_one_shot_all_reduce", "may still be", 2, NULL, true, false },
    { "chunk out of range", "ring_all_reduce", "does not have", 4, out_of_range, false, false },
    { "two lanes on one connection", "ring_all_reduce", "share an end", 4, shared_connection, false, true },
    { "a rank sends to itself", "ring_all_reduce", "as its peer", 4, talks_to_itself, false, false },
};

static void test_mutants_are_killed(void **state)
{
    (void)state;
    int survivors = 0;
    for (size_t i = 0; i < RB_LEN(mutants); i++) {
        const struct mutant *m = &mutants[i];
        const struct algorithm *a = algorithm_find(m->algorithm);
        const struct group g = { .nranks = m->n, .servers = 1 };
        struct plan *plans;
        assert_int_equal(plans_build(&plans, a, &g, !m->slots_only), RB_OK);
        if (m->change != NULL)
            m->change(plans);
        struct proof p;
        prove_plans(a, &g, plans, &(struct proof_options){ .slots = 1, .pieces = 2, .in_place = m->in_place, .direct = true }, &p);
        if (p.holds || strstr(p.why, m->expected) == NULL) {
            print_error("mutant '%s' was not killed for the right reason: '%s'\n", m->name, p.why);
            survivors++;
        }
        proof_free(&p);
        plans_free(plans, m->n);
    }
    assert_int_equal(survivors, 0);
}

/* Two sends before the first receive fit into two slots, not into one. */
static void two_ahead(struct plan *p, const struct group *g, int rank)
{
    const int peer = 1 - rank;
    (void)g;
    for (int i = 0; i < 2; i++)
        plan_add(p, 0, NULL, 0, &peer, 1, chunk_in(i), chunk_none(), 0);
    for (int i = 0; i < 2; i++)
        plan_add(p, 0, &peer, 1, NULL, 0, chunk_in(i), chunk_out(i), STEP_FINISH);
}

static int two(const struct group *g)
{
    (void)g;
    return 2;
}

static void test_too_few_slots(void **state)
{
    (void)state;
    const struct algorithm a = { .name = "two_ahead", .collective = COLLECTIVE_ALL_REDUCE, .cuts = two, .plan = two_ahead };
    const struct group g = { .nranks = 2 };
    struct proof p;
    assert_int_equal(prove(&a, &g, &(struct proof_options){ .slots = 1, .pieces = 1 }, &p), RB_OK);
    assert_false(p.holds);
    assert_non_null(strstr(p.why, "waits for ever"));
    proof_free(&p);
    must_hold(&a, &g, &(struct proof_options){ .slots = 2, .pieces = 2 });
}

/* A lane that reads what another lane writes needs `after`. */
static void two_lanes(struct plan *p, int rank, bool ordered)
{
    const int peer = 1 - rank;
    plan_add(p, 0, NULL, 0, &peer, 1, chunk_in(0), chunk_none(), 0);
    const int received = plan_add(p, 0, &peer, 1, NULL, 0, chunk_in(0), chunk_out(0), 0);
    plan_add(p, 1, NULL, 0, NULL, 0, chunk_out(0), chunk_out(0), STEP_FINISH);
    if (ordered)
        plan_after(p, received);
}

static int one(const struct group *g)
{
    (void)g;
    return 1;
}

static void test_after_orders_lanes(void **state)
{
    (void)state;
    const struct algorithm a = { .name = "two_lanes", .collective = COLLECTIVE_ALL_REDUCE, .cuts = one };
    const struct group g = { .nranks = 2 };
    for (int ordered = 0; ordered <= 1; ordered++) {
        struct plan plans[2] = {0};
        for (int r = 0; r < 2; r++)
            two_lanes(&plans[r], r, ordered);
        struct proof p;
        prove_plans(&a, &g, plans, &(struct proof_options){ .slots = 1, .pieces = 2 }, &p);
        if (p.holds != ordered)
            fail_msg("ordered %d: %s", ordered, p.why);
        proof_free(&p);
        for (int r = 0; r < 2; r++)
            plan_free(&plans[r]);
    }
}

static void test_expressions(void **state)
{
    (void)state;
    const struct group g = { .nranks = 3, .servers = 1 };
    struct proof p;
    struct text t = {0};
    prove(algorithm_find("ring_all_reduce"), &g, &(struct proof_options){ .slots = 1, .pieces = 1 }, &p);
    proof_expression(&p, 0, 1, &t); /* chunk 1 starts behind rank 1: rank 2, then 0, then its owner; own operand first */
    assert_string_equal(t.chars, "(1.1+(0.1+2.1))");
    assert_int_equal(p.hops, 4); /* 2 (n - 1) */
    proof_free(&p);
    text_free(&t);
    prove(algorithm_find("direct_one_shot_all_reduce"), &g, &(struct proof_options){ .slots = 1, .pieces = 1 }, &p);
    proof_expression(&p, 2, 0, &t); /* the same order on every rank */
    assert_string_equal(t.chars, "((0.0+1.0)+2.0)");
    assert_int_equal(p.hops, 1);
    proof_free(&p);
    text_free(&t);
}

static uint64_t busiest(const char *name, int n, int servers, uint64_t count, bool egress)
{
    const struct algorithm *a = algorithm_find(name);
    const struct group g = { .nranks = n, .servers = servers };
    struct plan *plans;
    uint64_t *edges = calloc((size_t)n * (size_t)n, sizeof *edges), most = 0;
    assert_int_equal(plans_build(&plans, a, &g, false), RB_OK);
    schedule_edges(a, &g, plans, count, 4, edges);
    for (int r = 0; r < n; r++) {
        uint64_t sum = 0;
        for (int k = 0; k < n; k++)
            sum += egress ? edges[r * n + k] : edges[k * n + r];
        most = sum > most ? sum : most;
    }
    free(edges);
    plans_free(plans, n);
    return most;
}

/* The formulas of the literature, with S = 4096 * 4 bytes and n = 8. */
static void test_bytes_on_the_wire(void **state)
{
    (void)state;
    const uint64_t s = 4096 * 4;
    assert_int_equal(busiest("ring_all_reduce", 8, 1, 4096, true), 2 * 7 * s / 8);
    assert_int_equal(busiest("direct_two_shot_all_reduce", 8, 1, 4096, true), 2 * 7 * s / 8);
    assert_int_equal(busiest("direct_one_shot_all_reduce", 8, 1, 4096, true), 7 * s);
    assert_int_equal(busiest("ring_all_gather", 8, 1, 4096, true), 7 * s);
    assert_int_equal(busiest("ring_reduce_scatter", 8, 1, 4096, true), 7 * s);
    assert_int_equal(busiest("parameter_server_dedicated", 8, 1, 4096, false), 7 * s);    /* incast: workers * S */
    assert_int_equal(busiest("parameter_server_dedicated", 8, 4, 4096, false), s);        /* 4 workers, S/4 each, 4 times */
    assert_int_equal(busiest("parameter_server_colocated", 8, 8, 4096, true), 2 * 7 * s / 8);
    assert_int_equal(busiest("parameter_server_colocated", 8, 1, 4096, true), 7 * s);
}

static void test_chunks_cover_a_block(void **state)
{
    (void)state;
    for (uint64_t count = 0; count < 200; count++)
        for (int cuts = 1; cuts <= 9; cuts++) {
            uint64_t at = 0, least = UINT64_MAX, most = 0;
            for (int c = 0; c < cuts; c++) {
                uint64_t first, n;
                chunk_range(count, 4, cuts, c, &first, &n);
                if (n > 0)
                    assert_int_equal(first, at);
                at += n;
                least = n < least ? n : least;
                most = n > most ? n : most;
            }
            assert_int_equal(at, count);
            assert_true(most - least <= 2 * 4); /* one 16-byte grain, and the last may be short */
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_is_right), cmocka_unit_test(test_any_ring_order_is_right),
        cmocka_unit_test(test_large_rings_are_right),    cmocka_unit_test(test_mutants_are_killed),
        cmocka_unit_test(test_too_few_slots),            cmocka_unit_test(test_after_orders_lanes),
        cmocka_unit_test(test_expressions),              cmocka_unit_test(test_bytes_on_the_wire),
        cmocka_unit_test(test_chunks_cover_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
