/* collectives/prove.h - runs a schedule symbolically: is it right, can it stop, what does it move?
 *
 * Lanes joined by FIFOs form a Kahn network, so one execution stands for every interleaving. Every message and every
 * chunk of memory holds an expression over (contributor, chunk); vector clocks tell which accesses are ordered. Checked:
 *   - every OUT chunk ends with its own chunk from each contributor of the collective exactly once, finished if it was reduced;
 *   - nothing is read while another may still write it, nothing written while another may still read it, for memory
 *     reached directly by peers as well; nothing of this call is still going on when it returns;
 *   - nobody waits for ever, with connections of `slots` pieces; sender and receiver agree on every message.
 * The credit of a free slot never counts as order, so a proof for few slots holds for more. */
#ifndef RB_COLLECTIVES_PROVE_H
#define RB_COLLECTIVES_PROVE_H

#include "collectives/schedule.h"
#include "core/text.h"

struct proof_options {
    int slots;     /* pieces that a connection holds, >= 1 */
    int pieces;    /* pieces played per chunk, >= 1; two show whether pieces get in each other's way */
    bool in_place;
    bool direct; /* false: schedule_slots() first */
};

struct proof {
    bool holds;
    char why[256]; /* the first thing that is wrong, with rank and step; "" when it holds */
    int hops;      /* messages one after the other on the longest chain */
    int nranks, out_chunks; /* of the widest rank */
    struct expression *expressions; /* pool; see proof_expression */
    int *out;      /* [nranks * out_chunks] expression of each OUT chunk, -1: none */
};

/* RB_OK when it could be tried; proof_p->holds tells how it went. The caller calls proof_free. */
int prove(const struct algorithm *a, const struct group *g, const struct proof_options *o, struct proof *proof_p);
/* The same for given plans (one a rank), which may be wrong on purpose. */
void prove_plans(const struct algorithm *a, const struct group *g, const struct plan *plans, const struct proof_options *o,
                 struct proof *proof_p);
void proof_free(struct proof *proof);
/* The order of the reduction that makes an OUT chunk: "((2.0+0.0)+1.0)", contributor.chunk. */
void proof_expression(const struct proof *proof, int rank, int chunk, struct text *t);

/* Payload bytes of one call of `count` elements of type_bytes a block: edges[from * nranks + to]. */
void schedule_edges(const struct algorithm *a, const struct group *g, const struct plan *plans, uint64_t count,
                    size_t type_bytes, uint64_t *edges);
/* Sums over such a matrix: bytes that leave the busiest rank, that reach the busiest rank, of the busiest edge, of all. */
struct traffic {
    uint64_t egress, ingress, edge, total;
};
struct traffic traffic_sum(const uint64_t *edges, int nranks);
/* All ranks' plans; plans_free frees. */
int plans_build(struct plan **plans_p, const struct algorithm *a, const struct group *g, bool direct);
void plans_free(struct plan *plans, int nranks);

/* Bytes of the message that a step receives or sends, counted in elements of a block of `count`. */
uint64_t step_elements(const struct step *s, uint64_t count, size_t type_bytes, int cuts);

#endif
