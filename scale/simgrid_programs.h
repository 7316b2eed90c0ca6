/* scale/simgrid_programs.h - the two programs that play a folder of traces. Private to simgrid*.c.
 *
 * smpirun is SimGrid's own, a thread for every rank. The player (scale/simgrid_player.cc) is built beside ringbench where SimGrid's
 * headers are; it plays the same traces on the same platform several times
 * faster, with messages that keep their order (scale/simgrid.h). */
#ifndef RB_SCALE_SIMGRID_PROGRAMS_H
#define RB_SCALE_SIMGRID_PROGRAMS_H

#include <stdbool.h>

#define SIMGRID_PLAYER "ringbench-simgrid"

/* Beside this program, or in the folder above; the caller frees it. NULL: it was not built. */
char *simgrid_player(void);
/* What to run in a folder that has the traces; player NULL: smpirun. Ends with NULL; simgrid_arguments_free(). */
char **simgrid_arguments(const char *player, const char *folder, int nranks);
void simgrid_arguments_free(char **argv);

#endif
