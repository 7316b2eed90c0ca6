/* workload/model.h - a published model, made small enough for the ranks at hand.
 *
 * Scale s divides layers, hidden size, heads, feed-forward width by s and the tokens of a micro-batch by s^2: the FLOP that a
 * gradient's byte is worth (6 x tokens / bytes) shrink with s^2, about as a core is slower for its memory than a GPU for its links.
 * Sizes are rounded up so that every split of the grid divides them. It knows no ranks but for that.
 *
 * Units elements, tokens. */
#ifndef RB_WORKLOAD_MODEL_H
#define RB_WORKLOAD_MODEL_H

#include "report/layer.h"
#include "report/presets.h"

#include <stdint.h>

struct workload_model {
    const struct preset *preset;
    double scale;
    int layers, hidden, heads, ffn, tokens; /* tokens: of one micro-batch of one rank */
    int query_key_value; /* columns of the joined projection */
    int bytes;           /* of an element that is sent */
    bool gated;
};

enum { MODEL_BYTES = 4 }; /* of an element that is computed or sent by the host: float */

/* The smallest power of two at which the gradients take at most `bytes`. */
double model_scale_that_fits(const struct preset *preset, uint64_t bytes);
/* divisor: what layers, hidden, ffn and tokens must be multiples of. */
struct workload_model model_scaled(const struct preset *preset, double scale, int divisor);

/* Weights of one layer and of all. */
uint64_t model_layer_params(const struct workload_model *m);
uint64_t model_params(const struct workload_model *m);
/* The same layer as report/layer.h sees it, of so many tokens. */
struct layer model_layer(const struct workload_model *m, double tokens);

#endif
