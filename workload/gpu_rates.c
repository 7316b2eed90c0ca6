#include "workload/gpu_rates.h"

#include "core/error.h"
#include "workload/gpu_play.h"
#include "workload/samples.h"

enum { LAYERS = 2, SAMPLES = 5, REPEATS = 4 };
static const double TERA = 1e12;

struct workload_model gpu_model(const struct preset *preset, double scale, int divisor, enum cublas_type type)
{
    struct workload_model m = model_scaled(preset, scale > 0 ? scale : 1, divisor);
    m.layers = m.layers < LAYERS ? m.layers : LAYERS;
    m.bytes = (int)type_bytes(cublas_result(type));
    return m;
}

/* Seconds of one product, the median. */
static int time_product(struct gpu_products *p, const struct matmul *g, double *sec_p)
{
    const struct grid grid = grid_make(1, 1, 1);
    struct program program = { .grid = &grid };
    struct gpu_player *player = NULL;
    double sec[SAMPLES + 1];
    for (int i = 0; i < REPEATS; i++)
        program_gemm(&program, g->m, g->n, g->k);
    int rc = gpu_player_open(&player, &program, NULL, p);
    for (int i = 0; i <= SAMPLES && rc == RB_OK; i++)
        rc = gpu_player_step(player, PLAY_COMPUTE, &sec[i], NULL);
    if (rc == RB_OK)
        *sec_p = samples_median(sec + 1, SAMPLES) / REPEATS;
    if (rc == RB_OK || rc == RB_ENOTIMPL)
        gpu_player_close(player);
    program_free(&program);
    return rc;
}

int gpu_rate_measure(struct gpu_rate *rate, struct gpu_products *products, const struct workload_model *m)
{
    const int up = (m->gated ? 2 : 1) * m->ffn;
    double flop = 0, sum = 0;
    *rate = (struct gpu_rate){ .type = products->type, .shapes = { { m->tokens, m->query_key_value, m->hidden }, { m->tokens, m->hidden, m->hidden },
                                                                   { m->tokens, up, m->hidden }, { m->tokens, m->hidden, m->ffn } } };
    RB_TRY(gpu_products_prepare(products, rate->shapes, GPU_RATE_SHAPES, &rate->missing));
    for (int i = 0; i < GPU_RATE_SHAPES && !rate->missing; i++) {
        const struct matmul *g = &rate->shapes[i];
        const double work = 2.0 * g->m * g->n * g->k;
        double sec = 0;
        RB_TRY(time_product(products, g, &sec));
        rate->flops[i] = work / sec;
        flop += work;
        sum += sec;
    }
    rate->all = rate->missing ? 0 : flop / sum;
    return RB_OK;
}

json_t *gpu_rate_json(const struct gpu_rate *rate, const struct gpu_products *p, const struct workload_model *m)
{
    json_t *shapes = json_array();
    for (int i = 0; i < GPU_RATE_SHAPES; i++)
        json_array_append_new(shapes, json_pack("{s:i, s:i, s:i, s:f}", "m", rate->shapes[i].m, "n", rate->shapes[i].n, "k", rate->shapes[i].k, "tflops",
                                                rate->flops[i] / TERA));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:i, s:i, s:b, s:s, s:f, s:o}", "gpu", p->gang->facts.name, "library", "cuBLAS", "version", p->version,
                     "type", cublas_type_names[rate->type], "model", m->preset->name, "scale", m->scale, "ranks_per_gpu", p->gang->nmembers, "sms", p->sms,
                     "cut", p->cut, "how", p->how, "tflops", rate->all / TERA, "shapes", shapes);
}
