/* The list of cases follows from the options. */
#include "bench/baselines.h"
#include "bench/cases.h"

#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 16 };

static void parse(struct settings *s, const char *line)
{
    static char copy[256];
    char *argv[WORDS] = { (char[]){ "run" } }, *at = copy;
    int argc = 1;
    bool help = false;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strsep(&at, " ")) != NULL;)
        if (word[0] != '\0')
            argv[argc++] = word;
    assert_int_equal(settings_parse(s, argc, argv, &help), RB_OK);
}

static int build(struct cases *c, const char *line, int nranks)
{
    static const char *const transports[] = { "auto" };
    static struct settings s;
    parse(&s, line);
    return cases_build(c, &s, nranks, transports, 1);
}

static const struct suite *suite_of(const struct cases *c, enum collective_id id)
{
    for (size_t i = 0; i < c->nsuites; i++)
        if (c->suites[i].collective == id)
            return &c->suites[i];
    return NULL;
}

static void test_default_set(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--baseline mpi", 2), RB_OK);
    assert_int_equal(c.nsuites, 4);
    const struct suite *s = suite_of(&c, COLLECTIVE_ALL_REDUCE);
    assert_non_null(s);
    /* 64 B, times 4 up to 64 MiB = 64 B * 4^10: eleven sizes. */
    assert_int_equal(s->nsizes, 11);
    assert_int_equal(s->sizes[0].bytes, 64);
    assert_int_equal(s->sizes[10].bytes, 64 << 20);
    assert_int_equal(s->sizes[10].count, 16 << 20);
    /* The baseline is the last subject, and only one. */
    assert_null(s->subjects[s->nsubjects - 1].algorithm);
    for (size_t i = 0; i + 1 < s->nsubjects; i++)
        assert_non_null(s->subjects[i].algorithm);
    assert_non_null(suite_of(&c, COLLECTIVE_REDUCE_SCATTER));
    assert_non_null(suite_of(&c, COLLECTIVE_ALL_GATHER));
    assert_null(suite_of(&c, COLLECTIVE_BROADCAST));
    assert_int_equal(c.max_bytes, 128 << 20);
    cases_free(&c);
}

static void test_full_has_everything(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--full -b 1K -e 1K", 2), RB_OK);
    for (int id = 0; id < COLLECTIVE_COUNT; id++)
        assert_non_null(suite_of(&c, (enum collective_id)id));
    size_t types = 0;
    for (size_t i = 0; i < c.nsuites; i++)
        types |= (size_t)1 << c.suites[i].type;
    assert_int_equal(types, (1 << TYPE_COUNT) - 1);
    cases_free(&c);
}

static void test_sizes_add_or_multiply(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--collective all_reduce -b 100 -e 300 -i 100", 2), RB_OK);
    assert_int_equal(c.suites[0].nsizes, 3);
    assert_int_equal(c.suites[0].sizes[1].bytes, 200);
    cases_free(&c);
    assert_int_equal(build(&c, "--collective all_reduce -b 8 -e 64 -f 2", 2), RB_OK);
    assert_int_equal(c.suites[0].nsizes, 4);
    cases_free(&c);
}

static void test_small_sizes_are_one_element(void **state)
{
    (void)state;
    struct cases c;
    /* 1, 2, 4, 8 bytes of double over 3 ranks: never less than one element a block, and that only once. */
    assert_int_equal(build(&c, "--collective reduce_scatter -d double -b 1 -e 48 -f 2", 3), RB_OK);
    const struct suite *s = &c.suites[0];
    assert_int_equal(s->sizes[0].count, 1);
    assert_int_equal(s->sizes[0].bytes, 24);
    assert_int_equal(s->nsizes, 1);
    cases_free(&c);
}

static void test_why_mpi_is_no_baseline(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--baseline mpi --collective all_reduce,all_gather -d f8e4m3,float", 2), RB_OK);
    assert_int_equal(c.nsuites, 4);
    for (size_t i = 0; i < c.nsuites; i++) {
        const struct suite *s = &c.suites[i];
        const bool matched = s->type == TYPE_FLOAT || s->collective == COLLECTIVE_ALL_GATHER;
        assert_true(matched == (s->subjects[s->nsubjects - 1].algorithm == NULL));
        if (matched)
            assert_null(s->unmatched);
        else
            assert_string_equal(s->unmatched, "MPI has no 8-bit floats to reduce");
    }
    cases_free(&c);
}

static void test_baselines_take_turns(void **state)
{
    (void)state;
    struct cases c;
    struct settings s;
    struct baselines b = {0};
    bool help;
    char *argv[] = { "ringbench", "--collective", "all_reduce", "--algorithm", "ring", "--baseline", "nccl", "--nccl", "/none/a.so,/none/b.so",
                     "--nccl-algo", "auto,Ring", NULL };
    const char *const transport = "cuda_peer";
    assert_int_equal(settings_parse(&s, 11, argv, &help), RB_OK);
    assert_int_equal(baselines_name(&b, &s), RB_OK);
    assert_int_equal(cases_build(&c, &s, 2, &transport, 1), RB_OK);
    static const char *const names[] = { "nccl-1", "nccl-2-ring", "nccl-3", "nccl-4-ring" }; /* no versions to be told apart by */
    assert_int_equal(c.suites[0].nsubjects, 5);
    for (size_t i = 0; i < 4; i++) {
        assert_null(c.suites[0].subjects[1 + i].algorithm);
        assert_string_equal(c.suites[0].subjects[1 + i].transport, names[i]);
    }
    assert_string_equal(baselines_find(&b, "nccl-4-ring")->library, "/none/b.so");
    baselines_close(&b);
    cases_free(&c);
}

static void test_baseline_none(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--collective all_reduce --algorithm ring --baseline none -b 8 -e 8", 2), RB_OK);
    assert_int_equal(c.suites[0].nsubjects, 1);
    assert_int_equal(c.total, 2);
    cases_free(&c);
}

static void test_no_baseline_where_it_has_no_such_call(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--baseline mpi --collective push_pull -b 8 -e 8", 3), RB_OK);
    const struct suite *s = suite_of(&c, COLLECTIVE_PUSH_PULL);
    for (size_t i = 0; i < s->nsubjects; i++)
        assert_non_null(s->subjects[i].algorithm);
    cases_free(&c);
}

static void test_servers(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--collective all_reduce --algorithm parameter_server --servers all --baseline none -b 8 -e 8", 4), RB_OK);
    assert_int_equal(c.suites[0].nsubjects, 4);
    for (int k = 1; k <= 4; k++)
        assert_int_equal(c.suites[0].subjects[k - 1].servers, k);
    cases_free(&c);
    /* Dedicated servers change what the call means: a suite for each number. */
    assert_int_equal(build(&c, "--collective push_pull --servers 1,2 -b 8 -e 8", 4), RB_OK);
    assert_int_equal(c.nsuites, 2);
    assert_int_equal(c.suites[1].servers, 2);
    cases_free(&c);
    rb_mute(true);
    assert_int_equal(build(&c, "--collective all_reduce --servers 9 -b 8 -e 8", 4), RB_EUSAGE);
    rb_mute(false);
}

static void test_roots(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--collective broadcast -r all -b 8 -e 8", 3), RB_OK);
    assert_int_equal(c.nsuites, 3);
    assert_int_equal(c.suites[2].root, 2);
    cases_free(&c);
    rb_mute(true);
    assert_int_equal(build(&c, "--collective broadcast -r 3 -b 8 -e 8", 3), RB_EUSAGE);
    rb_mute(false);
}

static void test_nothing_left_is_an_error(void **state)
{
    (void)state;
    struct cases c;
    rb_mute(true);
    assert_int_equal(build(&c, "--collective broadcast --algorithm direct_two_shot", 2), RB_EUSAGE);
    rb_mute(false);
}

static void test_no_reduction_has_one_op(void **state)
{
    (void)state;
    struct cases c;
    assert_int_equal(build(&c, "--collective all_gather -o all -b 8 -e 8", 2), RB_OK);
    assert_int_equal(c.nsuites, 1);
    cases_free(&c);
    assert_int_equal(build(&c, "--collective all_reduce -o all -b 8 -e 8", 2), RB_OK);
    assert_int_equal(c.nsuites, OP_COUNT);
    cases_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_set),
        cmocka_unit_test(test_full_has_everything),
        cmocka_unit_test(test_sizes_add_or_multiply),
        cmocka_unit_test(test_small_sizes_are_one_element),
        cmocka_unit_test(test_why_mpi_is_no_baseline),
        cmocka_unit_test(test_baseline_none), cmocka_unit_test(test_baselines_take_turns),
        cmocka_unit_test(test_no_baseline_where_it_has_no_such_call),
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_nothing_left_is_an_error),
        cmocka_unit_test(test_no_reduction_has_one_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
