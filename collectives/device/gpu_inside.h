/* collectives/device/gpu_inside.h - between gpu_comm.c, gpu_operation.c and gpu_call.c: what a communicator and a schedule are on GPUs. */
#ifndef RB_COLLECTIVES_GPU_INSIDE_H
#define RB_COLLECTIVES_GPU_INSIDE_H

#include "collectives/device/gpu_operation.h"
#include "collectives/device/protocols.h"

struct gpu_comm {
    struct comm *comm;
    struct cuda_transport *transport;
    struct gang *gang;
    struct connection *homes; /* the GPU's: [member][peer][sends][protocol][channel]; leader only */
    struct pace *paces;       /* the GPU's, one a member; NULL: none; leader only */
    struct region *table;     /* the GPU's copy of comm->regions, its base arrays behind it; leader only */
    bool *connected;          /* [peer][sends][channel] the home is that of a connection to another machine; leader only */
    uint32_t threads;
    struct protocol_rules rules; /* measured on GPUs of this kind */
};

struct gpu_operation {
    struct gpu_comm *gpu;
    enum line_protocol protocol;
    bool direct;
    char *images;  /* the GPU's: [member][channel], stride apart; leader only */
    char *holds;
    struct gpu_call call;
    struct gpu_launch launch;
    bool launched, over;
    uint64_t ticket; /* number of the call under way */
};

/* Where the GPU keeps a connection's state: an index of homes. place: of the member in the gang. */
size_t gpu_home_number(const struct gpu_comm *g, int place, int peer, bool sends, enum line_protocol protocol, int channel);
/* After launches are over: RB_OK, or RB_ETIMEOUT with what the groups of threads say. */
int gpu_read_reports(const struct operation *op);

#endif
