/* scale/simulate_options.h - private to simulate_command.c and studies: the settings of `ringbench simulate`. */
#ifndef RB_SCALE_SIMULATE_OPTIONS_H
#define RB_SCALE_SIMULATE_OPTIONS_H

#include "core/options.h"
#include "scale/simulate.h"

struct simulate_settings {
    const char *cluster, *algorithm, *engine, *protocol, *keep, *format, *output, *catalogue, *study, *draw;
    const char *nic, *slow_node, *slow_gpu, *placement;
    uint64_t ranks, min_bytes, max_bytes, servers, root, piece;
    double factor, oversubscription;
    bool list, agreement, every_rank;
};

extern const struct option_table simulate_options;

/* What a command has open: catalogue, links, cluster, and where records go. */
struct simulate_session {
    const struct simulate_settings *settings;
    struct catalogue catalogue;
    struct links links;
    struct cluster cluster;
    FILE *output; /* results.jsonl; NULL: none */
    struct records records; /* all cases of this run */
    bool whole_messages;    /* one of them would gain from pieces */
    bool answered;          /* a study found something that is no case */
};

/* Predicts, writes the record if there is an output, and adds it to the list. */
int session_simulate(struct simulate_session *x, const struct simulation *s);

#endif
