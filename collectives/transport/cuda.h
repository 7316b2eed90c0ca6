/* collectives/transport/cuda.h - what the transports between GPUs have in common: a segment a rank that holds its end of the FIFOs with
 * the ranks of its machine.
 *
 * In the segment of a rank, for every peer, protocol and channel: as the receiver the tail marks and slots, as the sender the head
 * mark and the grants. So everybody polls memory of its own and writes to its peers', as NVLink and PCIe want it. Where segments lie
 * is the transport's: GPU memory (cuda_peer.c) or pinned host memory (cuda_staged.c).
 *
 * Ranks of other machines are reached over networks, one a channel (cuda_network.c), whose slots and marks kernels use in place. */
#ifndef RB_COLLECTIVES_TRANSPORT_CUDA_H
#define RB_COLLECTIVES_TRANSPORT_CUDA_H

#include "collectives/device/gang.h"
#include "collectives/transport/transport.h"

struct proxy;
struct copies;

struct cuda_transport {
    struct transport head;
    struct gang *gang;
    int channels;
    size_t slot_bytes[LINES_COUNT]; /* by protocol */
    void **segments;                /* [nranks] as kernels of this process see them; NULL: out of reach */
    struct region peers;            /* the segments, where they lie in GPU memory */
    struct shared staged;           /* the segments as the host sees them, where they lie there */
    bool has_lines128;              /* 128 bytes arrive at once */
    struct transport *networks[GPU_CHANNELS]; /* of each channel, to other machines; NULL: there are none */
    struct copies *copies;          /* cuda_copy.c: kernels use slots of their own GPU; NULL: those of the segments */
    struct proxy *proxy;            /* moves their messages; NULL: the rank's own thread does */
};

/* Opens gang and geometry; on failure everything is closed again. */
int cuda_open(struct cuda_transport **t_p, const struct transport_ops *ops, struct job *job, const struct transport_config *config);
void cuda_close(struct cuda_transport *t); /* collective; not the segments */
size_t cuda_segment_bytes(const struct cuda_transport *t);
/* Segments in GPU memory, in pinned host memory; of any state on leaving. Collective. */
int cuda_peer_join(struct cuda_transport *t);
void cuda_peer_leave(struct cuda_transport *t);
bool cuda_peer_reaches(const struct job *job); /* all GPUs of this machine each other */
int cuda_staged_join(struct cuda_transport *t);
void cuda_staged_leave(struct cuda_transport *t);
/* The end of `rank` of the connection to (sends) or from `peer` on this machine, with the addresses of this process. */
struct connection cuda_connection(const struct transport *t, int rank, int peer, bool sends, int channel, enum line_protocol protocol);

struct connection cuda_copy_connection(const struct cuda_transport *t, int rank, int peer, bool sends, int channel);

/* This rank's end of the connection to or from a peer on another machine; made when it is first asked for. */
int cuda_network_connection(struct cuda_transport *t, int peer, bool sends, int channel, struct connection *connection_p);

/* Memory of this rank on its GPU, opened by all ranks of its machine, or by those of the same GPU. */
int cuda_allocate_shared(struct transport *t, size_t bytes, struct region *region_p, bool all);
void cuda_release_shared(struct transport *t, struct region *region);
void cuda_describe(const struct transport *t, char *text, size_t room);
bool cuda_any(const char **why_p); /* a GPU that this process can use */
bool cuda_usable(const struct job *job, const char **why_p); /* the same, and one machine */
/* Each rank lets a kernel write into every segment it reaches, and looks for what the others wrote: RB_ECUDA naming the pair. */
int cuda_probe(struct cuda_transport *t);

#endif
