#include "report/workloads.h"

#include <math.h>

static const json_t *member(const json_t *w, const char *part, const char *key)
{
    return json_object_get(part != NULL ? json_object_get(w, part) : w, key);
}

double workload_number(const json_t *w, const char *part, const char *key)
{
    const json_t *v = member(w, part, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

const char *workload_text(const json_t *w, const char *part, const char *key)
{
    const char *s = json_string_value(member(w, part, key));
    return s != NULL ? s : "";
}

const char *workload_name(const json_t *w)
{
    return workload_text(w, NULL, "name");
}

bool workload_is_measured(const json_t *w)
{
    return isfinite(workload_number(w, "measured", "step_us")) && isfinite(workload_number(w, "predicted", "step_us"));
}
