/* tests/nccl/arithmetic.h - NCCL's types and operators, in double, one element after the other. */
#ifndef RB_TESTS_NCCL_ARITHMETIC_H
#define RB_TESTS_NCCL_ARITHMETIC_H

#include <stddef.h>

size_t arithmetic_bytes(int type);
/* out may be one of the sources' memory elsewhere: sources are copies. */
void arithmetic_reduce(char *out, const char *const *sources, int n, size_t count, int type, int op);

#endif
