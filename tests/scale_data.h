/* tests/scale_data.h - the shipped catalogue and links, as a group's setup and teardown. */
#ifndef RB_TESTS_SCALE_DATA_H
#define RB_TESTS_SCALE_DATA_H

#include "core/error.h"
#include "scale/cluster.h"

static struct catalogue catalogue;
static struct links links;

static int open_data(void **state)
{
    (void)state;
    return catalogue_load(&catalogue, NULL) != RB_OK || links_load(&links) != RB_OK;
}

static int close_data(void **state)
{
    (void)state;
    catalogue_free(&catalogue);
    links_free(&links);
    return 0;
}

#endif
