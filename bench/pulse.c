#include "bench/pulse.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PERIOD_MS = 500, FAREWELLS = 3, REFUSALS = 3, MOST_AT_ONCE = 4096 };
static const double quiet_sec = 2; /* silent so long: the address that worked may be the wrong one by now */
static const double lost_sec = 5;  /* and so long: not a busy machine any more */

/* What travels. Hosts run the same program, on processors of one byte order or not at all (hosts.h). */
struct message {
    uint64_t job; /* strangers do not know it */
    uint64_t beats;
    int32_t node;
    int32_t left; /* 0: alive, else the exit code + 1 */
    int32_t patient;
    int32_t unused;
};

struct other {
    int node;
    uint32_t addresses[HOST_ADDRESSES];
    uint16_t port;      /* network byte order; 0: not reachable */
    uint32_t answers;   /* the address that a message came from; 0: none yet */
    uint64_t heard_ns;  /* 0: never */
    uint64_t beats;
    bool patient;
    int left;
    int refused; /* times that its kernel said that nobody is there any more */
};

struct pulse {
    int fd, node;
    uint64_t job, sent_ns;
    struct message mine;
    struct other *others; /* on the first host all others, elsewhere the first alone */
    int count;
};

struct offer {
    uint64_t job; /* the first host's counts */
    int32_t node;
    uint16_t port;
    uint16_t speaks; /* the rank that speaks for its host */
};

static int open_socket(uint16_t *port_p)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
    socklen_t length = sizeof any;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0 || getsockname(fd, (struct sockaddr *)&any, &length) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &(int){ 1 }, sizeof(int)); /* "port unreachable" is told: ip(7) */
    *port_p = any.sin_port;
    return fd;
}

static struct pulse *make(const struct job *job, int fd)
{
    struct pulse *p = rb_calloc(1, sizeof *p);
    p->fd = fd;
    p->node = job->node;
    p->others = rb_calloc((size_t)job->nnodes, sizeof *p->others);
    return p;
}

/* The star: its centre is the first host. */
static void find_others(struct pulse *p, const struct offer *all, const struct hosts *hosts)
{
    p->job = all[0].job; /* rank 0 is on the first host, and its first */
    p->mine = (struct message){ .job = p->job, .node = p->node };
    for (int r = 0; r < hosts->nranks; r++) {
        if (!all[r].speaks || all[r].node == p->node || (p->node != 0 && all[r].node != 0))
            continue;
        struct other *o = &p->others[p->count++];
        *o = (struct other){ .node = all[r].node, .port = all[r].port };
        memcpy(o->addresses, hosts->of[r].addresses, sizeof o->addresses);
    }
}

int pulse_open(struct pulse **p_p, struct job *job, const struct hosts *hosts)
{
    struct offer mine = { .node = job->node, .speaks = job->local_rank == 0 }, *all = rb_calloc((size_t)job->nranks, sizeof *all);
    *p_p = NULL;
    int fd = -1;
    if (mine.speaks && job->nnodes > 1)
        fd = open_socket(&mine.port);
    if (getrandom(&mine.job, sizeof mine.job, GRND_NONBLOCK) != (ssize_t)sizeof mine.job)
        mine.job = clock_ns() ^ (uint64_t)getpid() << 40;
    const int rc = job_allgather(job, &mine, all, sizeof mine);
    if (rc == RB_OK && fd >= 0) {
        *p_p = make(job, fd);
        find_others(*p_p, all, hosts);
    } else if (fd >= 0) {
        close(fd);
    }
    free(all);
    return rc;
}

void pulse_close(struct pulse *p)
{
    if (p == NULL)
        return;
    close(p->fd);
    free(p->others);
    free(p);
}

static void send_to(const struct pulse *p, const struct other *o, uint32_t address)
{
    const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = o->port, .sin_addr.s_addr = address };
    sendto(p->fd, &p->mine, sizeof p->mine, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof to); /* lost: the next will do */
}

static double silence(const struct other *o)
{
    return (double)(clock_ns() - o->heard_ns) * 1e-9;
}

/* Until it answers, and when it no longer does, by all ways. */
static void send_all(struct pulse *p)
{
    for (int i = 0; i < p->count; i++) {
        const struct other *o = &p->others[i];
        if (o->port == 0)
            continue;
        if (o->answers != 0 && silence(o) < quiet_sec)
            send_to(p, o, o->answers);
        else
            for (size_t k = 0; k < HOST_ADDRESSES && o->addresses[k] != 0; k++)
                send_to(p, o, o->addresses[k]);
    }
    p->sent_ns = clock_ns();
}

static void take(struct pulse *p, const struct message *m, uint32_t from)
{
    for (int i = 0; i < p->count; i++) {
        struct other *o = &p->others[i];
        if (o->node != m->node)
            continue;
        o->heard_ns = clock_ns();
        o->refused = 0;
        o->answers = from;
        o->beats = m->beats;
        o->patient = m->patient != 0;
        o->left = m->left;
    }
}

/* A message to this address came back: the host is up, but the process that was heard there has gone. */
static void take_refusal(struct pulse *p, const struct sockaddr_in *to)
{
    for (int i = 0; i < p->count; i++) {
        struct other *o = &p->others[i];
        if (o->heard_ns != 0 && o->port == to->sin_port && o->answers == to->sin_addr.s_addr)
            o->refused++;
    }
}

static void hear_refusals(struct pulse *p)
{
    char data[sizeof(struct message)], control[512];
    for (;;) {
        struct sockaddr_in to;
        struct iovec part = { data, sizeof data };
        struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                            .msg_controllen = sizeof control };
        if (recvmsg(p->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        struct sock_extended_err e = {0};
        if (c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
            memcpy(&e, CMSG_DATA(c), sizeof e);
        if (e.ee_errno == ECONNREFUSED && m.msg_namelen == sizeof to)
            take_refusal(p, &to);
    }
}

static void hear(struct pulse *p)
{
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        struct message m = {0};
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        const ssize_t n = recvfrom(p->fd, &m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break; /* other errors are those of sends, told once each */
        if (n == (ssize_t)sizeof m && m.job == p->job)
            take(p, &m, from.sin_addr.s_addr);
    }
    hear_refusals(p);
}

uint64_t pulse_beats(const struct pulse *p)
{
    uint64_t sum = 0;
    for (int i = 0; p != NULL && i < p->count; i++)
        sum += p->others[i].beats;
    return sum;
}

bool pulse_is_patient(const struct pulse *p)
{
    bool patient = false;
    for (int i = 0; p != NULL && i < p->count; i++)
        patient = patient || p->others[i].patient;
    return patient;
}

void pulse_tick(struct pulse *p, uint64_t beats, bool patient)
{
    if (p == NULL)
        return;
    hear(p);
    if ((double)(clock_ns() - p->sent_ns) * 1e-6 < PERIOD_MS)
        return;
    const bool centre = p->node == 0; /* tells the rest what all have shown */
    p->mine.beats = beats + (centre ? pulse_beats(p) : 0);
    p->mine.patient = patient || (centre && pulse_is_patient(p));
    send_all(p);
}

void pulse_leave(struct pulse *p, int code)
{
    for (int i = 0; p != NULL && i < FAREWELLS; i++) {
        p->mine.left = code + 1;
        send_all(p);
    }
}

int pulse_left(const struct pulse *p)
{
    for (int i = 0; p != NULL && i < p->count; i++)
        if (p->others[i].left > 1)
            return p->others[i].left - 1;
    return 0;
}

static bool is_silent(const struct other *o, double sec)
{
    return o->heard_ns != 0 && o->left == 0 && silence(o) >= sec;
}

int pulse_silent(const struct pulse *p, double sec, double *silent_sec_p)
{
    int node = -1;
    *silent_sec_p = 0;
    for (int i = 0; p != NULL && i < p->count; i++) {
        const struct other *o = &p->others[i];
        if (!is_silent(o, sec) || silence(o) < *silent_sec_p)
            continue;
        node = o->node;
        *silent_sec_p = silence(o);
    }
    return node;
}

bool pulse_alone(const struct pulse *p, double sec)
{
    int silent = 0;
    for (int i = 0; p != NULL && i < p->count; i++)
        silent += is_silent(&p->others[i], sec);
    return silent > 1 && silent == p->count;
}

int pulse_gone(const struct pulse *p)
{
    for (int i = 0; p != NULL && i < p->count; i++)
        if (p->others[i].left == 0 && p->others[i].refused >= REFUSALS)
            return p->others[i].node;
    return -1;
}

bool pulse_follows(const struct pulse *p)
{
    return p != NULL && p->node != 0 && p->count > 0 && p->others[0].heard_ns != 0 && silence(&p->others[0]) < lost_sec;
}
