/* workload/samples.h - statistics of few samples. */
#ifndef RB_WORKLOAD_SAMPLES_H
#define RB_WORKLOAD_SAMPLES_H

#include <stddef.h>

/* Leaves the samples in their order; NAN without any. */
double samples_median(const double *samples, size_t n);

#endif
