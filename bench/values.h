/* bench/values.h - test data whose exact reduction is known for every type, operator and number of ranks.
 *
 * Values are small whole numbers that repeat after VALUES_PERIOD elements (a prime, so that a shift by any chunk shows);
 * every partial result is exact in every type, in whatever order ranks are combined. Independent of the engine's own
 * arithmetic on purpose.
 *
 * Formulas: sums stay within 127 in magnitude (int8; bfloat16 is exact to 256), of the 8-bit floats within 16 and 8, which
 * their 4 and 3 significant bits hold; products are +-2^k, k <= 5;
 * a mean is the exact sum divided as collectives/types.h says. */
#ifndef RB_BENCH_VALUES_H
#define RB_BENCH_VALUES_H

#include "collectives/types.h"

#include <stdint.h>

enum { VALUES_PERIOD = 4093 };

struct value_kind {
    enum rb_type type;
    enum rb_op op; /* OP_SUM where nothing is reduced */
    int nranks;
};

/* Element `index` of block `block` that `rank` gives. */
int64_t value_input(const struct value_kind *k, int rank, int block, uint64_t index);
/* Starts with the first operand, then combines the others one by one. */
int64_t value_combine(enum rb_op op, int64_t so_far, int64_t next);
/* Writes the element; operands: how many were combined (the mean divides by it). */
void value_store(const struct value_kind *k, int64_t exact, int operands, void *element);
/* Reads an element back for messages, as a number. */
double value_load(enum rb_type type, const void *element);

#endif
