#include "report/workloads.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

const char *workload_label(char label[WORKLOAD_LABEL], const json_t *w)
{
    const char *variant = workload_text(w, NULL, "variant");
    snprintf(label, WORKLOAD_LABEL, "%.40s%s%.30s", workload_name(w), variant[0] != '\0' ? ", " : "", variant);
    for (char *at = label; *at != '\0'; at++)
        *at = isalnum((unsigned char)*at) || strchr(" ,.-", *at) != NULL ? *at : '?';
    return label;
}

bool workload_is_measured(const json_t *w)
{
    return isfinite(workload_number(w, "measured", "step_us")) && isfinite(workload_number(w, "predicted", "step_us"));
}
