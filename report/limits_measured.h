/* report/limits_measured.h - private to limits*.c: the third limit, from fitted records.
 *
 * Of an all-reduce fitted for n ranks at w bytes on the wire, T(w) is cut into the piece's bandwidth W and the rest, which n ranks
 * spend on 2(n-1) hops: time(t) = (T - w/W) (t-1)/(n-1) + w(t)/W, w(t) = 2(t-1)/t S. For t other than n that is an extrapolation.
 * Within one machine for PCIe and the scale-up link; one rank a machine for a network card. */
#ifndef RB_REPORT_LIMITS_MEASURED_H
#define RB_REPORT_LIMITS_MEASURED_H

#include "report/limits.h"

/* Fills `measured` of every row that records of its GPU and link exist for; adds a row for records that name no GPU. */
void limits_measured(struct limits *all, const struct limit_settings *s, const struct catalogue *c, const struct records *records);

/* Fits of the all-reduces alone. fits_free() when done. */
void measured_fits(struct fits *fits, const struct records *records);
/* Seconds of an all-reduce of `bytes` on t ranks, as the fit has it. */
struct limit_range measured_all_reduce(const struct fit *fit, double t, double bytes);

#endif
