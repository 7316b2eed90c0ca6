/* workload/gpu_suite.h - inside of suite.c: a workload played on GPUs, against its prediction and against the layer's model.
 *
 * Beside what the suite predicts from the prices of parts stands the model that the limits rest on (report/layer.h): compute at the rate
 * that this layer's products reached, all-reduces over links of the emulated rate, or where nothing is emulated of the rate that calls reached,
 * none of them hidden.
 *
 * FLOP per byte is what a rank multiplies while it sends a byte, F/W: as an emulated GPU has it, and as this run has it. Alike, both
 * meet the same limit.
 *
 * Errors RB_*; RB_ENOTIMPL without cuBLAS. All calls are collective. */
#ifndef RB_WORKLOAD_GPU_SUITE_H
#define RB_WORKLOAD_GPU_SUITE_H

#include "workload/suite.h"

/* Can all that is asked for be played on GPUs? Then it is, where there are any. */
bool gpu_suite_can(const struct workload_settings *settings);
/* RB_EUSAGE, naming the nearest. */
int gpu_suite_type(const struct workload_settings *settings, enum cublas_type *type_p);

int gpu_suite_open(struct workload_suite *s);
void gpu_suite_close(struct workload_suite *s, int result); /* result: how the run ended */
struct workload_model gpu_suite_model(const struct workload_suite *s, const struct preset *preset);
int gpu_suite_run(struct workload_suite *s, const struct workload *w, struct workload_result *r);

#endif
