#include "workload/model.h"

#include <math.h>

static int divided(double size, double by, int multiple)
{
    const double parts = ceil(size / by / multiple - 1e-9);
    return (int)(parts < 1 ? 1 : parts) * multiple;
}

struct workload_model model_scaled(const struct preset *preset, double scale, int divisor)
{
    const int grain = 16 * divisor; /* whole vectors in every share */
    struct workload_model m = { .preset = preset, .scale = scale, .gated = preset->gated, .bytes = MODEL_BYTES };
    m.layers = divided(preset->layers, scale, divisor);
    m.hidden = divided(preset->hidden, scale, grain);
    m.ffn = divided(preset->ffn, scale, grain);
    m.heads = divided(preset->heads, scale, divisor);
    m.tokens = divided(preset->seq, scale * scale, divisor);
    m.query_key_value = m.hidden + 2 * divided(m.hidden * preset->kv_heads, preset->heads, grain);
    return m;
}

uint64_t model_layer_params(const struct workload_model *m)
{
    const uint64_t h = (uint64_t)m->hidden;
    return h * (uint64_t)m->query_key_value + h * h + (m->gated ? 3 : 2) * h * (uint64_t)m->ffn;
}

uint64_t model_params(const struct workload_model *m)
{
    return (uint64_t)m->layers * model_layer_params(m);
}

double model_scale_that_fits(const struct preset *preset, uint64_t bytes)
{
    double scale = 1;
    for (; scale < 4096; scale *= 2) {
        const struct workload_model m = model_scaled(preset, scale, 1);
        if (model_params(&m) * MODEL_BYTES <= bytes)
            break;
    }
    return scale;
}

struct layer model_layer(const struct workload_model *m, double tokens)
{
    const double kv = (m->query_key_value - m->hidden) / 2.0;
    return (struct layer){ .hidden = m->hidden, .heads = m->heads, .kv_heads = m->heads * kv / m->hidden, .ffn = m->ffn, .batch = 1,
                           .seq = tokens, .gated = m->gated, .bytes = m->bytes };
}
