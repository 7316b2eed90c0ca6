/* scale/simgrid.h - the second engine: the schedule as a time-independent trace, replayed by SimGrid (https://simgrid.org).
 *
 * Files, in a folder of their own: platform.xml (hosts, the links of scale/fabric.h, a route for every pair that talks), hosts,
 * traces and trace-RANK (one action a line: rank action peer tag bytes type), command (what was run), output. Engine "simgrid" plays
 * them with the player of scale/simgrid_programs.h, "smpirun" with SimGrid's own program.
 * A rank receives, works and sends step by step in the order of collectives/cost.h and never waits for its messages to leave. The player
 * keeps the order of a connection: its messages follow each other on the wire and arrive a latency later, as in collectives/cost.h. In
 * smpirun they share the route, and flows of different latency share a link by round-trip time, not fairly.
 *
 * Errors RB_EUSAGE: SimGrid is not installed (how to), it failed (the last line that it printed), the folder cannot be written. */
#ifndef RB_SCALE_SIMGRID_H
#define RB_SCALE_SIMGRID_H

#include "scale/simulate.h"

#include <stdbool.h>

#define SIMULATE_VERSION "1"
enum { SIMGRID_MOST_RANKS = 1024 };

/* Engine "simgrid" or "smpirun". */
bool simgrid_plays(const char *engine);
/* The engine that will play: "smpirun" for "simgrid" where the player was not built, with a note. */
const char *simgrid_engine(const char *engine);
int simgrid_run(const struct simulation *s, enum fabric_protocol protocol, struct simulated *r);
/* "3.32"; "" when it is not installed. */
const char *simgrid_version(void);
/* RB_OK, or how to install it. */
int simgrid_check(void);

#endif
