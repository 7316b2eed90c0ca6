/* Compiled once as it is and once for each plant: LEAVES is its name, LEAVES_FEW limits types and operators. */
#include "tests/gpu/leaves.h"

#include "collectives/device/fp8.h"
#include "collectives/device/half.h"
#include "collectives/device/leaf.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef LEAVES
#define LEAVES leaves_right
#endif
#define LEAVES_SPACE_(name) space_##name
#define LEAVES_SPACE(name) LEAVES_SPACE_(name)

/* Templates of the same name and another text must not meet in the linker. */
namespace LEAVES_SPACE(LEAVES) {
#include "tests/gpu/hooks_host.h"

#include "collectives/device/channel.h"

enum { PATIENCE_NS = 20000000 };

template <int TYPE, int OP> int play_thread(const struct leaves_turn *t)
{
    const struct engine_turn *turn = (const struct engine_turn *)t->turn;
    uint32_t abort_word = 0;
    struct gpu_wait wait = { &abort_word, PATIENCE_NS, 0, 0, false, false };
    gpu_wait_begin(&wait);
    if (t->protocol == LINES_LL)
        ll_run<TYPE, OP>(turn, t->divisor, &wait);
    else if (t->protocol == LINES_LL128)
        ll128_run<TYPE, OP>(turn, t->divisor, &wait);
    else
        packs_run<TYPE, OP>(&turn->work, t->divisor);
    return wait.over;
}

template <int TYPE> int play_op(const struct leaves_turn *t)
{
    switch (t->op) {
#ifndef LEAVES_FEW
    case OP_PROD: return play_thread<TYPE, OP_PROD>(t);
    case OP_MIN: return play_thread<TYPE, OP_MIN>(t);
#endif
    case OP_MAX: return play_thread<TYPE, OP_MAX>(t);
    default: return play_thread<TYPE, OP_SUM>(t);
    }
}

inline int play_type(const struct leaves_turn *t)
{
    switch (t->type) {
    case TYPE_INT8: return play_op<TYPE_INT8>(t);
#ifndef LEAVES_FEW
    case TYPE_UINT8: return play_op<TYPE_UINT8>(t);
    case TYPE_INT32: return play_op<TYPE_INT32>(t);
    case TYPE_UINT32: return play_op<TYPE_UINT32>(t);
    case TYPE_INT64: return play_op<TYPE_INT64>(t);
    case TYPE_UINT64: return play_op<TYPE_UINT64>(t);
    case TYPE_HALF: return play_op<TYPE_HALF>(t);
    case TYPE_DOUBLE: return play_op<TYPE_DOUBLE>(t);
    case TYPE_BFLOAT16: return play_op<TYPE_BFLOAT16>(t);
    case TYPE_FLOAT8E4M3: return play_op<TYPE_FLOAT8E4M3>(t);
    case TYPE_FLOAT8E5M2: return play_op<TYPE_FLOAT8E5M2>(t);
#endif
    default: return play_op<TYPE_FLOAT>(t);
    }
}

struct lane {
    const struct leaves_turn *turn;
    struct host_group *group;
    uint32_t thread;
    int result;
    pthread_t id;
};

inline void *play_lane(void *argument)
{
    struct lane *l = (struct lane *)argument;
    self = { l->group, l->thread, l->turn->threads };
    l->result = play_type(l->turn);
    return NULL;
}

/* Threads of a warp look at each other's words. */
inline int play_together(const struct leaves_turn *t)
{
    struct host_group group = {};
    struct lane lanes[WARP * MOST_WARPS];
    int wrong = 0;
    group.threads = t->threads;
    for (uint32_t w = 0; w < t->threads / WARP; w++)
        pthread_barrier_init(&group.warps[w], NULL, WARP);
    for (uint32_t i = 0; i < t->threads; i++) {
        lanes[i] = { t, &group, i, 0, 0 };
        if (pthread_create(&lanes[i].id, NULL, play_lane, &lanes[i]) != 0)
            abort();
    }
    for (uint32_t i = 0; i < t->threads; i++) {
        pthread_join(lanes[i].id, NULL);
        wrong += lanes[i].result;
    }
    return wrong;
}
}

extern "C" int LEAVES(const struct leaves_turn *t)
{
    using namespace LEAVES_SPACE(LEAVES);
    int wrong = 0;
    host_traps = 0;
    if (t->protocol == LINES_LL128)
        wrong = play_together(t);
    for (uint32_t i = 0; i < t->threads && t->protocol != LINES_LL128; i++) {
        self = { NULL, i, t->threads };
        wrong += play_type(t);
    }
    return wrong + host_traps;
}
