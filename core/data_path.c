#include "core/data_path.h"

#include "core/error.h"
#include "core/text.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *executable_folder(void)
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        return rb_strdup(".");
    path[n] = '\0';
    return rb_strdup(dirname(path));
}

int data_path(const char *name, char **path_p)
{
    static const char *const beside[] = { "report/data", "../report/data", "../../report/data", "../../../report/data",
                                           "../share/ringbench" };
    const char *forced = getenv("RINGBENCH_DATA");
    if (forced != NULL) {
        char *path = rb_format("%s/%s", forced, name);
        if (access(path, R_OK) == 0) {
            *path_p = path;
            return RB_OK;
        }
        free(path);
        return rb_fail(RB_EUSAGE, "data file %s not found in RINGBENCH_DATA=%s", name, forced);
    }
    char *folder = executable_folder();
    for (size_t i = 0; i < RB_LEN(beside); i++) {
        char *path = rb_format("%s/%s/%s", folder, beside[i], name);
        if (access(path, R_OK) == 0) {
            free(folder);
            *path_p = path;
            return RB_OK;
        }
        free(path);
    }
    const int rc = rb_fail(RB_EUSAGE, "data file %s not found beside %s nor in its ../share/ringbench; set RINGBENCH_DATA", name, folder);
    free(folder);
    return rc;
}
