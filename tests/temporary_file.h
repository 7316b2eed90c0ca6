/* tests/temporary_file.h - a file of the test's own, as a group's setup and teardown. */
#ifndef RB_TESTS_TEMPORARY_FILE_H
#define RB_TESTS_TEMPORARY_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/ringbench-test-XXXXXX";

static inline int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static inline int remove_file(void **state)
{
    (void)state;
    return remove(path);
}

#endif
