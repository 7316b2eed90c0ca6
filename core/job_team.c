#include "core/job_team.h"

#include "core/error.h"
#include "core/text.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a process brings along. */
struct member {
    int threads, node;
};

/* The parts of a team, by colour; every process takes part in the splitting of the processes, its threads in some of the parts. */
struct parts {
    int count;
    struct job **processes;  /* [count] with a thread of this colour here, else the job of those that have none */
    struct job_team **teams; /* [count] NULL: no thread of this colour here */
};

struct job_team {
    struct job *processes;   /* of the thread that speaks */
    struct member *members;  /* [processes->nranks] */
    int most;                /* threads of a member */
    int nranks;
    _Atomic uint32_t arrived, generation;
    const void **given;      /* [threads here] what each thread shows */
    const void *gathered;    /* where the first thread has put all ranks' */
    int result;              /* of the first thread's call */
    void *made;              /* by the first thread, for all */
};

struct job_thread {
    struct job head;
    struct job_team *team;
    struct job *node;    /* open_node(): the processes of this machine */
    struct parts *parts; /* split(): shared by the threads */
    struct job *whole;
};

static struct job_thread *thread_of(struct job *job)
{
    return (struct job_thread *)job;
}

static bool speaks(const struct job *job)
{
    return job->thread == 0;
}

/* The threads of this process, and nobody else. */
static void meet(struct job_team *t, int threads)
{
    const uint32_t generation = atomic_load(&t->generation);
    if (atomic_fetch_add(&t->arrived, 1) + 1 == (uint32_t)threads) {
        atomic_store(&t->arrived, 0);
        atomic_store(&t->generation, generation + 1);
        return;
    }
    while (atomic_load(&t->generation) == generation)
        sched_yield();
}

static int barrier(struct job *job)
{
    struct job_team *t = thread_of(job)->team;
    meet(t, job->nthreads);
    if (speaks(job))
        t->result = job_barrier(t->processes);
    meet(t, job->nthreads);
    return t->result; /* stays until all have come to the next call */
}

/* Blocks of all processes have room for as many threads as any has. */
static int gather_processes(struct job_team *t, int threads, char *all, size_t bytes)
{
    const size_t n = (size_t)t->processes->nranks, room = (size_t)t->most * bytes;
    char *block = rb_calloc(1, room + 1), *blocks = rb_malloc(n * room + 1);
    for (int i = 0; i < threads; i++)
        memcpy(block + (size_t)i * bytes, t->given[i], bytes);
    const int rc = job_allgather(t->processes, block, blocks, room);
    for (size_t p = 0; rc == RB_OK && p < n; p++) {
        const size_t own = (size_t)t->members[p].threads * bytes;
        memcpy(all, blocks + p * room, own);
        all += own;
    }
    free(block);
    free(blocks);
    return rc;
}

static int allgather(struct job *job, const void *mine, void *all, size_t bytes)
{
    struct job_team *t = thread_of(job)->team;
    t->given[job->thread] = mine;
    meet(t, job->nthreads);
    if (speaks(job)) {
        t->result = gather_processes(t, job->nthreads, all, bytes);
        t->gathered = all;
    }
    meet(t, job->nthreads);
    const int rc = t->result;
    if (rc == RB_OK && !speaks(job))
        memcpy(all, t->gathered, (size_t)job->nranks * bytes);
    meet(t, job->nthreads); /* the first thread may free it now */
    return rc;
}

static void close_thread(struct job *job)
{
    free(job);
}

static void close_node(struct job *job)
{
    struct job_thread *j = thread_of(job);
    meet(thread_of(j->whole)->team, job->nthreads); /* nobody looks at the team any more */
    if (speaks(job)) {
        job_team_close(j->team);
        job_close(j->node);
    }
    free(job);
}

static int make_node(struct job_team *t, int threads)
{
    struct job *processes;
    RB_TRY(job_open_node(&processes, t->processes));
    struct job_team *made;
    const int rc = job_team_open(&made, processes, threads);
    if (rc != RB_OK)
        job_close(processes);
    else
        t->made = made;
    return rc;
}

static int split(struct job **part_p, struct job *job, int colour);

static int open_node(struct job **node_p, struct job *job)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_node };
    struct job_team *t = thread_of(job)->team;
    meet(t, job->nthreads);
    if (speaks(job))
        t->result = make_node(t, job->nthreads);
    meet(t, job->nthreads);
    RB_TRY(t->result);
    struct job_team *node = t->made;
    RB_TRY(job_open_thread(node_p, node, job->thread));
    (*node_p)->ops = &ops;
    thread_of(*node_p)->node = node->processes;
    thread_of(*node_p)->whole = job;
    return RB_OK;
}

static void close_part(struct job *job)
{
    struct job_thread *j = thread_of(job);
    struct parts *p = j->parts;
    job_barrier(j->whole); /* nobody looks at the parts any more */
    for (int i = 0; speaks(j->whole) && i < p->count; i++) {
        job_team_close(p->teams[i]);
        job_close(p->processes[i]);
    }
    if (speaks(j->whole)) {
        free(p->processes);
        free(p->teams);
        free(p);
    }
    free(job);
}

static int threads_of_colour(const struct job *job, const int *colours, int colour)
{
    int n = 0;
    for (int i = 0; i < job->nthreads; i++)
        n += colours[job->rank - job->thread + i] == colour;
    return n;
}

static int which_colour(const int *colours, int rank)
{
    int first = 0;
    while (colours[first] != colours[rank])
        first++;
    return first;
}

/* By the first thread of every process, colour by colour in the same order. */
static int make_parts(struct job *job, const int *colours, struct parts *p)
{
    struct job *processes = thread_of(job)->team->processes;
    for (int r = 0; r < job->nranks; r++) {
        if (which_colour(colours, r) != r)
            continue;
        const int here = threads_of_colour(job, colours, colours[r]);
        RB_TRY(job_split(&p->processes[p->count], processes, here > 0));
        p->count++;
        if (here > 0)
            RB_TRY(job_team_open(&p->teams[p->count - 1], p->processes[p->count - 1], here));
    }
    return RB_OK;
}

/* The number of this rank's part, and of its thread among those of the part. */
static int part_number(const struct job *job, const int *colours, int *thread_p)
{
    int part = 0;
    for (int r = 0; r < which_colour(colours, job->rank); r++)
        part += which_colour(colours, r) == r;
    *thread_p = 0;
    for (int r = job->rank - job->thread; r < job->rank; r++)
        *thread_p += colours[r] == colours[job->rank];
    return part;
}

static int open_part(struct job **part_p, struct job *job, const int *colours)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_part };
    struct job_team *t = thread_of(job)->team;
    if (speaks(job)) {
        struct parts *made = rb_calloc(1, sizeof *made);
        made->processes = rb_calloc((size_t)job->nranks, sizeof(struct job *));
        made->teams = rb_calloc((size_t)job->nranks, sizeof(struct job_team *));
        t->result = make_parts(job, colours, made);
        t->made = made;
    }
    meet(t, job->nthreads);
    RB_TRY(t->result);
    struct parts *parts = t->made;
    int thread;
    struct job_team *team = parts->teams[part_number(job, colours, &thread)];
    RB_TRY(job_open_thread(part_p, team, thread));
    struct job_thread *part = thread_of(*part_p);
    part->head.ops = &ops;
    part->parts = parts;
    part->whole = job;
    return RB_OK;
}

static int split(struct job **part_p, struct job *job, int colour)
{
    int *colours = rb_calloc((size_t)job->nranks, sizeof *colours);
    int rc = allgather(job, &colour, colours, sizeof colour);
    if (rc == RB_OK)
        rc = open_part(part_p, job, colours);
    free(colours);
    return rc;
}

int job_team_open(struct job_team **team_p, struct job *processes, int threads)
{
    const struct member mine = { threads, processes->node };
    struct job_team *t = rb_calloc(1, sizeof *t);
    t->processes = processes;
    t->members = rb_calloc((size_t)processes->nranks, sizeof *t->members);
    t->given = rb_calloc((size_t)threads, sizeof *t->given);
    const int rc = job_allgather(processes, &mine, t->members, sizeof mine);
    if (rc != RB_OK) {
        job_team_close(t);
        return rc;
    }
    for (int p = 0; p < processes->nranks; p++) {
        t->nranks += t->members[p].threads;
        t->most = t->members[p].threads > t->most ? t->members[p].threads : t->most;
    }
    *team_p = t;
    return RB_OK;
}

int job_open_thread(struct job **job_p, struct job_team *team, int thread)
{
    static const struct job_ops ops = { .barrier = barrier, .allgather = allgather, .open_node = open_node, .split = split, .close = close_thread };
    const struct job *processes = team->processes;
    struct job_thread *j = rb_calloc(1, sizeof *j);
    struct job *job = &j->head;
    *job = (struct job){ .ops = &ops, .rank = thread, .nranks = team->nranks, .node = processes->node, .nnodes = processes->nnodes,
                         .local_rank = thread, .thread = thread, .nthreads = team->members[processes->rank].threads, .processes = processes };
    for (int p = 0; p < processes->nranks; p++) {
        const struct member *m = &team->members[p];
        const int here = m->node == job->node ? m->threads : 0;
        job->rank += p < processes->rank ? m->threads : 0;
        job->local_rank += p < processes->rank ? here : 0;
        job->nlocal += here;
    }
    j->team = team;
    *job_p = job;
    return RB_OK;
}

void job_team_close(struct job_team *team)
{
    if (team == NULL)
        return;
    free(team->members);
    free(team->given);
    free(team);
}
