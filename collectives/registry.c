#include "collectives/schedule.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

extern const struct algorithm ring_all_reduce, ring_reduce_scatter, ring_all_gather, ring_broadcast, ring_reduce, ring_sendrecv;
extern const struct algorithm direct_one_shot_all_reduce, direct_two_shot_all_reduce, direct_reduce_scatter, direct_all_gather,
    direct_all_gather_push, direct_alltoall;
extern const struct algorithm two_level_all_reduce, tree_all_reduce;
extern const struct algorithm parameter_server_colocated, parameter_server_dedicated;

const struct algorithm *const algorithms[] = {
    &ring_all_reduce,
    &ring_reduce_scatter,
    &ring_all_gather,
    &ring_broadcast,
    &ring_reduce,
    &ring_sendrecv,
    &direct_one_shot_all_reduce,
    &direct_two_shot_all_reduce,
    &direct_reduce_scatter,
    &direct_all_gather,
    &direct_all_gather_push,
    &direct_alltoall,
    &two_level_all_reduce,
    &tree_all_reduce,
    &parameter_server_colocated,
    &parameter_server_dedicated,
};

const size_t algorithm_count = RB_LEN(algorithms);

const struct algorithm *algorithm_find(const char *name)
{
    for (size_t i = 0; i < algorithm_count; i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

const struct algorithm *algorithm_of(enum collective_id collective, const char *family)
{
    for (size_t i = 0; i < algorithm_count; i++)
        if (algorithms[i]->collective == collective && strcmp(algorithms[i]->family, family) == 0)
            return algorithms[i];
    return NULL;
}

int algorithm_require(const char *name, const struct algorithm **algorithm_p)
{
    const struct algorithm *a = algorithm_find(name);
    if (a != NULL) {
        *algorithm_p = a;
        return RB_OK;
    }
    const char **names = rb_calloc(algorithm_count, sizeof *names);
    for (size_t i = 0; i < algorithm_count; i++)
        names[i] = algorithms[i]->name;
    const char *near = text_nearest(name, names, algorithm_count);
    free(names);
    return rb_fail(RB_EUSAGE, "--algorithm: unknown '%s'; %s%s%s", name, near != NULL ? "did you mean " : "see --algorithm list",
                   near != NULL ? near : "", near != NULL ? "?" : "");
}
