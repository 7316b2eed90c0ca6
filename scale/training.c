#include "scale/training.h"

#include "core/text.h"
#include "report/layer.h"
#include "report/memory_model.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_TENSOR = 64, MOST_MICRO = 16 };
static const double WIRE_BYTES = 2; /* BF16 activations and gradients */
static const double STATE_BYTES = 16; /* of a parameter: BF16 weight and gradient, Adam's three in FP32 */

/* --- links --- */

static struct link_model model_of(const struct link_latency *l, double Bps, double peer_Bps)
{
    return (struct link_model){ .bulk = { l->bulk_base_s, l->bulk_hop_s, Bps },
                                .fast = { l->fast_base_s, l->fast_hop_s, l->fast_share < 1 ? l->fast_share * Bps : 0 },
                                .per_peer_Bps = peer_Bps };
}

/* A GPU's share of its node's cards. */
static double card_share(const struct cluster *c)
{
    return c->rails > 0 ? c->nic_Bps * c->rails / c->per_node : 0;
}

static struct link_model inside(const struct cluster *c)
{
    return model_of(&c->link_latency, c->link_Bps, c->peer_Bps);
}

static struct link_model outside(const struct cluster *c)
{
    return model_of(&c->nic_latency, card_share(c) / c->oversubscription, 0);
}

/* --- parts of a step --- */

static struct layer layer_of(const struct training *t, int micro)
{
    const struct preset *m = t->model;
    return (struct layer){ .hidden = m->hidden, .heads = m->heads, .kv_heads = m->kv_heads, .ffn = m->ffn, .batch = micro, .seq = t->seq,
                           .gated = m->gated, .bytes = WIRE_BYTES };
}

static struct layer_time one_layer(const struct training *t, const struct training_split *s)
{
    const bool within = s->tensor <= t->cluster->per_node;
    const struct layer_setup setup = { .layer = layer_of(t, s->micro), .link = within ? inside(t->cluster) : outside(t->cluster), .flops = t->flops };
    return layer_time(&setup, s->tensor);
}

/* Projection on the vocabulary, forward and backward, once a micro-batch; shared by T and, as its share of a stage, by P. */
static double vocabulary(const struct training *t, const struct training_split *s)
{
    return 6 * s->micro * t->seq * t->model->hidden * t->model->vocab / s->tensor / s->pipeline / t->flops;
}

/* Forward and backward over one stage border. Neighbouring stages are in different nodes unless all stages fit into one. */
static double handover(const struct training *t, const struct training_split *s)
{
    if (s->pipeline == 1)
        return 0;
    const bool within = s->tensor * s->pipeline <= t->cluster->per_node && s->data == 1;
    const struct link_model k = within ? inside(t->cluster) : outside(t->cluster);
    const double bytes = s->micro * t->seq * t->model->hidden * WIRE_BYTES / (within ? 1 : s->tensor); /* each card a slice */
    return 2 * comm_total(link_transfer(&k, 2, 1, bytes));
}

/* Two levels: the replicas inside a node, then those between nodes. */
static double gradients(const struct training *t, const struct training_split *s)
{
    const double bytes = WIRE_BYTES * t->model->params / s->tensor / s->pipeline;
    const int room = t->cluster->per_node / s->tensor, local = room < 1 ? 1 : s->data < room ? s->data : room;
    const struct link_model near = inside(t->cluster), far = outside(t->cluster);
    const double nodes = ceil((double)s->data / local);
    double seconds = local > 1 ? comm_total(link_all_reduce(&near, local, bytes)) : 0;
    if (nodes > 1)
        seconds += comm_total(link_all_reduce(&far, nodes, bytes / local));
    return seconds;
}

static double layers_of(const struct training *t, const struct training_split *s)
{
    return ceil(t->model->layers / s->pipeline);
}

static double activations(const struct training *t, const struct training_split *s, double kept)
{
    const double layers = layers_of(t, s), h = t->model->hidden;
    if (!s->recompute)
        return kept * activations_selective(t->seq, s->micro, h, layers, s->tensor);
    return kept * layers * WIRE_BYTES * s->micro * t->seq * h + activations_selective(t->seq, s->micro, h, 1, s->tensor);
}

double training_state(const struct training *t)
{
    return STATE_BYTES * t->model->params;
}

static double memory_of(const struct training *t, const struct training_split *s, double micro_batches)
{
    const double stages = t->model->layers / layers_of(t, s); /* that many are full */
    const double params = t->model->params / s->tensor / stages, adam = adam_bytes_per_param();
    const double state = (STATE_BYTES - adam) * params + adam * params / (t->zero ? s->data : 1);
    return state + activations(t, s, fmin(s->pipeline, micro_batches));
}

/* --- a step --- */

enum lack { LACK_NOTHING, LACK_HEADS, LACK_LAYERS, LACK_NODE, LACK_GPUS, LACK_BATCH };

static enum lack lack_of(const struct training *t, const struct training_split *s)
{
    const int node = t->cluster->per_node;
    if (fmod(t->model->heads, s->tensor) != 0)
        return LACK_HEADS;
    if (s->pipeline > t->model->layers)
        return LACK_LAYERS;
    if (s->tensor <= node ? node % s->tensor != 0 : s->tensor % node != 0)
        return LACK_NODE;
    if ((double)s->tensor * s->pipeline * s->data != cluster_gpus(t->cluster))
        return LACK_GPUS;
    return fmod(t->batch, (double)s->data * s->micro) == 0 ? LACK_NOTHING : LACK_BATCH;
}

bool training_possible(const struct training *t, const struct training_split *s)
{
    return lack_of(t, s) == LACK_NOTHING;
}

static char *why_not_gpus(const struct training *t, const struct training_split *s)
{
    const int gpus = cluster_gpus(t->cluster), stage = s->tensor * s->pipeline;
    const double asked = (double)stage * s->data;
    return gpus % stage == 0 ? rb_format("that is %.0f GPUs, not %d; %dx%dx%d takes all", asked, gpus, s->tensor, s->pipeline, gpus / stage)
                             : rb_format("that is %.0f GPUs; tensor x pipeline x data must be all %d", asked, gpus);
}

/* The power of two a replica nearest to the step asked for. */
static double batch_near(double batch, int data)
{
    return data * exp2(round(log2(fmax(1, batch / data))));
}

char *training_obstacle(const struct training *t, const struct training_split *s)
{
    switch (lack_of(t, s)) {
    case LACK_HEADS:
        return rb_format("%d x tensor does not divide the %g heads of %s", s->tensor, t->model->heads, t->model->name);
    case LACK_LAYERS:
        return rb_format("%d x pipeline is more than the %g layers of %s", s->pipeline, t->model->layers, t->model->name);
    case LACK_NODE:
        return rb_format("%d x tensor neither divides the %d GPUs of a node nor takes whole nodes", s->tensor, t->cluster->per_node);
    case LACK_GPUS:
        return why_not_gpus(t, s);
    case LACK_BATCH:
        return rb_format("%d x data x micro-batches of %d do not divide %g sequences a step; --batch %g would do", s->data, s->micro, t->batch,
                         batch_near(t->batch, s->data * s->micro));
    case LACK_NOTHING:
        break;
    }
    return NULL;
}

struct training_time training_step(const struct training *t, const struct training_split *s)
{
    const struct layer_time layer = one_layer(t, s);
    const double layers = layers_of(t, s), m = t->batch / s->data / s->micro;
    const double again = s->recompute ? 4.0 / 3 : 1; /* forward, forward, backward: 4 for 3 */
    const double compute = again * layers * layer.compute_s + vocabulary(t, s), hand = handover(t, s);
    const double tensor = (s->recompute ? 1.5 : 1) * layers * layer.exposed_s, micro = compute + tensor + hand;
    struct training_time r = { .split = *s, .micro_batches = m, .compute = m * compute, .tensor = m * tensor, .handover = m * hand,
                               .bubble = (s->pipeline - 1) * micro };
    r.gradients = s->data > 1 ? fmax(0, gradients(t, s) - compute * 2 / 3) : 0;
    r.step = m * micro + r.bubble + r.gradients;
    r.memory = memory_of(t, s, m);
    r.fits = r.memory <= t->memory;
    r.utilisation = m * (t->model->layers / s->pipeline * layer.compute_s + vocabulary(t, s)) / r.step;
    return r;
}

static int by_speed(const void *a, const void *b)
{
    const struct training_time *x = a, *y = b;
    if (x->fits != y->fits)
        return y->fits - x->fits;
    if (!x->fits && x->memory != y->memory)
        return x->memory > y->memory ? 1 : -1;
    return (x->step > y->step) - (x->step < y->step);
}

size_t training_rank(const struct training *t, struct training_time **list_p)
{
    struct training_time *list = NULL;
    size_t n = 0, room = 0;
    const int gpus = cluster_gpus(t->cluster);
    for (int tensor = 1; tensor <= MOST_TENSOR && tensor <= gpus; tensor *= 2)
        for (int pipeline = 1; pipeline <= (int)t->model->layers && tensor * pipeline <= gpus; pipeline++)
            for (int form = 0, micro = 1; micro <= MOST_MICRO; form++, micro = 1 << form / 2) {
                const struct training_split s = { tensor, pipeline, gpus / tensor / pipeline, micro, form % 2 == 1 };
                if (!training_possible(t, &s))
                    continue;
                if (n == room) {
                    room = 2 * room + 64;
                    list = rb_realloc(list, room * sizeof *list);
                }
                list[n++] = training_step(t, &s);
            }
    if (n > 0)
        qsort(list, n, sizeof *list, by_speed);
    *list_p = list;
    return n;
}

struct training_limits training_limits(const struct training_time *list, size_t n)
{
    static const double LONGER = 1.1;
    struct training_limits most = { 0, 0, 0 };
    for (size_t i = 0; i < n && list[i].fits && list[i].step <= LONGER * list[0].step; i++) {
        const struct training_split *s = &list[i].split;
        most.tensor = s->tensor > most.tensor ? s->tensor : most.tensor;
        most.pipeline = s->pipeline > most.pipeline ? s->pipeline : most.pipeline;
        most.data = s->data > most.data ? s->data : most.data;
    }
    return most;
}
