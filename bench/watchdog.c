#include "bench/watchdog.h"

#include "bench/launcher.h"
#include "bench/pulse.h"
#include "bench/watchdog_words.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TICK_MS = 100, LINGER_TICKS = 4 };

/* Who knows less gives who knows more the time to speak first: rank 0's watchdog hears all hosts, a host's first rank hears
 * rank 0's, the others of a host see their own host. */
static const double grace_of_hosts_sec = 3, grace_of_ranks_sec = 1;
static const double silent_sec = 3; /* six signs of life missed: a host is named */
enum { GRACE_OF_LAUNCHER_SEC = 3 };

/* Memory that all ranks of the machine have mapped. */
struct page {
    uint64_t magic;
    _Atomic uint64_t elsewhere; /* life shown on other machines, as far as it was heard of */
    _Atomic int32_t reported; /* somebody has printed the line */
    _Atomic int32_t patient;  /* somebody elsewhere does what may take long */
    char pad[128 - 2 * 8 - 2 * 4];
    struct heartbeat ranks[];
};

/* Who is watched, and where. */
struct crew {
    struct page *page;
    int self, count;
    int *ranks;
};

struct watchdog {
    pthread_t thread;
    _Atomic(struct crew *) crew; /* replaced as a whole; the old one stays, the thread may be reading it */
    struct watchdog_view view;   /* the thread's: what the words are made of */
    _Atomic(watchdog_describe *) describe;
    _Atomic(const void *) context;
    _Atomic(const char *) records;
    _Atomic(const struct hosts *) hosts;
    _Atomic(struct pulse *) pulse; /* NULL: one host, or another rank of this host has it */
    _Atomic bool stop;
    struct watchdog_limits limits;
    uint64_t started_ns;
    sigset_t before;
};

static size_t page_bytes(int ranks)
{
    return sizeof(struct page) + (size_t)ranks * sizeof(struct heartbeat);
}

struct heartbeat *watchdog_heartbeat(struct watchdog *w)
{
    const struct crew *crew = atomic_load(&w->crew);
    return &crew->page->ranks[crew->self];
}

static void refresh(struct watchdog *w)
{
    const struct crew *crew = atomic_load(&w->crew);
    w->view = (struct watchdog_view){ .beats = crew->page->ranks, .count = crew->count, .ranks = crew->ranks, .self = crew->self,
                                      .describe = atomic_load(&w->describe), .context = atomic_load(&w->context),
                                      .records = atomic_load(&w->records), .hosts = atomic_load(&w->hosts) };
}

/* Only one rank prints; with a page of one's own everybody is the one. */
static bool claim(struct watchdog *w)
{
    return atomic_exchange(&atomic_load(&w->crew)->page->reported, 1) == 0;
}

/* ", host b (ranks 4-7) has shown no sign of life for 60.3 s: ..." when there is such a host. */
static bool add_silent(const struct watchdog *w, char *why, size_t room)
{
    double silent = 0;
    const int node = pulse_silent(atomic_load(&w->pulse), silent_sec, &silent);
    if (node < 0)
        return false;
    char ranks[HOST_RANKS_TEXT];
    const size_t n = strlen(why);
    if (pulse_alone(atomic_load(&w->pulse), silent_sec)) {
        snprintf(why + n, room - n, ", no other host has shown a sign of life for %.1f s: this host is cut off", silent);
        return true;
    }
    snprintf(why + n, room - n, ", host %s (%s) has shown no sign of life for %.1f s: cut off, down or stopped",
             w->view.hosts->of[hosts_first_rank(w->view.hosts, node)].name, hosts_ranks(w->view.hosts, node, ranks), silent);
    return true;
}

/* why: NULL when a lost rank is reason enough. */
static _Noreturn void leave(struct watchdog *w, const char *why, int code)
{
    char reason[256] = "", line[1280];
    refresh(w);
    if (why != NULL)
        snprintf(reason, sizeof reason, "%s", why);
    const bool cut_off = why != NULL && add_silent(w, reason, sizeof reason);
    if (claim(w)) {
        watchdog_line(&w->view, why != NULL ? reason : NULL, line, sizeof line);
        rb_fail(RB_ETIMEOUT, "%s", line);
    }
    pulse_leave(atomic_load(&w->pulse), code);
    if (cut_off)
        launcher_outlive(GRACE_OF_LAUNCHER_SEC);
    _exit(code);
}

/* Somebody else has said why. */
static _Noreturn void follow(struct watchdog *w, int code)
{
    claim(w);
    atomic_store(&watchdog_heartbeat(w)->finished, -code);
    pulse_leave(atomic_load(&w->pulse), code);
    _exit(code);
}

static uint64_t all_beats(const struct watchdog_view *v)
{
    uint64_t sum = 0;
    for (int i = 0; i < v->count; i++)
        sum += atomic_load_explicit(&v->beats[i].beats, memory_order_relaxed);
    return sum;
}

/* The rank of the report has others wait for as long as gnuplot needs. */
static bool is_patient(const struct watchdog_view *v)
{
    for (int i = 0; i < v->count; i++)
        if (atomic_load(&v->beats[i].phase) == PHASE_REPORT)
            return true;
    return false;
}

/* What the other hosts tell goes to all ranks of this one. */
static void listen_elsewhere(struct watchdog *w)
{
    struct pulse *pulse = atomic_load(&w->pulse);
    if (pulse == NULL)
        return;
    struct page *page = atomic_load(&w->crew)->page;
    pulse_tick(pulse, all_beats(&w->view), is_patient(&w->view));
    atomic_store(&page->elsewhere, pulse_beats(pulse));
    atomic_store(&page->patient, pulse_is_patient(pulse));
}

/* The exit code of a peer, here or elsewhere, that failed; 0: none. */
static int failure(const struct watchdog *w)
{
    for (int i = 0; i < w->view.count; i++) {
        const int finished = atomic_load(&w->view.beats[i].finished);
        if (finished < 0 && i != w->view.self)
            return -finished;
    }
    return pulse_left(atomic_load(&w->pulse));
}

/* A peer that failed has said why: give this rank a moment to come to the same end, then follow. */
static void follow_failure(struct watchdog *w, int *ticks)
{
    const int code = failure(w);
    if (code > 0 && ++*ticks > LINGER_TICKS)
        follow(w, code);
}

/* How much longer than the limit this rank waits before it speaks. */
static double grace(const struct watchdog *w)
{
    const struct hosts *hosts = w->view.hosts;
    const struct pulse *pulse = atomic_load(&w->pulse);
    if (hosts == NULL || hosts_first_rank(hosts, 1) < 0)
        return 0;
    if (pulse == NULL)
        return grace_of_hosts_sec + grace_of_ranks_sec;
    return pulse_follows(pulse) ? grace_of_hosts_sec : 0;
}

/* MPI would wait for ever, and a launcher may. */
static void check_hosts(struct watchdog *w)
{
    const int node = pulse_gone(atomic_load(&w->pulse));
    if (node < 0)
        return;
    char why[256], ranks[HOST_RANKS_TEXT];
    const struct hosts *hosts = atomic_load(&w->hosts);
    snprintf(why, sizeof why, "host %s (%s) answers, but ringbench has gone there", hosts->of[hosts_first_rank(hosts, node)].name,
             hosts_ranks(hosts, node, ranks));
    leave(w, why, -RB_ETIMEOUT);
}

static void check_limits(struct watchdog *w, uint64_t *beats, uint64_t *since_ns)
{
    const uint64_t now = clock_ns();
    const struct page *page = atomic_load(&w->crew)->page;
    const uint64_t sum = all_beats(&w->view) + atomic_load(&page->elsewhere);
    char why[96];
    if (sum != *beats || is_patient(&w->view) || atomic_load(&page->patient) != 0) {
        *beats = sum;
        *since_ns = now;
    }
    const double still = (double)(now - *since_ns) * 1e-9, whole = (double)(now - w->started_ns) * 1e-9;
    if (w->limits.stall_sec > 0 && still > w->limits.stall_sec + grace(w)) {
        snprintf(why, sizeof why, "no progress for %.3g s (-T)", w->limits.stall_sec);
        leave(w, why, -RB_ETIMEOUT);
    }
    if (w->limits.run_sec > 0 && whole > w->limits.run_sec) {
        snprintf(why, sizeof why, "%.3g s are over (--time-limit)", w->limits.run_sec);
        leave(w, why, -RB_ETIMEOUT);
    }
}

/* The launcher ends all ranks when one dies: then the dead one is the reason, not the signal. */
static _Noreturn void obey_signal(struct watchdog *w, int signal)
{
    const struct timespec tick = { .tv_nsec = 50 * 1000 * 1000 };
    for (int i = 0; i < 8 && !atomic_load(&w->stop); i++) {
        refresh(w);
        listen_elsewhere(w);
        if (watchdog_lost(&w->view) >= 0)
            leave(w, NULL, -RB_ETIMEOUT);
        if (failure(w) > 0)
            follow(w, failure(w));
        nanosleep(&tick, NULL);
    }
    char why[64];
    snprintf(why, sizeof why, "ended by signal %d", signal);
    leave(w, why, 128 + signal);
}

static sigset_t deadly(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

static void *watch(void *context)
{
    struct watchdog *w = context;
    const sigset_t signals = deadly();
    const struct timespec tick = { .tv_nsec = TICK_MS * 1000 * 1000 };
    uint64_t beats = 0, since_ns = clock_ns();
    int failures = 0;
    while (!atomic_load(&w->stop)) {
        const int signal = sigtimedwait(&signals, NULL, &tick);
        if (atomic_load(&w->stop))
            break;
        if (signal > 0)
            obey_signal(w, signal);
        refresh(w);
        listen_elsewhere(w);
        if (watchdog_lost(&w->view) >= 0)
            leave(w, NULL, -RB_ETIMEOUT);
        follow_failure(w, &failures);
        check_hosts(w);
        check_limits(w, &beats, &since_ns);
    }
    return NULL;
}

static struct page *map_page(int fd, int ranks)
{
    void *p = mmap(NULL, page_bytes(ranks), PROT_READ | PROT_WRITE, fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static struct crew *make_crew(struct page *page, int self, int count)
{
    struct crew *crew = rb_calloc(1, sizeof *crew);
    *crew = (struct crew){ .page = page, .self = self, .count = count, .ranks = rb_calloc((size_t)count, sizeof *crew->ranks) };
    return crew;
}

int watchdog_start(struct watchdog **w_p, const struct watchdog_limits *limits)
{
    struct page *page = map_page(-1, 1);
    if (page == NULL)
        return rb_fail(RB_EINTERNAL, "no memory for the heartbeat: %s", strerror(errno));
    heartbeat_init(&page->ranks[0]);
    struct watchdog *w = rb_calloc(1, sizeof *w);
    w->limits = *limits;
    w->started_ns = clock_ns();
    atomic_store(&w->crew, make_crew(page, 0, 1));
    const sigset_t signals = deadly();
    pthread_sigmask(SIG_BLOCK, &signals, &w->before); /* before MPI makes threads: they inherit it */
    const int rc = pthread_create(&w->thread, NULL, watch, w);
    if (rc != 0)
        return rb_fail(RB_EINTERNAL, "the watchdog cannot start: %s", strerror(rc));
    *w_p = w;
    return RB_OK;
}

struct offer {
    int64_t pid;
    uint64_t magic;
    int32_t fd, node;
};

static struct page *make_page(struct offer *offer, int ranks)
{
    offer->fd = memfd_create("ringbench-heartbeats", MFD_CLOEXEC);
    if (offer->fd < 0 || ftruncate(offer->fd, (off_t)page_bytes(ranks)) != 0)
        return NULL;
    struct page *page = map_page(offer->fd, ranks);
    if (page != NULL) {
        offer->magic = clock_ns() ^ (uint64_t)getpid() << 40;
        page->magic = offer->magic;
    }
    return page;
}

static struct page *join_page(const struct offer *offer, int ranks)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/fd/%d", (long long)offer->pid, offer->fd);
    const int fd = offer->fd < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct page *page = map_page(fd, ranks);
    close(fd);
    if (page != NULL && page->magic != offer->magic) { /* another process by that number: not our pid namespace */
        munmap(page, page_bytes(ranks));
        return NULL;
    }
    return page;
}

/* The ranks of this machine, in order; the page of the first one. */
static struct page *find_crew(const struct offer *all, const struct job *job, struct page *page, int *ranks)
{
    int found = 0;
    for (int r = 0; r < job->nranks; r++) {
        if (all[r].node != job->node)
            continue;
        if (found == 0 && job->local_rank != 0)
            page = join_page(&all[r], job->nlocal);
        ranks[found++] = r;
    }
    return page;
}

static int share_page(struct watchdog *w, struct job *job)
{
    struct crew *const old = atomic_load(&w->crew), *const crew = make_crew(NULL, job->local_rank, job->nlocal);
    struct offer mine = { .pid = getpid(), .fd = -1, .node = job->node }, *all = rb_calloc((size_t)job->nranks, sizeof *all);
    crew->page = job->local_rank == 0 ? make_page(&mine, job->nlocal) : NULL;
    int rc = job_allgather(job, &mine, all, sizeof mine);
    if (rc == RB_OK)
        crew->page = find_crew(all, job, crew->page, crew->ranks);
    free(all);
    if (crew->page != NULL)
        crew->page->ranks[job->local_rank] = old->page->ranks[0];
    double joined = crew->page != NULL;
    if (rc == RB_OK)
        rc = job_reduce(job, &joined, 1, JOB_MIN); /* also says that all have moved in */
    if (rc == RB_OK && joined > 0)
        atomic_store(&w->crew, crew);
    else
        old->ranks[0] = job->rank;
    if (mine.fd >= 0)
        close(mine.fd);
    return rc;
}

int watchdog_share(struct watchdog *w, struct job *job, const struct hosts *hosts)
{
    struct pulse *pulse;
    RB_TRY(share_page(w, job));
    RB_TRY(pulse_open(&pulse, job, hosts));
    atomic_store(&w->hosts, hosts);
    atomic_store(&w->pulse, pulse);
    return RB_OK;
}

void watchdog_cases(struct watchdog *w, watchdog_describe *describe, const void *context)
{
    atomic_store(&w->context, context);
    atomic_store(&w->describe, describe);
}

void watchdog_records(struct watchdog *w, const char *path)
{
    atomic_store(&w->records, path);
}

void watchdog_stop(struct watchdog *w, int result)
{
    if (w == NULL)
        return;
    atomic_store(&watchdog_heartbeat(w)->finished, result < 0 ? result : 1);
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    struct pulse *pulse = atomic_load(&w->pulse);
    pulse_leave(pulse, result < 0 ? -result : 0);
    pulse_close(pulse);
    pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    free(w); /* the page stays mapped: peers may still look, and the process ends */
}
