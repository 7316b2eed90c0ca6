/* tests/temporary_folder.h - a folder of the test's own, as a group's setup and teardown. */
#ifndef RB_TESTS_TEMPORARY_FOLDER_H
#define RB_TESTS_TEMPORARY_FOLDER_H

#include "core/text.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/ringbench-test-XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char *command = rb_format("rm -r '%s'", folder);
    const int rc = system(command);
    free(command);
    return rc;
}

#endif
