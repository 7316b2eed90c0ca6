#include "workload/gpu_beside.h"

#include "workload/samples.h"

#include <math.h>
#include <stdio.h>

const char *gpu_beside_lack(const struct workload_suite *s, const struct suite_rival *rival, const struct program *program)
{
    if (rival->open == NULL)
        return rival->absent;
    return gpu_calls_lack(&(struct gpu_calls_setup){ .program = program, .comm = s->all, .type = cublas_result(s->products->type), .baseline = rival->open });
}

static json_t *made_json(const struct gpu_made *m, size_t nsamples)
{
    const double *sec = m->measured;
    json_t *samples = json_array();
    for (size_t i = 0; i < nsamples; i++)
        json_array_append_new(samples, json_real(m->sec[PLAY_ALL][i] * 1e6));
    return json_pack("{s:s, s:s, s:s, s:o, s:f, s:I, s:I, s:f, s:o}", "provider", m->rival->name, "version", m->rival->open->version, "chosen", m->chosen,
                     "measured", modes_json(sec), "efficiency", sec[PLAY_COMPUTE] / sec[PLAY_ALL], "wrong", (json_int_t)m->wrong, "compared",
                     (json_int_t)m->compared, "queue_us", samples_median(m->queue_sec, nsamples) * 1e6, "samples_us", samples);
}

static void print_made(const struct workload_suite *s, struct workload_result *r, const struct gpu_beside *b)
{
    const struct gpu_made *m = b->made;
    const struct workload_parts parts = parts_of(m->measured);
    char name[32], model[40] = "";
    snprintf(name, sizeof name, "  by %s", m->rival->name);
    if (isfinite(b->model_efficiency))
        snprintf(model, sizeof model, ", the layer's model %.3g", b->model_efficiency);
    result_note(r, "# %-18s %8s %10s %10s %11s %11.4g %8s %11.4g %11.4g %11.4g %11.4g%s\n", name, "", "", "", "", m->measured[PLAY_ALL] * 1e3, "",
                parts.compute * 1e3, parts.waiting * 1e3, parts.exposed * 1e3, parts.hidden * 1e3, m->wrong > 0 ? " WRONG" : "");
    result_note(r, "#   %s%s%s: efficiency %.3g as measured (ours %.3g%s); its step takes %.3g of ours%s\n", m->rival->open->version,
                m->chosen[0] != '\0' ? "; " : "", m->chosen, m->measured[PLAY_COMPUTE] / m->measured[PLAY_ALL],
                r->measured[PLAY_COMPUTE] / r->measured[PLAY_ALL], model, m->measured[PLAY_ALL] / r->measured[PLAY_ALL],
                s->links.GBps > 0 ? ", on links that nobody slows down" : "");
}

void gpu_beside_report(const struct workload_suite *s, struct workload_result *r, const struct suite_rival *rival, const struct gpu_beside *b)
{
    const char *why = b->made == NULL ? gpu_beside_lack(s, rival, b->program) : NULL;
    if (json_object_get(r->more, "others") == NULL)
        json_object_set_new(r->more, "others", json_array());
    json_t *others = json_object_get(r->more, "others");
    if (b->made != NULL) {
        json_array_append_new(others, made_json(b->made, r->nsamples));
        print_made(s, r, b);
    } else if (why != NULL) {
        json_array_append_new(others, json_pack("{s:s, s:s}", "provider", rival->name, "absent", why));
        result_note(r, "#   by %-13s n/a: %s\n", rival->name, why);
    }
}
