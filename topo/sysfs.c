#include "topo/sysfs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

double sysfs_number(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    char line[128] = "";
    const bool ok = fgets(line, sizeof line, f) != NULL; /* some answer EINVAL, such as the speed of a link that is down */
    fclose(f);
    return ok ? strtod(line, NULL) : 0;
}
