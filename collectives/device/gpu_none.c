/* A program that was built without nvcc: it says so, and nothing else is ever called. */
#include "collectives/device/gpu.h"

#include <stdio.h>

static int count(char *why, size_t room)
{
    snprintf(why, room, "this program was built without nvcc (\"make cuda\" brings one, then make again)");
    return 0;
}

const struct gpu_api gpu_api = { .name = "none", .count = count };
