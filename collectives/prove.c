#include "collectives/prove_machine.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

static void run(struct machine *m)
{
    for (bool moved = true; moved && !m->failed;) {
        moved = false;
        for (int i = 0; i < m->nlanes && !m->failed; i++)
            while (!m->failed && machine_advance(m, &m->lanes[i]))
                moved = true;
    }
    for (int i = 0; i < m->nlanes && !m->failed; i++) {
        const struct lane_state *l = &m->lanes[i];
        if (l->piece < m->o->pieces) {
            const struct step *s = &m->plans[l->rank].steps[l->steps[l->at]];
            machine_fail(m, l, "waits for ever to %s", l->holding || s->nrecv == 0 ? "send" : "receive");
        }
    }
    for (long i = 0; i < (long)m->g->nranks * m->g->nranks && !m->failed; i++)
        if (m->fifos[i].first != NULL || m->fifos[i].grants != NULL)
            machine_fail(m, NULL, "rank %ld sends to rank %ld what nobody receives, or is granted what it never writes",
                 i / m->g->nranks, i % m->g->nranks);
}

static int count_leaves(const struct machine *m, int value, int *seen, int chunk)
{
    const struct expression *e = &m->proof->expressions[value];
    if (e->left < 0) {
        if (e->chunk != chunk)
            return -1000000;
        seen[e->rank]++;
        return 1;
    }
    return count_leaves(m, e->left, seen, chunk) + count_leaves(m, e->right, seen, chunk);
}

static void check_chunk(struct machine *m, int rank, int piece, int index)
{
    const struct place *p = &m->places[machine_locate(m, rank, piece, chunk_out(index))];
    const int n = m->g->nranks;
    int *sources = rb_malloc((size_t)n * sizeof *sources), *seen = rb_calloc((size_t)n, sizeof *seen), block = 0;
    const int want = m->c->sources(m->g, rank, index / m->cuts, sources, &block);
    const int got = p->value < 0 ? 0 : count_leaves(m, p->value, seen, block * m->cuts + index % m->cuts);
    bool once = got == want;
    for (int i = 0; i < want; i++)
        once = once && seen[sources[i]] == 1;
    if (!once)
        machine_fail(m, NULL, "rank %d chunk %d does not end with every contributor's own chunk exactly once", rank, index);
    else if (m->c->reduces && !m->proof->expressions[p->value].finished)
        machine_fail(m, NULL, "rank %d chunk %d is never finished", rank, index);
    free(seen);
    free(sources);
}

static void check_result(struct machine *m)
{
    int *end = rb_malloc((size_t)m->nlanes * sizeof *end);
    for (int r = 0; r < m->g->nranks && !m->failed; r++) {
        memset(end, 0, (size_t)m->nlanes * sizeof *end);
        for (int i = 0; i < m->nlanes; i++)
            if (m->lanes[i].rank == r)
                machine_join(m, end, m->lanes[i].clock);
        const int chunks = m->c->out_blocks(m->g, r) * m->cuts;
        for (int piece = 0; piece < m->o->pieces && !m->failed; piece++)
            for (int c = 0; c < chunks && !m->failed; c++) {
                check_chunk(m, r, piece, c);
                if (!machine_written_before(&m->places[machine_locate(m, r, piece, chunk_out(c))], end))
                    machine_fail(m, NULL, "rank %d returns while chunk %d may still be written", r, c);
            }
    }
    free(end);
}

static void start_lanes(struct machine *m)
{
    const int n = m->g->nranks;
    m->lane_base = rb_malloc((size_t)n * sizeof *m->lane_base);
    for (int r = 0; r < n; r++) {
        m->lane_base[r] = m->nlanes;
        m->nlanes += m->plans[r].nlanes;
    }
    m->lanes = rb_calloc((size_t)m->nlanes, sizeof *m->lanes);
    for (int r = 0; r < n; r++)
        for (int lane = 0; lane < m->plans[r].nlanes; lane++) {
            struct lane_state *l = &m->lanes[m->lane_base[r] + lane];
            const struct plan *p = &m->plans[r];
            *l = (struct lane_state){ .rank = r, .lane = lane };
            l->clock = rb_calloc((size_t)m->nlanes, sizeof *l->clock);
            l->steps = rb_malloc((size_t)(p->nsteps + 1) * sizeof *l->steps);
            for (int i = 0; i < p->nsteps; i++)
                if (p->steps[i].lane == lane)
                    l->steps[l->nsteps++] = i;
        }
}

static void start_memory(struct machine *m)
{
    const int n = m->g->nranks;
    int in = 0, out = 0;
    for (int r = 0; r < n; r++) {
        in = m->c->in_blocks(m->g, r) * m->cuts > in ? m->c->in_blocks(m->g, r) * m->cuts : in;
        out = m->c->out_blocks(m->g, r) * m->cuts > out ? m->c->out_blocks(m->g, r) * m->cuts : out;
    }
    m->in_chunks = in;
    m->chunks = in + out;
    m->proof->out_chunks = out;
    m->places = rb_malloc((size_t)n * (size_t)m->o->pieces * (size_t)m->chunks * sizeof *m->places);
    for (long i = 0; i < (long)n * m->o->pieces * m->chunks; i++)
        m->places[i] = (struct place){ .value = -1, .write_lane = -1 };
    for (int r = 0; r < n; r++)
        for (int c = 0; c < m->c->in_blocks(m->g, r) * m->cuts; c++) {
            const int leaf = machine_value(m, (struct expression){ .left = -1, .right = -1, .rank = r, .chunk = c });
            for (int piece = 0; piece < m->o->pieces; piece++)
                m->places[machine_locate(m, r, piece, chunk_in(c))].value = leaf;
        }
    m->fifos = rb_calloc((size_t)n * (size_t)n, sizeof *m->fifos);
    for (long i = 0; i < (long)n * n; i++)
        m->fifos[i].from_lane = m->fifos[i].to_lane = -1;
}

static void keep_results(struct machine *m)
{
    const int n = m->g->nranks, chunks = m->proof->out_chunks;
    m->proof->nranks = n;
    m->proof->out = rb_malloc((size_t)n * (size_t)chunks * sizeof *m->proof->out);
    for (int r = 0; r < n; r++)
        for (int c = 0; c < chunks; c++)
            m->proof->out[r * chunks + c] =
                c < m->c->out_blocks(m->g, r) * m->cuts ? m->places[machine_locate(m, r, 0, chunk_out(c))].value : -1;
}

static void release(struct machine *m)
{
    const int n = m->g->nranks;
    for (long i = 0; i < (long)n * n; i++) {
        for (struct message *msg = m->fifos[i].first, *next; msg != NULL; msg = next) {
            next = msg->next;
            free(msg->clock);
            free(msg);
        }
        for (struct grant *g = m->fifos[i].grants, *next; g != NULL; g = next) {
            next = g->next;
            free(g->clock);
            free(g);
        }
    }
    for (long i = 0; i < (long)n * m->o->pieces * m->chunks; i++)
        free(m->places[i].reads);
    for (int i = 0; i < m->nlanes; i++) {
        free(m->lanes[i].clock);
        free(m->lanes[i].steps);
    }
    free(m->places);
    free(m->fifos);
    free(m->lanes);
    free(m->lane_base);
}

void prove_plans(const struct algorithm *a, const struct group *g, const struct plan *plans, const struct proof_options *o,
                 struct proof *proof_p)
{
    *proof_p = (struct proof){0};
    struct machine m = { .a = a, .c = algorithm_means(a), .g = g, .plans = plans, .o = o, .proof = proof_p, .cuts = a->cuts(g) };
    start_lanes(&m);
    start_memory(&m);
    run(&m);
    if (!m.failed)
        check_result(&m);
    keep_results(&m);
    proof_p->holds = !m.failed;
    release(&m);
}

int prove(const struct algorithm *a, const struct group *g, const struct proof_options *o, struct proof *proof_p)
{
    struct plan *plans;
    RB_TRY(plans_build(&plans, a, g, o->direct));
    prove_plans(a, g, plans, o, proof_p);
    plans_free(plans, g->nranks);
    return RB_OK;
}

void proof_free(struct proof *proof)
{
    free(proof->expressions);
    free(proof->out);
    *proof = (struct proof){0};
}

static void print_value(const struct proof *proof, int value, struct text *t)
{
    const struct expression *e = &proof->expressions[value];
    if (e->left < 0) {
        text_add(t, "%d.%d", e->rank, e->chunk);
        return;
    }
    text_add(t, "(");
    print_value(proof, e->left, t);
    text_add(t, "+");
    print_value(proof, e->right, t);
    text_add(t, ")");
}

void proof_expression(const struct proof *proof, int rank, int chunk, struct text *t)
{
    const int value = proof->out[rank * proof->out_chunks + chunk];
    if (value >= 0)
        print_value(proof, value, t);
}
