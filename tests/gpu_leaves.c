/* The arithmetic of kernels, thread by thread: random shapes against the host's own loops, bit by bit; lines against an encoder of their
 * own. The same cases must find every fault that is planted (tests/gpu/plants). */
#include "tests/gpu/leaves.h"

#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "collectives/engine_host.h"
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef RB_LEAVES_CASES
enum { CASES = RB_LEAVES_CASES };
#else
enum { CASES = 4000 };
#endif
enum { WIDE_CASES = 40, MOST = 4, MOST_COUNT = 700, LINE_ROOM = (MOST_COUNT + 15) * 128 / 15 + 256 };

static uint64_t random_state;

static uint64_t any(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

/* A turn, its operands as elements, and as they lie in memory. */
struct shape {
    struct leaves_turn turn;
    struct engine_turn engine;
    struct engine_step step;
    struct connection recv[MOST], send[MOST], *recv_list[MOST], *send_list[MOST];
    char *elements[MOST]; /* of each source */
    char *blocks[2 * MOST]; /* to free: sources, then destinations */
    const void *srcs[MOST];
    void *dsts[MOST];
    char *want; /* elements */
    bool few, damaged; /* damaged: one line has not arrived */
};

/* Never 0, infinite or NaN: their signs and bits depend on the order of operands. */
static void put_value(enum rb_type type, char *at, size_t i)
{
    const float f = (float)(any(2) == 0 ? -1 : 1) * (0.5f + (float)any(1 << 20) * 0x1p-20f);
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    switch (type) {
    case TYPE_HALF: ((uint16_t *)(void *)at)[i] = half_from_float(f); break;
    case TYPE_FLOAT: ((float *)(void *)at)[i] = f; break;
    case TYPE_DOUBLE: ((double *)(void *)at)[i] = (double)f * 1.0000001; break;
    case TYPE_BFLOAT16: ((uint16_t *)(void *)at)[i] = (uint16_t)(bits >> 16); break;
    case TYPE_FLOAT8E4M3: ((uint8_t *)at)[i] = fp8_e4m3_from_float(f); break;
    case TYPE_FLOAT8E5M2: ((uint8_t *)at)[i] = fp8_e5m2_from_float(f); break;
    default:
        for (size_t b = 0; b < type_bytes(type); b++)
            at[i * type_bytes(type) + b] = (char)any(256);
    }
}

static size_t words_of(const struct shape *s)
{
    return (s->engine.work.count * type_bytes(s->turn.type) + LINE_WORD - 1) / LINE_WORD;
}

static size_t line_bytes(const struct shape *s)
{
    return s->turn.protocol == LINES_LL ? words_of(s) * LL_LINE : (words_of(s) + LL128_WORDS - 1) / LL128_WORDS * LL128_LINE;
}

/* Elements as lines, by the description in lines.h. */
static void encode(const struct shape *s, const char *elements, uint64_t message, char *lines)
{
    const size_t bytes = s->engine.work.count * type_bytes(s->turn.type);
    memset(lines, 0, line_bytes(s));
    for (size_t w = 0; w < words_of(s); w++) {
        uint64_t word = 0;
        memcpy(&word, elements + w * LINE_WORD, bytes - w * LINE_WORD < LINE_WORD ? bytes - w * LINE_WORD : LINE_WORD);
        const uint32_t flag = (uint32_t)message, low = (uint32_t)word, high = (uint32_t)(word >> 32);
        char *line = lines + w * LL_LINE;
        if (s->turn.protocol == LINES_LL128) {
            line = lines + w / LL128_WORDS * LL128_LINE;
            memcpy(line + w % LL128_WORDS * LINE_WORD, &word, LINE_WORD);
            memcpy(line + LL128_WORDS * LINE_WORD, &message, LINE_WORD);
            continue;
        }
        memcpy(line, &low, 4);
        memcpy(line + 4, &flag, 4);
        memcpy(line + 8, &high, 4);
        memcpy(line + 12, &flag, 4);
    }
}

static char *block(struct shape *s, int number, size_t bytes)
{
    s->blocks[number] = aligned_alloc(128, (bytes + 255) / 128 * 128);
    memset(s->blocks[number], 0x5a, (bytes + 255) / 128 * 128);
    return s->blocks[number];
}

/* Ends where the block ends, so that a byte more is seen: the address sanitizer's, or what lies behind it. */
static char *elements_at(struct shape *s, int number, size_t bytes)
{
    const size_t size = type_bytes(s->turn.type), shift = any(2) == 0 ? 0 : any(16 / size + 1) * size % 16;
    free(s->blocks[number]);
    s->blocks[number] = malloc(shift + bytes + 1);
    memset(s->blocks[number], 0x5a, shift + bytes + 1);
    return s->blocks[number] + shift;
}

static void choose(struct shape *s, enum line_protocol protocol)
{
    static const int few[] = { TYPE_FLOAT, TYPE_INT8 };
    const bool lines = protocol != LINES_NONE;
    s->turn.protocol = protocol;
    s->turn.type = (enum rb_type)(s->few ? few[any(2)] : (int)any(TYPE_COUNT));
    s->turn.op = (enum rb_op)(s->few ? any(2) * OP_MAX : any(OP_AVG));
    s->turn.divisor = s->turn.op == OP_SUM && any(2) == 0 ? 2 + (int)any(15) : 0;
    s->turn.threads = protocol == LINES_LL128 ? 8 * (1 + (unsigned)any(2)) : 1 + (unsigned)any(16);
    struct leaf_work *w = &s->engine.work;
    w->count = any(3) == 0 ? any(20) : any(MOST_COUNT);
    w->finish = any(2) == 0;
    s->step.nrecv = lines ? (int)any(MOST) : 0;
    s->step.has_src = !lines || s->step.nrecv == 0 || any(2) == 0;
    s->step.src_at = lines ? (int)any((uint64_t)s->step.nrecv + 1) : 0;
    s->step.nsend = lines ? (int)any(MOST - 1) : 0;
    s->step.keeps = any(2) == 0;
    s->engine.takes = true;
    s->engine.posts = s->step.nsend > 0 && any(4) != 0;
    w->nsrc = lines ? s->step.nrecv + s->step.has_src : 1 + (int)any(MOST);
    w->ndst = lines ? (s->step.keeps || !s->engine.posts) + (s->engine.posts ? s->step.nsend : 0) : 1 + (int)any(MOST - 1);
}

static void connect(struct connection *list, struct connection **pointers, int n)
{
    for (int i = 0; i < n; i++) {
        list[i] = (struct connection){ .next = any(4) == 0 ? UINT64_C(0xfffffffe) + any(4) : any(1 << 20), .in_line = true };
        pointers[i] = &list[i];
    }
}

static void place_source(struct shape *s, int i, const char *elements)
{
    const size_t bytes = s->engine.work.count * type_bytes(s->turn.type);
    const bool own = s->turn.protocol == LINES_NONE || (s->step.has_src && i == s->step.src_at);
    char *at = own ? elements_at(s, i, bytes) : block(s, i, line_bytes(s));
    if (own)
        memcpy(at, elements, bytes);
    else
        encode(s, elements, s->recv[i - (s->step.has_src && i > s->step.src_at)].next + 1, at);
    s->srcs[i] = at;
}

static void make(struct shape *s)
{
    struct leaf_work *w = &s->engine.work;
    const size_t size = type_bytes(s->turn.type), bytes = w->count * size;
    connect(s->recv, s->recv_list, s->step.nrecv);
    connect(s->send, s->send_list, s->step.nsend);
    s->step.recv = s->recv_list;
    s->step.send = s->send_list;
    s->engine.step = &s->step;
    s->engine.count = w->count;
    s->turn.turn = &s->engine;
    for (int i = 0; i < w->nsrc; i++) {
        s->elements[i] = malloc(bytes + 16);
        for (size_t e = 0; e < w->count; e++)
            put_value(s->turn.type, s->elements[i], e);
        place_source(s, i, s->elements[i]);
    }
    const int own = s->turn.protocol == LINES_NONE ? w->ndst : w->ndst - (s->engine.posts ? s->step.nsend : 0);
    for (int i = 0; i < w->ndst; i++)
        s->dsts[i] = i < own ? elements_at(s, MOST + i, bytes) : block(s, MOST + i, line_bytes(s));
    if (own > 0 && s->step.has_src && any(4) == 0) /* a destination may be a source */
        s->dsts[0] = (void *)(uintptr_t)s->srcs[s->turn.protocol == LINES_NONE ? 0 : s->step.src_at];
    w->srcs = s->srcs;
    w->dsts = s->dsts;
    s->want = malloc(bytes + 16);
}

static void expect(struct shape *s)
{
    struct leaf leaf;
    const struct leaf_work *w = &s->engine.work;
    void *to = s->want;
    const void *from[MOST];
    for (int i = 0; i < w->nsrc; i++)
        from[i] = s->elements[i];
    const struct leaf_work work = { .dsts = &to, .ndst = 1, .srcs = from, .nsrc = w->nsrc, .count = w->count, .finish = w->finish };
    assert_int_equal(leaf_init(&leaf, "base", s->turn.type, s->turn.divisor != 0 ? OP_AVG : s->turn.op, s->turn.divisor), 0);
    leaf_run(&leaf, &work);
}

static bool as_wanted(const struct shape *s, int i)
{
    const struct leaf_work *w = &s->engine.work;
    const size_t bytes = w->count * type_bytes(s->turn.type);
    const int own = s->turn.protocol == LINES_NONE ? w->ndst : w->ndst - (s->engine.posts ? s->step.nsend : 0);
    if (i < own)
        return memcmp(s->dsts[i], s->want, bytes) == 0 && ((const char *)s->dsts[i])[bytes] == 0x5a;
    char lines[LINE_ROOM * 8];
    encode(s, s->want, s->send[i - own].next + 1, lines);
    return memcmp(s->dsts[i], lines, line_bytes(s)) == 0;
}

static void drop(struct shape *s)
{
    for (int i = 0; i < 2 * MOST; i++)
        free(s->blocks[i]);
    for (int i = 0; i < MOST; i++)
        free(s->elements[i]);
    free(s->want);
    free(s);
}

/* A line of a random source is made older; NULL where there is none. */
static bool damage(struct shape *s)
{
    if (s->step.nrecv == 0 || s->engine.work.count == 0)
        return false;
    const int i = s->step.has_src && s->step.src_at == 0 ? 1 : 0;
    const size_t line = s->turn.protocol == LINES_LL ? LL_LINE : LL128_LINE;
    char *at = (char *)(uintptr_t)s->srcs[i] + any(line_bytes(s) / line) * line + line - (s->turn.protocol == LINES_LL ? 4 : 8);
    at[0] = (char)(at[0] - 1);
    return true;
}

/* 1: the case shows a fault. */
static int play(leaves_run *run, enum line_protocol protocol, bool few, bool damaged)
{
    struct shape *s = calloc(1, sizeof *s);
    s->few = few;
    choose(s, protocol);
    make(s);
    expect(s);
    int wrong = 0;
    if (!damaged) {
        wrong = run(&s->turn) != 0;
        for (int i = 0; i < s->engine.work.ndst; i++)
            wrong |= !as_wanted(s, i);
    } else if (damage(s)) {
        wrong = run(&s->turn) == 0; /* it has to wait in vain */
    }
    drop(s);
    return wrong;
}

static int play_many(leaves_run *run, enum line_protocol protocol, bool few, int cases)
{
    int wrong = 0;
    random_state = 42;
    for (int i = 0; i < cases; i++)
        wrong += play(run, protocol, few, false);
    for (int i = 0; protocol != LINES_NONE && i < cases / 200 + 4; i++)
        wrong += play(run, protocol, few, true);
    return wrong;
}

static void test_packs(void **state)
{
    (void)state;
    assert_int_equal(play_many(leaves_right, LINES_NONE, false, CASES), 0);
}

static void test_ll(void **state)
{
    (void)state;
    assert_int_equal(play_many(leaves_right, LINES_LL, false, CASES), 0);
}

static void test_ll128(void **state)
{
    (void)state;
    assert_int_equal(play_many(leaves_right, LINES_LL128, false, WIDE_CASES), 0);
}

static void test_plants(void **state)
{
    static const struct {
        const char *name;
        leaves_run *run;
        enum line_protocol protocol;
    } plants[] = {
        { "an element of the tail is left out", leaves_tail, LINES_NONE }, { "the mean is not taken", leaves_finish, LINES_NONE },
        { "the last source is left out", leaves_source, LINES_NONE }, { "the last destination is left out", leaves_destination, LINES_NONE },
        { "wide accesses where addresses are odd", leaves_alignment, LINES_NONE }, { "messages carry the flag before", leaves_flag, LINES_LL },
        { "half a line is taken for a whole one", leaves_half_line, LINES_LL }, { "the mean is taken too early", leaves_line_finish, LINES_LL },
        { "an element of the last word is left out", leaves_word, LINES_LL }, { "128-byte lines carry the flag before", leaves_wide_flag, LINES_LL128 },
    };
    (void)state;
    for (size_t i = 0; i < RB_LEN(plants); i++) {
        assert_int_equal(play_many(leaves_right, plants[i].protocol, true, 12), 0);
        if (play_many(plants[i].run, plants[i].protocol, true, plants[i].protocol == LINES_LL128 ? 8 : 400) == 0)
            fail_msg("not found: %s", plants[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_packs), cmocka_unit_test(test_ll), cmocka_unit_test(test_ll128), cmocka_unit_test(test_plants) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
