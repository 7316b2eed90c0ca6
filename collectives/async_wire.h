/* collectives/async_wire.h - blocks of a shard as messages over the slots of a connection. Private to async_*.c.
 *
 * A message is a header and the elements of one block. Its length follows from the block, which both ends know by order: not every
 * transport tells a receiver how long a message is. */
#ifndef RB_COLLECTIVES_ASYNC_WIRE_H
#define RB_COLLECTIVES_ASYNC_WIRE_H

#include "collectives/async_server.h"
#include "collectives/operation.h"
#include "collectives/patience.h"

/* One server's part of the weights. */
struct async_shard {
    int server; /* rank */
    uint64_t first, count, block_elements;
    uint32_t nblocks;
    size_t type_bytes;
    int workers;
};

/* Of a push; of an answer, where `pushes` of every worker follow. */
struct async_header {
    uint32_t iteration; /* of the push; of the push that is answered */
    uint32_t block;
    uint32_t workers; /* counts that follow: 0 in a push */
    uint32_t pad;
    uint32_t pushes[];
};

int async_shard_init(struct async_shard *s, const struct comm *comm, const struct async_config *config, int index);
/* Elements of a block, and where it begins in the weights. */
uint64_t async_shard_block(const struct async_shard *s, uint32_t block, uint64_t *first_p);

/* Bytes of header before the elements. */
size_t async_header_bytes(int counts);
/* Where the message of so many bytes lies that is next on this end. */
struct async_header *async_message(const struct connection *c, size_t bytes);
bool async_arrived(const struct connection *c);
void async_consume(struct connection *c);
bool async_has_room(struct connection *c);
void async_post(struct connection *c, size_t bytes);

/* How a role moves messages, and waits when nothing has moved. */
struct async_wait {
    struct comm *comm;
    struct patience patience;
    uint32_t iteration; /* where this rank is; of a server, its slowest worker */
    bool (*advance)(void *role);         /* takes and posts what it can; something moved? */
    int (*blocked_on)(const void *role); /* a rank, -1 none */
    void *role;
};

/* One round: advance, transport, wait. *busy_p: messages are still under way from here. RB_ETIMEOUT says who is waited for. */
int async_round(struct async_wait *w, bool wait, bool *busy_p);

/* The roles, chosen by async_run. */
int async_serve(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts);
int async_toil(struct comm *comm, const struct async_config *config, const struct async_work *work, struct async_facts *facts);

#endif
