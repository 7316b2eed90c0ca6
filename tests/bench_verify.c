/* A planted wrong element is found at its place; what is right passes, for every collective, type and operator. */
#include "bench/values.h"
#include "bench/verify.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 1 << 20 };

static char *make_region(void)
{
    char *region = NULL;
    if (posix_memalign((void **)&region, 128, ROOM) != 0)
        abort();
    memset(region, 0, ROOM);
    return region;
}

struct scene {
    struct suite suite;
    struct size size;
    struct group group;
};

static struct scene scene_of(enum collective_id id, enum rb_type type, enum rb_op op, uint64_t count)
{
    return (struct scene){ .suite = { .collective = id, .type = type, .op = op }, .size = { .count = count },
                           .group = { .nranks = 3, .servers = 1, .root = 1 } };
}

static struct layout layout_in(const struct scene *s, int rank, bool in_place)
{
    struct layout l = { .suite = &s->suite, .group = s->group, .rank = rank, .count = s->size.count, .in_place = in_place };
    layout_measure(&l);
    return l;
}

/* Every rank's input by verify_fill, then each OUT block by plain arithmetic on what was filled: a reference apart from
 * verify.c's own way to the expected values. */
static double input_of(const struct scene *s, int rank, int block, uint64_t index)
{
    struct layout l;
    struct place p;
    char *region = make_region();
    l = layout_in(s, rank, false);
    layout_place(&l, region, 0, &p);
    verify_fill(&l, &p);
    const double v = value_load(s->suite.type, p.in + ((uint64_t)block * s->size.count + index) * type_bytes(s->suite.type));
    free(region);
    return v;
}

static double combined(const struct scene *s, int rank, int block, uint64_t index)
{
    const struct collective *c = collective_get(s->suite.collective);
    int ranks[3], from = 0;
    const int n = c->sources(&s->group, rank, block, ranks, &from);
    double v = input_of(s, ranks[0], from, index);
    for (int r = 1; r < n; r++) {
        const double next = input_of(s, ranks[r], from, index);
        switch (s->suite.op) {
        case OP_PROD: v *= next; break;
        case OP_MIN: v = next < v ? next : v; break;
        case OP_MAX: v = next > v ? next : v; break;
        default: v += next;
        }
    }
    return c->reduces && s->suite.op == OP_AVG ? v / n : v;
}

/* Writes a number as the type has it; means of whole numbers are truncated. */
static void store(enum rb_type type, double v, void *to)
{
    struct value_kind kind = { .type = type, .op = OP_SUM, .nranks = 1 };
    if (type == TYPE_FLOAT) {
        const float f = (float)v;
        memcpy(to, &f, sizeof f);
    } else if (type == TYPE_DOUBLE) {
        memcpy(to, &v, sizeof v);
    } else {
        value_store(&kind, (int64_t)v, 1, to);
    }
}

static void fill_result(const struct scene *s, const struct layout *l, const struct place *p)
{
    const int blocks = collective_get(s->suite.collective)->out_blocks(&l->group, l->rank);
    for (int b = 0; b < blocks; b++)
        for (uint64_t i = 0; i < s->size.count; i++)
            store(s->suite.type, combined(s, l->rank, b, i), p->out + ((uint64_t)b * s->size.count + i) * type_bytes(s->suite.type));
}

static void check_scene(const struct scene *s, int rank, struct verdict *v, void (*damage)(const struct layout *, const struct place *))
{
    char *region = make_region();
    struct layout l;
    struct place p;
    l = layout_in(s, rank, false);
    layout_place(&l, region, 0, &p);
    verify_fill(&l, &p);
    fill_result(s, &l, &p);
    if (damage != NULL)
        damage(&l, &p);
    verify_check(&l, &p, p.out, 3, v);
    free(region);
}

static bool is_narrow(int type)
{
    return type != TYPE_FLOAT && type != TYPE_DOUBLE && type > TYPE_UINT64;
}

static void test_right_results_pass(void **state)
{
    (void)state;
    for (int id = 0; id < COLLECTIVE_COUNT; id++)
        for (int type = 0; type < TYPE_COUNT; type++)
            for (int op = 0; op < OP_COUNT; op++) {
                if (op == OP_AVG && is_narrow(type))
                    continue; /* rounded means: tests/bench_values.c */
                const struct scene s = scene_of((enum collective_id)id, (enum rb_type)type, (enum rb_op)op, 9);
                struct verdict v;
                check_scene(&s, 1, &v, NULL);
                assert_int_equal(v.wrong, 0);
            }
}

static void test_untouched_output_is_wrong(void **state)
{
    (void)state;
    const struct scene s = scene_of(COLLECTIVE_ALL_GATHER, TYPE_FLOAT, OP_SUM, 100);
    char *region = make_region();
    struct layout l;
    struct place p;
    struct verdict v;
    l = layout_in(&s, 0, false);
    layout_place(&l, region, 0, &p);
    verify_fill(&l, &p);
    verify_check(&l, &p, p.out, 1, &v);
    assert_int_equal(v.wrong, 300);
    free(region);
}

/* Element 57 of block 2: one bit. */
static void flip_a_bit(const struct layout *l, const struct place *p)
{
    p->out[(2 * l->count + 57) * 4] ^= 1;
}

static void test_a_flipped_bit_is_found_at_its_place(void **state)
{
    (void)state;
    const struct scene s = scene_of(COLLECTIVE_ALL_GATHER, TYPE_INT32, OP_SUM, 100);
    struct verdict v;
    check_scene(&s, 2, &v, flip_a_bit);
    assert_int_equal(v.wrong, 1);
    assert_int_equal(v.rank, 2);
    assert_int_equal(v.block, 2);
    assert_int_equal(v.index, 57);
    /* 100 elements of 4 bytes in 3 chunks of 16-byte grains: 25 grains are 9, 8, 8, so 36, 32, 32 elements. */
    assert_int_equal(v.chunk, 1);
    assert_true(fabs(v.expected - v.found) == 1);
}

static void swap_blocks(const struct layout *l, const struct place *p)
{
    const size_t bytes = (size_t)l->count * 4;
    char *copy = malloc(bytes);
    memcpy(copy, p->out, bytes);
    memcpy(p->out, p->out + bytes, bytes);
    memcpy(p->out + bytes, copy, bytes);
    free(copy);
}

static void test_swapped_blocks_are_wrong(void **state)
{
    (void)state;
    const struct scene s = scene_of(COLLECTIVE_ALL_GATHER, TYPE_FLOAT, OP_SUM, 500);
    struct verdict v;
    check_scene(&s, 0, &v, swap_blocks);
    assert_true(v.wrong > 500);
    assert_int_equal(v.block, 0);
}

static void write_beyond(const struct layout *l, const struct place *p)
{
    (void)l;
    p->out[p->out_room] = 0;
}

static void write_before(const struct layout *l, const struct place *p)
{
    (void)l;
    p->in[-1] = 0;
}

static void test_writing_outside_is_found(void **state)
{
    (void)state;
    const struct scene s = scene_of(COLLECTIVE_ALL_REDUCE, TYPE_FLOAT, OP_SUM, 32);
    struct verdict v;
    check_scene(&s, 1, &v, write_beyond);
    assert_int_equal(v.wrong, 1);
    assert_true(v.guard);
    check_scene(&s, 1, &v, write_before);
    assert_true(v.guard);
    char *text = verify_text(&v);
    assert_non_null(strstr(text, "rank 1 wrote outside its buffers"));
    free(text);
}

static void test_text_names_the_place(void **state)
{
    (void)state;
    const struct verdict v = { .wrong = 12, .rank = 1, .block = 0, .chunk = 3, .index = 517, .expected = 6, .found = 4 };
    char *text = verify_text(&v);
    assert_string_equal(text, "rank 1, block 0, chunk 3, element 517: expected 6, found 4; 12 wrong in all");
    free(text);
}

/* In place the input is part of the output: reduce-scatter's result of rank 2 is block 2 of its input. */
static void test_in_place_layout(void **state)
{
    (void)state;
    const struct scene s = scene_of(COLLECTIVE_REDUCE_SCATTER, TYPE_FLOAT, OP_SUM, 10);
    char *region = make_region();
    struct layout l;
    struct place p;
    l = layout_in(&s, 2, true);
    layout_place(&l, region, 0, &p);
    assert_ptr_equal(p.out, p.in + 2 * 10 * 4);
    layout_fit(&l, ROOM, false);
    assert_true(l.places > 100);
    struct place last;
    layout_place(&l, region, l.places - 1, &last);
    assert_true(last.in + last.in_room + BUFFERS_GUARD <= region + ROOM);
    layout_place(&l, region, l.places, &last);
    assert_ptr_equal(last.in, p.in);
    layout_fit(&l, ROOM, true);
    assert_int_equal(l.places, 1);
    free(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_results_pass),
        cmocka_unit_test(test_untouched_output_is_wrong),
        cmocka_unit_test(test_a_flipped_bit_is_found_at_its_place),
        cmocka_unit_test(test_swapped_blocks_are_wrong),
        cmocka_unit_test(test_writing_outside_is_found),
        cmocka_unit_test(test_text_names_the_place),
        cmocka_unit_test(test_in_place_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
