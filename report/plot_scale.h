/* report/plot_scale.h - curves of simulated clusters that grow, as the study of scaling makes them. */
#ifndef RB_REPORT_PLOT_SCALE_H
#define RB_REPORT_PLOT_SCALE_H

#include "report/records.h"

/* cases[first] begins a curve: cases of one algorithm and label behind each other, the fewest ranks first. The last of them up to which busbw
 * stays at half of the first one's or more. */
size_t scale_keeps_half(const struct records *r, size_t first);

#endif
