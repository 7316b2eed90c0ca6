/* collectives/types.h - element types and reduction operators, with the names that nccl-tests prints. */
#ifndef RB_COLLECTIVES_TYPES_H
#define RB_COLLECTIVES_TYPES_H

#include <stddef.h>

enum rb_type {
    TYPE_INT8, TYPE_UINT8, TYPE_INT32, TYPE_UINT32, TYPE_INT64, TYPE_UINT64, TYPE_HALF, TYPE_FLOAT, TYPE_DOUBLE, TYPE_BFLOAT16,
    TYPE_FLOAT8E4M3, TYPE_FLOAT8E5M2, TYPE_COUNT
};

/* OP_AVG is the sum divided by the number of contributors: in float for float and what is narrower, in double for double,
 * truncated towards zero for integers. */
enum rb_op { OP_SUM, OP_PROD, OP_MIN, OP_MAX, OP_AVG, OP_COUNT };

size_t type_bytes(enum rb_type type);
const char *type_name(enum rb_type type);
const char *op_name(enum rb_op op);
/* TYPE_COUNT or OP_COUNT when there is no such name. */
enum rb_type type_find(const char *name);
enum rb_op op_find(const char *name);

#endif
