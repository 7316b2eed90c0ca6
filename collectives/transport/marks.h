/* collectives/transport/marks.h - marks that another thread, or a kernel on a GPU, writes or polls at the same time. */
#ifndef RB_TRANSPORT_MARKS_H
#define RB_TRANSPORT_MARKS_H

#include "collectives/connection.h"

/* What was written before the mark is seen after it. */
static inline uint64_t mark_load(const struct mark *m)
{
    return __atomic_load_n(&m->sequence, __ATOMIC_ACQUIRE);
}

static inline void mark_store(struct mark *m, uint64_t sequence)
{
    __atomic_store_n(&m->sequence, sequence, __ATOMIC_RELEASE);
}

/* Has the sender filled the slot of message `number`? */
static inline bool mark_filled(const struct connection *c, uint64_t number)
{
    return mark_load(&c->tail[number % c->nslots]) == number + 1;
}

#endif
