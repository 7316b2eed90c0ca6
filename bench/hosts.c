#include "bench/hosts.h"

#include "bench/interfaces.h"
#include "bench/version.h"
#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double clock_tolerance_sec = 1; /* far above what the barrier is off */

/* FNV-1a over the running program's file: two builds of one version are told apart. */
static uint64_t hash_program(void)
{
    FILE *f = fopen("/proc/self/exe", "rbe");
    if (f == NULL)
        return 0;
    uint64_t h = 14695981039346656037u;
    unsigned char block[1 << 14];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        for (size_t i = 0; i < n; i++)
            h = (h ^ block[i]) * 1099511628211u;
    fclose(f);
    return h;
}

static double time_of_day(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct host_facts about_here(const struct job *job)
{
    struct host_facts f = { .version = RINGBENCH_VERSION, .binary = hash_program(), .node = job->node };
    if (gethostname(f.name, sizeof f.name - 1) != 0)
        snprintf(f.name, sizeof f.name, "unknown");
    interfaces_addresses(f.addresses, HOST_ADDRESSES);
    return f;
}

int hosts_gather(struct hosts *h, struct job *job)
{
    const struct host_facts mine = about_here(job);
    h->nranks = job->nranks;
    h->of = rb_calloc((size_t)job->nranks, sizeof *h->of);
    return job_allgather(job, &mine, h->of, sizeof mine);
}

int hosts_gather_conditions(struct hosts *h, struct job *job, const char *machine)
{
    struct host_condition mine = {0};
    h->conditions = rb_calloc((size_t)job->nranks, sizeof *h->conditions);
    snprintf(mine.machine, sizeof mine.machine, "%s", machine);
    RB_TRY(job_barrier(job));
    mine.clock_sec = time_of_day();
    return job_allgather(job, &mine, h->conditions, sizeof mine);
}

void hosts_free(struct hosts *h)
{
    free(h->of);
    free(h->conditions);
    *h = (struct hosts){0};
}

int hosts_first_rank(const struct hosts *h, int node)
{
    for (int r = 0; r < h->nranks; r++)
        if (h->of[r].node == node)
            return r;
    return -1;
}

static int last_rank(const struct hosts *h, int node)
{
    int r = h->nranks - 1;
    while (r > 0 && h->of[r].node != node)
        r--;
    return r;
}

static int count_ranks(const struct hosts *h, int node)
{
    int n = 0;
    for (int r = 0; r < h->nranks; r++)
        n += h->of[r].node == node;
    return n;
}

const char *hosts_ranks(const struct hosts *h, int node, char text[HOST_RANKS_TEXT])
{
    const int first = hosts_first_rank(h, node), last = last_rank(h, node), count = count_ranks(h, node);
    if (count <= 1 || count == last - first + 1) {
        snprintf(text, HOST_RANKS_TEXT, count <= 1 ? "rank %d" : "ranks %d-%d", first, last);
        return text;
    }
    int n = snprintf(text, HOST_RANKS_TEXT, "ranks %d", first);
    for (int r = first + 1; r <= last && n < HOST_RANKS_TEXT - 16; r++)
        if (h->of[r].node == node)
            n += snprintf(text + n, HOST_RANKS_TEXT - (size_t)n, ",%d", r);
    if (n >= HOST_RANKS_TEXT - 16)
        snprintf(text + n, HOST_RANKS_TEXT - (size_t)n, ",...");
    return text;
}

typedef bool differs_function(const struct hosts *h, int rank);

/* A host's first rank that differs from rank 0; -1: none. */
static int find_other(const struct hosts *h, int node, differs_function *differs)
{
    for (int r = 0; r < h->nranks; r++)
        if (h->of[r].node == node && differs(h, r))
            return r;
    return -1;
}

static int count_nodes(const struct hosts *h)
{
    int last = -1;
    for (int r = 0; r < h->nranks; r++)
        last = h->of[r].node > last ? h->of[r].node : last;
    return last + 1;
}

int hosts_even(const struct hosts *h)
{
    const int nodes = count_nodes(h);
    for (int node = 0; node < nodes; node++)
        if (count_ranks(h, node) * nodes != h->nranks)
            return 0;
    return nodes;
}

static bool other_program(const struct hosts *h, int rank)
{
    const struct host_facts *a = &h->of[0], *b = &h->of[rank];
    return strcmp(a->version, b->version) != 0 || (a->binary != 0 && b->binary != 0 && a->binary != b->binary);
}

static int refuse(const struct hosts *h, int rank)
{
    const struct host_facts *first = &h->of[0], *other = &h->of[rank];
    char ranks[HOST_RANKS_TEXT];
    hosts_ranks(h, other->node, ranks);
    if (strcmp(first->version, other->version) != 0)
        return rb_fail(RB_EUSAGE, "host %s (%s) runs ringbench %s, host %s (rank 0) runs %s: install the same on all hosts", other->name, ranks,
                       other->version, first->name, first->version);
    return rb_fail(RB_EUSAGE, "host %s (%s) runs another build of ringbench %s than host %s (rank 0; file hash %016llx, not %016llx): copy one "
                              "program to all hosts", other->name, ranks, other->version, first->name, (unsigned long long)other->binary,
                   (unsigned long long)first->binary);
}

int hosts_same_program(const struct hosts *h)
{
    int rc = RB_OK;
    for (int node = 0; node < count_nodes(h); node++) {
        const int rank = find_other(h, node, other_program);
        if (rank >= 0)
            rc = refuse(h, rank);
    }
    return rc;
}

static bool other_machine(const struct hosts *h, int rank)
{
    return strcmp(h->conditions[0].machine, h->conditions[rank].machine) != 0;
}

/* Seconds that a rank's clock is ahead of rank 0's. */
static double ahead(const struct hosts *h, int rank)
{
    return h->conditions[rank].clock_sec - h->conditions[0].clock_sec;
}

static bool other_clock(const struct hosts *h, int rank)
{
    return fabs(ahead(h, rank)) > clock_tolerance_sec;
}

int hosts_same_conditions(const struct hosts *h)
{
    int lines = 0;
    char ranks[HOST_RANKS_TEXT];
    for (int node = 0; node < count_nodes(h); node++) {
        const int machine = find_other(h, node, other_machine), clock = find_other(h, node, other_clock);
        hosts_ranks(h, node, ranks);
        if (machine >= 0)
            rb_warn("host %s (%s) has %s, host %s (rank 0) has %s: the slower one sets the speed", h->of[machine].name, ranks,
                    h->conditions[machine].machine, h->of[0].name, h->conditions[0].machine);
        if (clock >= 0)
            rb_warn("host %s (%s): its clock is %.3g s %s that of host %s (rank 0): dates in logs do not agree; measured times do not suffer",
                    h->of[clock].name, ranks, fabs(ahead(h, clock)), ahead(h, clock) > 0 ? "ahead of" : "behind", h->of[0].name);
        lines += (machine >= 0) + (clock >= 0);
    }
    return lines;
}
