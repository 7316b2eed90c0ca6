/* report/plots_files.h - figures to files: the gnuplot scripts, and one gnuplot that runs them all. Private to plots*.c. */
#ifndef RB_REPORT_PLOTS_FILES_H
#define RB_REPORT_PLOTS_FILES_H

#include "report/plots.h"

/* Writes OUTPUT/plots/NAME.gp for every figure and draws them; sets drawn, or missing with the reason. RB_EUSAGE: the folder. */
int plots_files(struct figures *figures, const char *output);

#endif
