/* Writes images: the plan of one rank, cut down to one channel, with the connections it uses. */
#include "collectives/device/image_write.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* Where the parts begin, counted from the first byte. */
struct parts {
    size_t lanes, steps, peers, connections, homes, pulled, operands, bytes;
    size_t npeers, nconnections, npulled, width;
};

/* Number of a connection in the image, by peer; -1: not used. */
struct used {
    int *receives, *sends;
};

static size_t reserve(size_t *at, size_t count, size_t bytes)
{
    const size_t begin = (*at + 15) / 16 * 16;
    *at = begin + count * bytes;
    return begin;
}

static void use(int *numbers, const int *ranks, int n, size_t *next)
{
    for (int i = 0; i < n; i++)
        if (numbers[ranks[i]] < 0)
            numbers[ranks[i]] = (int)(*next)++;
}

static struct used find_used(const struct plan *plan, int nranks, size_t *count_p)
{
    struct used u = { rb_malloc((size_t)nranks * sizeof(int)), rb_malloc((size_t)nranks * sizeof(int)) };
    *count_p = 0;
    for (int r = 0; r < nranks; r++)
        u.receives[r] = u.sends[r] = -1;
    for (int i = 0; i < plan->nsteps; i++) {
        use(u.receives, plan->steps[i].recv_from, plan->steps[i].nrecv, count_p);
        use(u.sends, plan->steps[i].send_to, plan->steps[i].nsend, count_p);
    }
    return u;
}

static struct parts lay_out(const struct plan *plan, size_t nconnections)
{
    struct parts p = { .nconnections = nconnections, .width = 1 };
    for (int i = 0; i < plan->nsteps; i++) {
        const size_t width = (size_t)(plan->steps[i].nrecv + plan->steps[i].nsend);
        p.width = width > p.width ? width : p.width;
        p.npeers += width;
    }
    p.width += 2;
    size_t at = sizeof(struct gpu_image);
    p.lanes = reserve(&at, (size_t)plan->nlanes, sizeof(struct engine_lane));
    p.steps = reserve(&at, (size_t)plan->nsteps, sizeof(struct engine_step));
    p.peers = reserve(&at, p.npeers, sizeof(void *));
    p.connections = reserve(&at, p.nconnections, sizeof(struct connection));
    p.homes = reserve(&at, p.nconnections, sizeof(void *));
    p.pulled = reserve(&at, p.nconnections, sizeof(void *));
    p.operands = reserve(&at, 2 * p.width * (size_t)plan->nlanes, sizeof(void *));
    p.bytes = reserve(&at, 0, 1);
    return p;
}

/* A pointer that counts from the first byte of the image. */
static void *relative(size_t at)
{
    return (void *)(uintptr_t)at;
}

static uint64_t share(const struct image_source *src, struct chunk c, uint64_t *count_p)
{
    uint64_t count, first, offset;
    first = operation_chunk(src->op, c, &count);
    chunk_range(count, src->engine.type_bytes, src->nchannels, src->channel, &offset, count_p);
    return first + offset;
}

static struct connection **write_peers(char *image, const struct parts *p, size_t *next, const int *ranks, int n, const int *numbers)
{
    const size_t at = p->peers + *next * sizeof(void *);
    struct connection **list = (struct connection **)(void *)(image + at);
    for (int i = 0; i < n; i++)
        list[i] = relative(p->connections + (size_t)numbers[ranks[i]] * sizeof(struct connection));
    *next += (size_t)n;
    return relative(at);
}

static void write_steps(char *image, const struct image_source *src, struct parts *p, const struct used *u)
{
    const struct plan *plan = src->plan;
    struct engine_lane *lanes = (struct engine_lane *)(void *)(image + p->lanes);
    struct engine_step *steps = (struct engine_step *)(void *)(image + p->steps);
    struct connection **pulled = (struct connection **)(void *)(image + p->pulled);
    size_t at = 0, peers = 0;
    for (int l = 0; l < plan->nlanes; l++) {
        lanes[l].steps = relative(p->steps + at * sizeof *steps);
        lanes[l].hold = src->holds != NULL ? src->holds + (size_t)l * src->hold_bytes : NULL;
        lanes[l].dsts = relative(p->operands + 2 * p->width * (size_t)l * sizeof(void *));
        lanes[l].srcs = relative(p->operands + (2 * (size_t)l + 1) * p->width * sizeof(void *));
        for (int i = 0; i < plan->nsteps; i++) {
            const struct step *s = &plan->steps[i];
            if (s->lane != l)
                continue;
            struct engine_step *b = &steps[at++];
            operation_bind_step(plan, i, b);
            if (s->dst.buffer != BUFFER_NONE)
                b->dst_first = share(src, s->dst, &b->count);
            if (s->src.buffer != BUFFER_NONE)
                b->src_first = share(src, s->src, &b->count);
            b->recv = write_peers(image, p, &peers, s->recv_from, s->nrecv, u->receives);
            b->send = write_peers(image, p, &peers, s->send_to, s->nsend, u->sends);
            for (int k = 0; k < s->nsend && (s->flags & STEP_PULL_SEND); k++) {
                void *c = relative(p->connections + (size_t)u->sends[s->send_to[k]] * sizeof(struct connection));
                bool known = false;
                for (size_t q = 0; q < p->npulled; q++)
                    known = known || pulled[q] == c;
                if (!known)
                    pulled[p->npulled++] = c;
            }
            lanes[l].nsteps++;
        }
    }
}

static void write_homes(char *image, const struct image_source *src, const struct parts *p, const struct used *u, int nranks)
{
    struct connection **homes = (struct connection **)(void *)(image + p->homes);
    for (int r = 0; r < nranks; r++) {
        if (u->receives[r] >= 0)
            homes[u->receives[r]] = src->home(src->context, r, false, src->channel);
        if (u->sends[r] >= 0)
            homes[u->sends[r]] = src->home(src->context, r, true, src->channel);
    }
}

void *image_write(const struct image_source *src, size_t *bytes_p)
{
    const int nranks = src->op->call.group.nranks;
    size_t count;
    const struct used u = find_used(src->plan, nranks, &count);
    struct parts p = lay_out(src->plan, count);
    char *image = rb_calloc(1, p.bytes);
    write_steps(image, src, &p, &u);
    write_homes(image, src, &p, &u, nranks);
    struct gpu_image *head = (struct gpu_image *)(void *)image;
    *head = (struct gpu_image){
        .engine = src->engine, .connections = relative(p.connections), .homes = relative(p.homes), .pulled = relative(p.pulled),
        .peers = relative(p.peers), .steps = relative(p.steps), .bytes = (uint32_t)p.bytes, .nconnections = (uint32_t)p.nconnections,
        .npulled = (uint32_t)p.npulled, .npeers = (uint32_t)p.npeers, .nsteps = (uint32_t)src->plan->nsteps, .channel = src->channel,
    };
    head->engine.lanes = relative(p.lanes);
    head->engine.nlanes = src->plan->nlanes;
    free(u.receives);
    free(u.sends);
    *bytes_p = p.bytes;
    return image;
}
