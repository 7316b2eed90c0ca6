/* Open MPI point to point: works over whatever network MPI works over. FIFOs are private to each side; progress() sends
 * filled slots and keeps a receive posted for every free one. Messages of a pair match in the order they were posted. For
 * kernels of a GPU the FIFOs are pinned.
 *
 * Ranks that are threads share a communicator of their processes; the tag tells the threads of a pair of processes apart. */
#include "collectives/transport/gpu_driver.h"
#include "collectives/transport/marks.h"
#include "collectives/transport/transport.h"

#include "core/error.h"
#include "core/job_mpi.h"
#include "core/text.h"

#include <mpi.h>
#include <stdlib.h>

struct wire {
    struct connection end;
    bool sends;
    int process, tag;      /* as MPI knows the peer */
    uint64_t begun, ended; /* MPI operations started, completed */
    MPI_Request *requests; /* [nslots] */
    void *memory;
    struct wire *next;
};

/* Where a rank is, and what its process's first thread has opened for all. */
struct seat {
    int process, thread;
    MPI_Comm comm;
};

struct mpi {
    struct transport head;
    MPI_Comm comm;
    struct seat *seats; /* [nranks] */
    int threads;        /* most of a process */
    struct wire **send, **recv; /* [nranks], NULL until used */
    struct wire *used;
    const struct gpu_api *gpu; /* pins the FIFOs; NULL: they are the host's alone */
    _Atomic uint32_t abort;
};

static bool usable(const struct job *job, const char **why_p)
{
    int initialised = 0, level = MPI_THREAD_SINGLE;
    MPI_Initialized(&initialised);
    *why_p = "MPI is not initialised";
    if (initialised == 0)
        return false;
    MPI_Query_thread(&level);
    *why_p = "this MPI takes calls of one thread, and ranks are threads (-g, -t)";
    return job->nthreads == 1 || level == MPI_THREAD_MULTIPLE;
}

/* Over a network a message above Open MPI's eager limit (64 KiB for TCP, its header included) costs a hand-shake, and both of its
 * messages queue behind the data of others. So: slots just below, and enough of them to fill the way there. Measured over TCP at
 * 500 Mbit/s between three ranks, of 0.0598 GB/s: 0.041 with 8 slots of 128 KiB, 0.052 with 8 of 1 MiB, 0.058 with 32 of 60 KiB. */
enum { NETWORK_SLOTS = 32, NETWORK_SLOT = 60 << 10, NETWORK_BYTES = 64 << 20 };

static void size_slots(struct transport *t, const struct transport_config *config)
{
    const struct job *job = t->job;
    const bool network = job->nnodes > 1;
    t->slots = config->slots > 0 ? config->slots : network ? NETWORK_SLOTS : 8;
    t->slot_bytes = transport_slot_bytes(config, job->nranks, t->slots);
    if (!network || config->slot_bytes > 0)
        return;
    const size_t bytes = NETWORK_BYTES / (size_t)(job->nranks - 1) / (size_t)t->slots / 128 * 128;
    t->slot_bytes = bytes < t->slot_bytes ? t->slot_bytes : bytes < NETWORK_SLOT ? bytes : NETWORK_SLOT;
}

static int take_seats(struct mpi *m)
{
    struct job *job = m->head.job;
    struct seat mine = { .process = job->processes != NULL ? job->processes->rank : job->rank, .thread = job->thread, .comm = MPI_COMM_NULL };
    int rc = RB_OK;
    if (job->thread == 0)
        rc = job_mpi_check(MPI_Comm_dup(job_mpi_comm(job), &mine.comm), "MPI_Comm_dup");
    m->seats = rb_calloc((size_t)job->nranks, sizeof *m->seats);
    RB_TRY(job_agree(job, rc));
    RB_TRY(job_allgather(job, &mine, m->seats, sizeof mine));
    for (int r = 0; r < job->nranks; r++)
        m->threads = m->seats[r].thread >= m->threads ? m->seats[r].thread + 1 : m->threads;
    m->comm = m->seats[job->rank - job->thread].comm;
    MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN);
    return RB_OK;
}

static int open_mpi(struct transport **t_p, struct job *job, const struct transport_config *config)
{
    extern const struct transport_ops transport_mpi;
    struct mpi *m = rb_calloc(1, sizeof *m);
    m->head = (struct transport){ .ops = &transport_mpi, .job = job, .abort = &m->abort };
    size_slots(&m->head, config);
    m->gpu = config->gpu != NULL ? config->gpu->api : NULL;
    const int rc = take_seats(m);
    if (rc != RB_OK) {
        free(m->seats);
        free(m);
        return rc;
    }
    m->send = rb_calloc((size_t)job->nranks, sizeof(struct wire *));
    m->recv = rb_calloc((size_t)job->nranks, sizeof(struct wire *));
    *t_p = &m->head;
    return RB_OK;
}

static void close_wire(struct wire *w, const struct gpu_api *gpu)
{
    for (; w->ended < w->begun; w->ended++) { /* receives posted for messages that never come */
        MPI_Request *r = &w->requests[w->ended % w->end.nslots];
        MPI_Cancel(r);
        MPI_Wait(r, MPI_STATUS_IGNORE);
    }
    if (gpu != NULL)
        gpu->unpin(w->memory);
    free(w->requests);
    free(w->memory);
    free(w);
}

static void close_mpi(struct transport *t)
{
    struct mpi *m = (struct mpi *)t;
    for (struct wire *w = m->used, *next; w != NULL; w = next) {
        next = w->next;
        close_wire(w, m->gpu);
    }
    if (m->head.job->nthreads > 1)
        job_barrier(m->head.job); /* nobody uses the communicator any more */
    if (m->head.job->thread == 0)
        MPI_Comm_free(&m->comm);
    free(m->seats);
    free(m->send);
    free(m->recv);
    free(m);
}

/* What kernels of a GPU use in place. */
static int pin(const struct mpi *m, void *memory, size_t bytes)
{
    void *device;
    RB_TRY(m->gpu->pin(memory, bytes, &device));
    if (device == memory)
        return RB_OK;
    m->gpu->unpin(memory);
    return rb_fail(RB_ECUDA, "rank %d: the GPU sees host memory at other addresses; take --transport shm+mpi", m->head.job->rank);
}

static struct wire *make_wire(struct mpi *m, int peer, bool sends)
{
    const size_t slots = (size_t)m->head.slots, marks = (slots + 1) * sizeof(struct mark);
    const size_t bytes = (marks + slots * m->head.slot_bytes + 4095) / 4096 * 4096;
    struct wire *w = rb_calloc(1, sizeof *w);
    w->memory = aligned_alloc(4096, bytes);
    if (w->memory == NULL)
        abort();
    if (m->gpu != NULL && pin(m, w->memory, bytes) != RB_OK) {
        free(w->memory);
        free(w);
        return NULL;
    }
    struct mark *tail = w->memory;
    for (size_t i = 0; i <= slots; i++)
        tail[i].sequence = 0;
    w->end = (struct connection){ .tail = tail, .head = tail + slots, .slots = (char *)w->memory + marks, .nslots = (uint32_t)slots,
                                  .slot_bytes = m->head.slot_bytes, .peer = peer };
    w->requests = rb_calloc(slots, sizeof *w->requests);
    const int here = m->seats[m->head.job->rank].thread, there = m->seats[peer].thread;
    w->process = m->seats[peer].process;
    w->tag = sends ? here * m->threads + there : there * m->threads + here;
    w->sends = sends;
    w->next = m->used;
    m->used = w;
    return w;
}

static struct connection *connection(struct transport *t, int peer, bool sends)
{
    struct mpi *m = (struct mpi *)t;
    struct wire **at = sends ? &m->send[peer] : &m->recv[peer];
    if (*at == NULL)
        *at = make_wire(m, peer, sends);
    return *at != NULL ? &(*at)->end : NULL;
}

static int begin(struct mpi *m, struct wire *w)
{
    struct connection *c = &w->end;
    const uint64_t consumed = w->sends ? 0 : mark_load(c->head);
    int rc = MPI_SUCCESS;
    for (; (w->sends ? mark_filled(c, w->begun) : w->begun < consumed + c->nslots) && rc == MPI_SUCCESS; w->begun++) {
        const size_t i = w->begun % c->nslots;
        char *slot = c->slots + i * c->slot_bytes;
        rc = w->sends ? MPI_Isend(slot, (int)c->tail[i].argument, MPI_BYTE, w->process, w->tag, m->comm, &w->requests[i])
                      : MPI_Irecv(slot, (int)c->slot_bytes, MPI_BYTE, w->process, w->tag, m->comm, &w->requests[i]);
    }
    return rc == MPI_SUCCESS ? RB_OK : rb_fail(RB_EINTERNAL, "MPI cannot %s rank %d (error %d)", w->sends ? "send to" : "receive from", c->peer, rc);
}

static int end(struct wire *w)
{
    struct connection *c = &w->end;
    while (w->ended < w->begun) {
        const size_t i = w->ended % c->nslots;
        int done = 0;
        if (MPI_Test(&w->requests[i], &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return rb_fail(RB_EINTERNAL, "the message %s rank %d failed", w->sends ? "to" : "from", c->peer);
        if (!done)
            break;
        w->ended++;
        if (w->sends)
            mark_store(c->head, w->ended);
        else
            mark_store(&c->tail[i], w->ended);
    }
    return RB_OK;
}

static int progress(struct transport *t, bool *busy_p)
{
    struct mpi *m = (struct mpi *)t;
    *busy_p = false;
    for (struct wire *w = m->used; w != NULL; w = w->next) {
        RB_TRY(begin(m, w));
        RB_TRY(end(w));
        *busy_p = *busy_p || (w->sends && w->ended < w->begun);
    }
    return RB_OK;
}

const struct transport_ops transport_mpi = {
    .name = "mpi", .summary = "Open MPI point to point, over any network it knows", .moves = true, .usable = usable,
    .open = open_mpi, .close = close_mpi, .connection = connection, .progress = progress, .allocate = transport_allocate_private,
    .release = transport_release_private,
};
