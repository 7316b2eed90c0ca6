/* scale/study.h - sets of simulations that answer a buyer's question, as records and a table.
 *
 *   scaling           flat ring, two levels, tree, parameter server on H100, 8 .. 16384 GPUs; one server, and as many servers as nodes: where each stops scaling
 *   gpus              H800 beside H100 at each number of GPUs and size
 *   oversubscription  512 H100 whose leaf uplinks carry 1, 1/2, 1/4, 1/8; nodes in order and scattered
 *   slow              one slow card, one slow node among 128 H100; a ring of 16384
 *   training          scale/study_training.h
 *   incast            one server for 1 .. 16383 workers, four, sixteen
 * -n N leaves out what has more GPUs. A record's label is the study's name and what varies in it: "oversubscription 4". */
#ifndef RB_SCALE_STUDY_H
#define RB_SCALE_STUDY_H

#include <stdio.h>

struct simulate_session;

extern const char *const study_names[]; /* with "all"; NULL at the end */

int study_run(struct simulate_session *x, const char *name);
void study_help(FILE *out);

#endif
