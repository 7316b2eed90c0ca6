/* tests/gpu/leaves.h - the arithmetic of kernels (collectives/device/packs.h, lines.h) on host threads, for tests: as it is, and
 * with faults planted into copies of it (tests/gpu/plants). */
#ifndef RB_TESTS_GPU_LEAVES_H
#define RB_TESTS_GPU_LEAVES_H

#include "collectives/device/image.h"

struct leaves_turn {
    const void *turn; /* struct engine_turn */
    enum rb_type type;
    enum rb_op op; /* no OP_AVG: a sum with a divisor */
    enum line_protocol protocol;
    int divisor;
    unsigned threads; /* LL128: a multiple of 8 */
};

/* Thread after thread (LL128: side by side). Returns what was wrong on the way: accesses that a GPU traps on, waits that did not end. */
typedef int leaves_run(const struct leaves_turn *turn);

#ifdef __cplusplus
extern "C" {
#endif
/* A planted one knows float and int8, sum and max. */
leaves_run leaves_right, leaves_tail, leaves_finish, leaves_source, leaves_destination, leaves_alignment, leaves_flag, leaves_half_line,
    leaves_line_finish, leaves_word, leaves_wide_flag;
#ifdef __cplusplus
}
#endif

#endif
