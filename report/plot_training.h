/* report/plot_training.h - training splits over simulated clusters (records of kind plan) as pictures. */
#ifndef RB_REPORT_PLOT_TRAINING_H
#define RB_REPORT_PLOT_TRAINING_H

#include "report/plots.h"

/* False without plans that fit. */
bool plot_training(struct figures *figures, const struct plot *plot, const json_t *plans);
/* Logarithmic, counts of GPUs as marks. */
void figure_count_axis(struct figure *f, const char *label, const double range[2]);

#endif
