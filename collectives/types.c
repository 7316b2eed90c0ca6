#include "collectives/types.h"

#include <string.h>

static const struct { const char *name; size_t bytes; } types[TYPE_COUNT] = {
    [TYPE_INT8] = { "int8", 1 },     [TYPE_UINT8] = { "uint8", 1 },   [TYPE_INT32] = { "int32", 4 },
    [TYPE_UINT32] = { "uint32", 4 }, [TYPE_INT64] = { "int64", 8 },   [TYPE_UINT64] = { "uint64", 8 },
    [TYPE_HALF] = { "half", 2 },     [TYPE_FLOAT] = { "float", 4 },   [TYPE_DOUBLE] = { "double", 8 },
    [TYPE_BFLOAT16] = { "bfloat16", 2 }, [TYPE_FLOAT8E4M3] = { "f8e4m3", 1 }, [TYPE_FLOAT8E5M2] = { "f8e5m2", 1 },
};

static const char *const ops[OP_COUNT] = {
    [OP_SUM] = "sum", [OP_PROD] = "prod", [OP_MIN] = "min", [OP_MAX] = "max", [OP_AVG] = "avg",
};

size_t type_bytes(enum rb_type type)
{
    return types[type].bytes;
}

const char *type_name(enum rb_type type)
{
    return types[type].name;
}

const char *op_name(enum rb_op op)
{
    return ops[op];
}

enum rb_type type_find(const char *name)
{
    int t = 0;
    while (t < TYPE_COUNT && strcmp(types[t].name, name) != 0)
        t++;
    return (enum rb_type)t;
}

enum rb_op op_find(const char *name)
{
    int o = 0;
    while (o < OP_COUNT && strcmp(ops[o], name) != 0)
        o++;
    return (enum rb_op)o;
}
