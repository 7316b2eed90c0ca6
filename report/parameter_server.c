#include "report/parameter_server.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const json_t *parameter_server_record(const struct records *r)
{
    const json_t *found = NULL, *w;
    size_t i;
    json_array_foreach(r->workloads, i, w)
    {
        const char *name = json_string_value(json_object_get(w, "name"));
        if (name != NULL && strcmp(name, "parameter-server") == 0 && json_object_get(w, "skipped") == NULL)
            found = w;
    }
    return found;
}

double parameter_server_number(const json_t *object, const char *key)
{
    char first[40];
    const char *dot = strchr(key, '.');
    if (dot != NULL) {
        snprintf(first, sizeof first, "%.*s", (int)(dot - key), key);
        return parameter_server_number(json_object_get(object, first), dot + 1);
    }
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

size_t parameter_server_bounds(const json_t *list, const char *bounds[PARAMETER_SERVER_BOUNDS])
{
    size_t n = 0, i;
    const json_t *run;
    json_array_foreach(list, i, run)
    {
        const char *bound = json_string_value(json_object_get(run, "bound"));
        size_t k = 0;
        while (bound != NULL && k < n && strcmp(bounds[k], bound) != 0)
            k++;
        if (bound != NULL && k == n && n < PARAMETER_SERVER_BOUNDS)
            bounds[n++] = bound;
    }
    return n;
}
