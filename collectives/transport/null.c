/* Moves nothing: what remains is the cost of the harness itself. */
#include "collectives/transport/transport.h"

#include "core/error.h"
#include "core/text.h"

#include <stdlib.h>

struct null {
    struct transport head;
    _Atomic uint32_t abort;
};

static bool usable(const struct job *job, const char **why_p)
{
    (void)job;
    *why_p = "";
    return true;
}

static int open_null(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_null;
    struct null *t = rb_calloc(1, sizeof *t);
    t->head = (struct transport){ .ops = &transport_null, .job = job, .slots = 1, .abort = &t->abort,
                                  .slot_bytes = transport_slot_bytes(config, job->nranks, 1) };
    *t_p = &t->head;
    return RB_OK;
}

static void close_null(struct transport *t)
{
    free(t);
}

static struct connection *connection(struct transport *t, int peer, bool sends)
{
    (void)t, (void)peer, (void)sends;
    return NULL;
}

const struct transport_ops transport_null = {
    .name = "null", .summary = "moves nothing: the cost of the harness", .usable = usable, .open = open_null, .close = close_null,
    .connection = connection, .allocate = transport_allocate_private, .release = transport_release_private,
};
