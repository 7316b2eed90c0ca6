/* report/curves.h - the cases of one curve gathered: time against size, everything else the same.
 *
 * A curve is records_same_curve() within one source, GPU and kind of evidence. Cases without a time, with wrong elements or that
 * move nothing (one rank) are left out, and those of a study of clusters, which have figures of their own (plot_scale.c). Points are sorted by the bytes on the wire.
 *
 * Ownership the curves borrow the cases: the records must outlive them. */
#ifndef RB_REPORT_CURVES_H
#define RB_REPORT_CURVES_H

#include "report/records.h"

struct curve {
    const struct record_case **points; /* ascending; the first stands for the curve's names */
    size_t npoints;
};

struct curves {
    struct curve *list; /* in the order in which the records have them */
    size_t count;
};

void curves_make(struct curves *c, const struct records *r);
void curves_free(struct curves *c);

/* One of a set of simulations: ringbench simulate --study. */
bool curves_of_study(const struct record_case *c);

bool curves_same(const struct record_case *a, const struct record_case *b);
/* Curves that are drawn together: they differ in algorithm, transport, servers, baseline or label only. */
bool curves_same_panel(const struct record_case *a, const struct record_case *b);

/* Bytes that the busiest rank sends (or receives) in one call: as recorded, else bytes times the collective's bus factor. */
double curves_wire_bytes(const struct record_case *c);
/* busbw / algbw as nccl-tests' doc/PERFORMANCE.md defines it; 1 for what it does not know. */
double curves_bus_factor(const char *collective, int ranks);

/* "ring", "parameter server, 2 servers (mpi)", "MPI": what a reader calls the curve. The transport is added when with_transport. */
enum { CURVE_NAME = 160 };
const char *curves_name(char name[CURVE_NAME], const struct record_case *c, bool with_transport);
/* "all-reduce": as it is written in a sentence. */
const char *curves_collective(char name[CURVE_NAME], const struct record_case *c);
/* "all-reduce, 2 ranks, float sum"; in place, root, GPU and nodes only where they matter. */
const char *curves_panel_name(char name[CURVE_NAME], const struct record_case *c);

#endif
