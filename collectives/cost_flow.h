/* collectives/cost_flow.h - flows over links that they share, in simulated time. Knows nothing of schedules.
 *
 * Sharing is max-min fair (Bertsekas and Gallager, Data Networks, section 6.5): rates grow together until a link is full; flows over
 * it stop there, the others go on. A flow never runs faster than its cap. Only what a change can reach is computed again.
 *
 * Units     bytes, seconds, bytes per second.
 * Ownership flows_free(); paths are copied. */
#ifndef RB_COLLECTIVES_COST_FLOW_H
#define RB_COLLECTIVES_COST_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FLOW_LINKS = 40 };

/* Where a flow goes: links by number, no link twice. */
struct flow_path {
    int n;
    int links[FLOW_LINKS];
    double latency; /* from the last byte leaving to its arrival; for the caller, a flow ends when its last byte has left */
    double cap;     /* bytes per second; 0: none */
};

struct flows;

struct flows *flows_new(int nlinks, const double *rates);
void flows_free(struct flows *f);
double flows_now(const struct flows *f);

/* A flow begins now. It ends in flows_next(), which gives its tag back. */
void flows_start(struct flows *f, const struct flow_path *path, double bytes, int64_t tag);
/* flows_next() gives the tag back after so many seconds. */
void flows_timer(struct flows *f, double seconds, int64_t tag);
/* The next end, in order of time; false when nothing is under way. */
bool flows_next(struct flows *f, int64_t *tag_p);

/* What a link has carried, and its highest load so far as a share of its rate. */
double flows_link_bytes(const struct flows *f, int link);
double flows_link_peak(const struct flows *f, int link);

#endif
