/* tests/nvml/driver.h - loads this machine with the stand-in for the GPU driver's library, which lies beside the test program. */
#ifndef RB_TESTS_NVML_DRIVER_H
#define RB_TESTS_NVML_DRIVER_H

#include "core/error.h"
#include "core/text.h"
#include "topo/nvml.h"
#include "topo/topology.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS "tests/nvml/records/"
#define LIBRARY "libnvidia-ml.so.1"
#define OLD_LIBRARY "libnvidia-ml-old.so.1"

/* The path of a library; the caller frees. */
static inline char *driver_library(const char *name)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    return rb_format("%s/%s", self, name);
}

static inline int driver_load_with(struct topology **t_p, const char *library, const char *record)
{
    char *path = driver_library(library);
    setenv("RINGBENCH_NVML_RECORD", record, 1);
    const int rc = topology_load_with(t_p, NULL, path);
    free(path);
    return rc;
}

/* The record, by its name without folder and ending. NULL when it fails. */
static inline struct topology *driver_load(const char *name)
{
    struct topology *t = NULL;
    char *record = rb_format(RECORDS "%s.txt", name);
    const int rc = driver_load_with(&t, LIBRARY, record);
    free(record);
    return rc == RB_OK ? t : NULL;
}

#endif
