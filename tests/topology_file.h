/* tests/topology_file.h - a machine from a recorded file, and its devices by name. */
#ifndef RB_TESTS_TOPOLOGY_FILE_H
#define RB_TESTS_TOPOLOGY_FILE_H

#include "core/error.h"
#include "topo/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MACHINES "tests/topologies/"

static inline struct topology *load(const char *file)
{
    struct topology *t = NULL;
    assert_int_equal(topology_load(&t, file), RB_OK);
    return t;
}

/* Fails when there is none. */
static inline int named(const struct topology *t, const char *name)
{
    for (size_t i = 0; i < topology_device_count(t); i++)
        if (strcmp(topology_device(t, i)->name, name) == 0)
            return (int)i;
    fail_msg("no device %s", name);
    return -1;
}

#endif
