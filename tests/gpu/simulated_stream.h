/* tests/gpu/simulated_stream.h - a stream of the simulated GPU, which libraries that stand in for NVIDIA's know too. */
#ifndef RB_TESTS_SIMULATED_STREAM_H
#define RB_TESTS_SIMULATED_STREAM_H

#include <stdint.h>
#include <stdlib.h>

struct simulated_stream {
    uint64_t queued; /* by the thread that owns the stream */
    uint64_t done;   /* atomic; by whoever does the work */
    /* Runs it behind all that was enqueued before, in a thread of the stream's. */
    void (*enqueue)(struct simulated_stream *stream, void (*run)(void *argument), void *argument);
    struct simulated_graph *graph; /* not NULL: work is kept there, by simulated_keep() */
};

struct simulated_task {
    void (*run)(void *argument);
    void *argument; /* the graph's to free */
    struct simulated_task *next;
};

struct simulated_graph {
    struct simulated_task *first, *last;
};

static inline void simulated_keep(struct simulated_stream *stream, void (*run)(void *argument), void *argument)
{
    struct simulated_graph *g = stream->graph;
    struct simulated_task *t = (struct simulated_task *)calloc(1, sizeof *t);
    t->run = run;
    t->argument = argument;
    *(g->first == NULL ? &g->first : &g->last->next) = t;
    g->last = t;
}

#endif
