/* bench/emulate.h - --emulate: what links a run is to pretend to have.
 *
 * A GPU model stands for all its links together, one direction, at their effective rate (what collectives reach: catalogue). On a
 * processor that would be faster than memory, so it is scaled: by what the user says, else by this machine's FLOP/s a rank over the
 * model's, so that the FLOP-per-byte ratio, and with it the degree at which links bind, is the model's.
 *
 * Errors: RB_EUSAGE, one line. */
#ifndef RB_BENCH_EMULATE_H
#define RB_BENCH_EMULATE_H

#include "core/job.h"

struct emulation {
    double GBps;        /* of a rank, one direction, as run; 0: none */
    double latency_sec;
    double model_GBps;  /* before scaling; 0: a plain rate was asked for */
    double model_tflops; /* dense, 16 bits; 0: the same */
    double scale;
    char gpu[48];       /* catalogue name; "": none */
    char text[240];     /* one line for the header */
};

/* text: the option; NULL: nothing. own_tflops: of a rank here, asked for only when a scale must be found. Collective (rank 0 decides). */
int emulate_parse(struct emulation *e, const char *text, struct job *job, int (*own_tflops)(void *context, double *tflops_p), void *context);

#endif
