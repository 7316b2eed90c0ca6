/* report/layer.h - one transformer layer, split over t GPUs: arithmetic against communication.
 *
 * Pure arithmetic. It knows no catalogue, no records and no options.
 *
 * Units    seconds, bytes, FLOP, FLOP/s, bytes/s one direction. A multiply-add is 2 FLOP.
 *
 * Arithmetic of a layer, forward (arXiv:2104.04473, appendix; recomputation not counted):
 *     2 b s h (2 h + 2 h kv/heads)       query, key, value, output projections
 *     2 b s h ffn m                      feed-forward; m = 3 matrices when gated, else 2
 *     4 b s^2 h                          scores and their product with the values
 *   backward: twice that.
 * Communication of a layer, forward and backward (Megatron-LM, arXiv:1909.08053, section 3): 4 all-reduces of b s h elements.
 * An all-reduce of S bytes on a ring of t (each GPU sends 2(t-1)/t S, in 2(t-1) messages one after the other):
 *     base + 2(t-1) hop + 2(t-1)/t S / W,   the faster of the link's two protocols.
 * Sequence-parallel variants of tensor parallelism (reduce-scatter + all-gather) move the same bytes.
 *
 * efficiency(t) = compute(t) / (compute(t) + exposed communication(t)), compute(t) = FLOP / (t F). */
#ifndef RB_REPORT_LAYER_H
#define RB_REPORT_LAYER_H

#include <stdbool.h>
#include <stddef.h>

struct layer {
    double hidden, heads, kv_heads, ffn, batch, seq;
    bool gated;
    double bytes; /* of an element on the wire */
};

/* One protocol of a link. Bandwidth 0 marks a protocol that the link lacks. */
struct link_protocol {
    double base_s, hop_s; /* once a call; each message */
    double Bps;           /* all links of a GPU */
};

struct link_model {
    struct link_protocol bulk, fast; /* fast: small messages (NCCL's LL): low latency, part of the bandwidth */
    double per_peer_Bps;             /* 0: as much as all links; else t GPUs reach min(W, (t-1) per_peer) */
};

/* FLOP of one layer. */
double layer_forward_flop(const struct layer *l);
double layer_training_flop(const struct layer *l); /* forward and backward */
double layer_params(const struct layer *l);        /* weights of the projections and the feed-forward block */

/* An all-reduce, in parts. latency: base and hops; transfer: bytes over bandwidth. */
struct comm_time {
    double latency_s, transfer_s;
};
struct comm_time link_all_reduce(const struct link_model *k, double t, double bytes);
/* A given number of messages one after the other, with a volume that leaves a GPU. */
struct comm_time link_transfer(const struct link_model *k, double t, double messages, double volume_bytes);
double comm_total(struct comm_time c);

/* How a layer is cut over t GPUs. Volumes are bytes that leave one GPU, forward and backward, gradients' own reduction
 * over the group included where the weights are replicated in it. A and B are the layer's inputs and weights, per matrix product;
 * broadcasts are counted once for each receiver, as when they are pipelined (trees, as the papers cost them, send more).
 *   1D    Megatron: 8 (t-1)/t bsh
 *   2D    q x q, SUMMA (Optimus, arXiv:2104.05343): each of the three products of a pass hands A along a row and B along a
 *         column: 3 (q-1)/q^2 (|A| + |B|)
 *   2.5D  q x q x d (Tesseract, arXiv:2105.14500): 3 (q-1) (|A|/(d q^2) + |B|/q^2) + 2 (d-1)/d |B|/q^2
 *   3D    l x l x l (arXiv:2105.14450): gather A and B, scatter C: 3 (l-1)/l^3 (|A| + |B| + |C|)
 *   ring  sequence parallelism (arXiv:2105.13120): keys and values go round, forward 2 and backward 6 times: 8 (t-1)/t bsh,
 *         then the gradients of the replicated weights: 2 (t-1)/t |weights| */
enum layer_split { SPLIT_1D, SPLIT_2D, SPLIT_25D, SPLIT_3D, SPLIT_RING, SPLIT_COUNT };
extern const char *const layer_split_names[]; /* "1d", "2d", "2.5d", "3d", "ring", NULL */

/* True if t is a size that the split has: a square, q*q*d with 1 < d <= q, a cube; 1 always. */
bool split_fits(enum layer_split split, double t);
/* Bytes that leave a GPU, forward and backward, one layer. */
double split_volume(enum layer_split split, const struct layer *l, double t);
/* The same with the latency of its messages. */
struct comm_time split_comm(enum layer_split split, const struct layer *l, const struct link_model *k, double t);

struct layer_time {
    double compute_s, latency_s, transfer_s, exposed_s;
    double efficiency; /* 0 .. 1 */
};

struct layer_setup {
    struct layer layer;
    struct link_model link;
    double flops;   /* FLOP/s of one GPU */
    double overlap; /* share of the communication hidden behind arithmetic, 0 .. 1 */
    enum layer_split split;
};
struct layer_time layer_time(const struct layer_setup *s, double t);

/* The largest t of 1 .. LAYER_MOST whose efficiency is at least threshold; stops at the first that is not. */
enum { LAYER_MOST = 1024 };
double layer_limit(const struct layer_setup *s, double threshold);

/* The documents' rule: FLOP for each byte that a GPU sends, 2*3*h/(t*bytes), against what GPU and link offer, F/W:
 *     t <= 2*3*h/bytes / (F/W)  */
double document_limit(double hidden, double bytes, double flops, double Bps);
/* FLOP per byte, one direction: F/W. */
double required_flop_per_byte(double flops, double Bps);

#endif
