#include "bench/measure.h"

#include "bench/ceiling.h"
#include "bench/packets.h"
#include "bench/pcie.h"
#include "bench/replay.h"
#include "bench/stats.h"
#include "bench/verify.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_ROUNDS = 6, MAX_ROUNDS = 20000, MAX_BATCH = 4000, CLOCK_TICKS = 20, MAX_AGGREGATE = 64 };

double clock_cost(void)
{
    double best = INFINITY;
    for (int i = 0; i < 200; i++) {
        const uint64_t start = clock_ns();
        const double sec = (double)(clock_ns() - start) * 1e-9;
        best = sec < best ? sec : best;
    }
    return best > 1e-9 ? best : 1e-9;
}

struct comm *session_comm(const struct session *s, const char *asked)
{
    for (size_t i = 0; i < s->nchannels; i++)
        if (strcmp(s->channels[i].asked, asked) == 0)
            return s->channels[i].comm;
    return NULL;
}

static struct baseline_call baseline_call_of(const struct unit *u)
{
    return (struct baseline_call){ .collective = u->suite->collective, .group = u->layout.group, .count = u->size->count,
                                   .type = u->suite->type, .op = u->suite->op, .in_place = u->in_place };
}

static int open_baseline(struct session *s, struct unit *u, struct trial *t)
{
    const struct baseline_call call = baseline_call_of(u);
    const struct baseline_subject *who = baselines_find(&s->baselines, t->subject->transport);
    t->absent = who->absent;
    if ((s->settings->graphs > 0 || s->settings->cpu_time > 0) && who->ops->record == NULL) {
        t->absent = "its calls are not queued on a GPU (-G, -C)";
        return RB_OK;
    }
    if (who->open == NULL || !who->ops->supports(who->open, &call, &t->absent))
        return RB_OK;
    t->absent = NULL;
    t->label = who->ops->label(&call);
    return who->ops->prepare(who->open, &t->baseline, &call);
}

static int open_trial(struct session *s, struct unit *u, struct trial *t)
{
    t->wrong = -1;
    t->label = "";
    t->comm = s->channels[0].comm;
    if (t->subject->algorithm == NULL)
        return open_baseline(s, u, t);
    t->comm = session_comm(s, t->subject->transport);
    const struct call call = { .algorithm = t->subject->algorithm, .group = suite_group(u->suite, t->subject, s->job->nranks, s->ring),
                               .count = u->size->count, .type = u->suite->type, .op = u->suite->op, .in_place = u->in_place, .protocol = t->subject->protocol };
    return comm_prepare(t->comm, &call, &t->operation);
}

static int call_trial(const struct trial *t, const struct place *p)
{
    return t->operation != NULL ? operation_run(t->operation, p->in, p->out) : t->baseline->ops->run(t->baseline, p->in, p->out);
}

/* The null transport moves nothing: there is nothing to verify. */
static bool is_checked(const struct session *s, const struct trial *t)
{
    return s->settings->check > 0 && t->absent == NULL && strcmp(comm_transport(t->comm), "null") != 0;
}

static void report_wrong(const struct session *s, const struct unit *u, const struct trial *t, const struct verdict *v)
{
    if (s->job->rank != 0)
        return;
    char *where = verify_text(v);
    rb_fail(RB_EDATA, "wrong result: %s %s over %s, %s %s, %llu bytes%s: %s", collective_get(u->suite->collective)->name,
            t->subject->algorithm != NULL ? t->subject->algorithm->name : t->subject->transport, comm_transport(t->comm),
            type_name(u->suite->type), op_name(u->suite->op), (unsigned long long)u->size->bytes, u->in_place ? ", in place" : "", where);
    free(where);
}

/* Where the host writes and reads what belongs in a place: there, or in a mirror of it when the place is a GPU's. */
static void open_mirror(const struct session *s, const struct unit *u, const struct place *place, struct place *mirror, char **memory_p)
{
    *mirror = *place;
    *memory_p = NULL;
    if (!s->on_gpu)
        return;
    struct layout one = u->layout;
    one.places = 1;
    *memory_p = rb_malloc(one.stride + 4096);
    char *aligned = *memory_p + (4096 - (uintptr_t)*memory_p % 4096) % 4096;
    layout_place(&one, aligned, 0, mirror);
}

static int copy_place(const struct session *s, const struct unit *u, const struct place *place, const struct place *mirror, bool to_gpu)
{
    if (!s->on_gpu)
        return RB_OK;
    struct layout one = u->layout;
    struct place zero;
    one.places = 1;
    layout_place(&one, NULL, 0, &zero); /* how far a place's buffers lie from its first byte */
    char *gpu = place->in - (uintptr_t)zero.in, *host = mirror->in - (uintptr_t)zero.in;
    return to_gpu ? comm_copy(s->channels[0].comm, gpu, host, one.stride) : comm_copy(s->channels[0].comm, host, gpu, one.stride);
}

/* The call, between barriers, with the result where `mirror` has it. */
static int call_verified(struct session *s, const struct unit *u, const struct trial *t, const struct place *place, const struct place *mirror)
{
    RB_TRY(copy_place(s, u, place, mirror, true));
    RB_TRY(comm_barrier(s->channels[0].comm)); /* direct access: nobody reads before everybody has filled */
    RB_TRY(s->settings->graphs > 0 ? replay_once(t, place) : call_trial(t, place));
    RB_TRY(comm_barrier(s->channels[0].comm));
    return copy_place(s, u, place, mirror, false);
}

static int verify_trial(struct session *s, struct unit *u, struct trial *t, size_t turn)
{
    struct place place, mirror;
    struct verdict mine, all;
    char *memory;
    layout_place(&u->layout, s->region, turn, &place);
    open_mirror(s, u, &place, &mirror, &memory);
    verify_fill(&u->layout, &mirror);
    heartbeat_beat(s->heartbeat);
    const int rc = call_verified(s, u, t, &place, &mirror);
    const void *result = t->baseline != NULL ? baseline_result(t->baseline, mirror.in, mirror.out) : mirror.out;
    const struct algorithm *a = t->subject->algorithm;
    if (rc == RB_OK)
        verify_check(&u->layout, &mirror, result, a != NULL ? a->cuts(&u->layout.group) : 1, &mine);
    free(memory);
    RB_TRY(rc);
    heartbeat_beat(s->heartbeat);
    RB_TRY(verify_gather(s->job, &mine, &all));
    if (all.wrong > 0 && t->wrong <= 0)
        report_wrong(s, u, t, &all);
    t->wrong = (t->wrong < 0 ? 0 : t->wrong) + (int64_t)all.wrong;
    return RB_OK;
}

static int verify_all(struct session *s, struct unit *u)
{
    heartbeat_phase(s->heartbeat, PHASE_VERIFY);
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        struct trial *t = &u->trials[i];
        atomic_store_explicit(&s->heartbeat->case_id, u->case_id + (int)i, memory_order_relaxed);
        for (uint64_t k = 0; is_checked(s, t) && k < s->settings->check; k++)
            RB_TRY(verify_trial(s, u, t, (size_t)k));
    }
    return RB_OK;
}

/* Every call has a place of its own, or the second subject of a round would find in the cache what the first one left. */
static int sample(struct session *s, struct unit *u, const struct trial *t, size_t turn, double *sec_p)
{
    struct place place;
    layout_place(&u->layout, s->region, turn * u->aggregate, &place);
    heartbeat_phase(s->heartbeat, t->baseline != NULL ? PHASE_BASELINE : s->phase);
    RB_TRY(comm_barrier(s->channels[0].comm));
    if (s->settings->graphs > 0 || s->settings->cpu_time > 0)
        return replay_sample(s, u, t, turn * u->aggregate, sec_p);
    const uint64_t start = clock_ns();
    RB_TRY(call_trial(t, &place));
    for (uint64_t m = 1; m < u->aggregate; m++) {
        if (s->settings->blocking == 1)
            RB_TRY(comm_barrier(s->channels[0].comm));
        layout_place(&u->layout, s->region, turn * u->aggregate + m, &place);
        RB_TRY(call_trial(t, &place));
    }
    *sec_p = (double)(clock_ns() - start) * 1e-9 / (double)u->aggregate;
    return RB_OK;
}

/* rounds x subjects samples, subject by subject; each round begins with another subject. */
static int sample_rounds(struct session *s, struct unit *u, size_t first, size_t rounds, double *sec)
{
    const size_t n = u->suite->nsubjects;
    for (size_t r = 0; r < rounds; r++)
        for (size_t j = 0; j < n; j++) {
            const size_t i = (first + r + j) % n;
            if (u->trials[i].absent != NULL)
                continue;
            atomic_store_explicit(&s->heartbeat->case_id, u->case_id + (int)i, memory_order_relaxed);
            RB_TRY(sample(s, u, &u->trials[i], (first + r) * n + j, &sec[i * rounds + r]));
        }
    return RB_OK;
}

/* -a: which rank's clock counts. */
static int reduce_samples(struct session *s, double *sec, size_t count)
{
    heartbeat_phase(s->heartbeat, PHASE_GATHER);
    switch (s->settings->average) {
    case 0:
        return job_broadcast(s->job, sec, count * sizeof *sec, 0);
    case 1:
        RB_TRY(job_reduce(s->job, sec, count, JOB_SUM));
        for (size_t i = 0; i < count; i++)
            sec[i] /= s->job->nranks;
        return RB_OK;
    case 2:
        return job_reduce(s->job, sec, count, JOB_MIN);
    default:
        return job_reduce(s->job, sec, count, JOB_MAX);
    }
}

static int warm_up(struct session *s, struct unit *u, double budget, double *round_p)
{
    s->phase = PHASE_WARMUP;
    const size_t n = u->suite->nsubjects;
    double *sec = rb_calloc(n, sizeof *sec);
    int rc = RB_OK;
    double spent = 0;
    *round_p = 0;
    for (uint64_t w = 0; rc == RB_OK && w < s->settings->warmup + 1 && (w < 2 || spent < budget / 4); w++) {
        rc = sample_rounds(s, u, (size_t)w, 1, sec);
        if (rc == RB_OK)
            rc = job_reduce(s->job, sec, n, JOB_MAX);
        *round_p = 0;
        for (size_t i = 0; i < n; i++) {
            u->trials[i].mean_sec = sec[i];
            *round_p += sec[i];
        }
        spent += *round_p;
    }
    free(sec);
    return rc;
}

static uint64_t first_aggregate(const struct settings *s)
{
    return s->graphs == 0 ? 1 : s->aggregate > 0 ? s->aggregate : REPLAY_CALLS;
}

/* Calls that are too short for the clock are timed several at once. */
static void choose_aggregate(const struct session *s, struct unit *u)
{
    if (s->settings->graphs > 0)
        return;
    u->aggregate = s->settings->aggregate > 0 ? s->settings->aggregate : 1;
    if (s->settings->aggregate > 0)
        return;
    double shortest = INFINITY;
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        if (u->trials[i].absent == NULL && u->trials[i].mean_sec < shortest)
            shortest = u->trials[i].mean_sec;
    const double need = CLOCK_TICKS * s->clock_sec / (shortest > 1e-9 ? shortest : 1e-9);
    u->aggregate = need <= 1 ? 1 : need > MAX_AGGREGATE ? MAX_AGGREGATE : (uint64_t)ceil(need);
}

static bool is_precise(const struct session *s, const struct unit *u)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        const struct trial *t = &u->trials[i];
        struct stats stats;
        if (t->absent != NULL)
            continue;
        stats_of(&stats, t->samples, t->nsamples);
        if (!(stats_half_width(&stats) < s->settings->precision))
            return false;
    }
    return true;
}

static void keep_samples(struct unit *u, const double *sec, size_t rounds, size_t skip)
{
    for (size_t i = 0; i < u->suite->nsubjects; i++) {
        struct trial *t = &u->trials[i];
        if (t->absent != NULL || skip >= rounds)
            continue;
        t->samples = rb_realloc(t->samples, (t->nsamples + rounds - skip) * sizeof *t->samples);
        memcpy(t->samples + t->nsamples, sec + i * rounds + skip, (rounds - skip) * sizeof *sec);
        t->nsamples += rounds - skip;
    }
}

/* Rounds up to the next look at the statistics: an eighth of the budget, never under MIN_ROUNDS. */
static size_t batch_rounds(const struct session *s, double round_sec, double budget, size_t done)
{
    if (s->settings->iterations > 0) {
        const size_t left = (size_t)(s->settings->iterations + s->settings->skip) - done;
        return left < MAX_BATCH ? left : MAX_BATCH;
    }
    const double rounds = budget / 8 / (round_sec > 1e-9 ? round_sec : 1e-9);
    return rounds < MIN_ROUNDS ? MIN_ROUNDS : rounds > MAX_BATCH ? MAX_BATCH : (size_t)rounds;
}

static bool is_enough(const struct session *s, struct unit *u, size_t done, double elapsed, double budget)
{
    const size_t kept = done > s->settings->skip ? done - (size_t)s->settings->skip : 0;
    u->stop = STOP_FIXED;
    if (s->settings->iterations > 0)
        return kept >= s->settings->iterations;
    u->stop = STOP_PRECISE;
    if (kept >= MIN_ROUNDS && is_precise(s, u))
        return true;
    u->stop = STOP_BUDGET;
    return kept >= MIN_ROUNDS && (elapsed >= budget || done >= MAX_ROUNDS);
}

static int time_batch(struct session *s, struct unit *u, size_t done, size_t rounds, double *elapsed)
{
    const size_t count = u->suite->nsubjects * rounds;
    const size_t skip = s->settings->skip > done ? (size_t)s->settings->skip - done : 0;
    double *sec = rb_calloc(count, sizeof *sec);
    s->phase = PHASE_TIME;
    const double start = clock_sec();
    int rc = sample_rounds(s, u, done, rounds, sec);
    if (rc == RB_OK)
        rc = reduce_samples(s, sec, count);
    double spent = clock_sec() - start;
    if (rc == RB_OK)
        rc = job_reduce(s->job, &spent, 1, JOB_MAX); /* all ranks must take the same decision */
    *elapsed += spent;
    keep_samples(u, sec, rounds, skip);
    free(sec);
    return rc;
}

static int time_all(struct session *s, struct unit *u, double budget)
{
    double round = 0, elapsed = 0;
    u->aggregate = first_aggregate(s->settings);
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        if (s->settings->graphs > 0 && u->trials[i].absent == NULL)
            RB_TRY(replay_open(s, u, &u->trials[i]));
    RB_TRY(warm_up(s, u, budget, &round));
    choose_aggregate(s, u);
    round *= (double)u->aggregate;
    for (size_t done = 0; !is_enough(s, u, done, elapsed, budget);) {
        const size_t rounds = batch_rounds(s, round, budget, done);
        RB_TRY(time_batch(s, u, done, rounds, &elapsed));
        done += rounds;
        round = elapsed / (double)done;
    }
    return RB_OK;
}

static int measure_calls(struct session *s, struct unit *u, double budget)
{
    struct packets_before before;
    RB_TRY(packets_begin(s, &before));
    RB_TRY(verify_all(s, u));
    RB_TRY(time_all(s, u, budget));
    RB_TRY(verify_all(s, u));
    return packets_end(s, u, &before);
}

static int measure(struct session *s, struct unit *u, double budget)
{
    heartbeat_phase(s->heartbeat, PHASE_CONNECT);
    atomic_store_explicit(&s->heartbeat->bytes, u->size->bytes, memory_order_relaxed);
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        RB_TRY(open_trial(s, u, &u->trials[i]));
    RB_TRY(measure_calls(s, u, budget));
    u->copy_GBps = NAN;
    if (s->job->nnodes == 1 && s->job->nranks > 1)
        RB_TRY(ceiling_measure(s, &u->layout, &u->copy_GBps));
    if (s->on_gpu)
        RB_TRY(pcie_look(s, u));
    heartbeat_phase(s->heartbeat, PHASE_GATHER);
    atomic_store_explicit(&s->heartbeat->case_id, -1, memory_order_relaxed);
    return RB_OK;
}

int unit_measure(struct session *s, struct unit *u, double budget)
{
    u->layout = (struct layout){ .suite = u->suite, .group = suite_group(u->suite, &u->suite->subjects[0], s->job->nranks, s->ring),
                                 .rank = s->job->rank, .count = u->size->count, .in_place = u->in_place };
    layout_measure(&u->layout);
    layout_fit(&u->layout, s->region_bytes, strcmp(s->settings->cache, "hot") == 0);
    u->trials = rb_calloc(u->suite->nsubjects, sizeof *u->trials);
    for (size_t i = 0; i < u->suite->nsubjects; i++)
        u->trials[i].subject = &u->suite->subjects[i];
    const int rc = measure(s, u, budget);
    if (rc != RB_OK)
        unit_free(u);
    return rc;
}

void unit_free(struct unit *u)
{
    for (size_t i = 0; u->trials != NULL && i < u->suite->nsubjects; i++) {
        struct trial *t = &u->trials[i];
        recording_free(t->recording);
        if (t->operation != NULL)
            operation_free(t->operation);
        if (t->baseline != NULL)
            t->baseline->ops->release(t->baseline);
        free(t->samples);
    }
    free(u->trials);
    u->trials = NULL;
}
