#include "collectives/transport/verbs.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#include <string.h>
#include <unistd.h>

/* A flap that is shorter than the patience is the retries' business. */
static const uint64_t look_ns = 250000000, silence_ns = 1000000000, patience_ns = 3000000000;

enum { NAMED_PEERS = 4 };

enum port_health { PORT_UP, PORT_DOWN, PORT_GONE };

/* A device that is being removed may work until it is let go of: its file goes first. */
static enum port_health health(const struct verbs *v)
{
    if (access(v->port.context->device->dev_path, F_OK) != 0)
        return PORT_GONE;
    struct ibv_port_attr attr = { 0 };
    if (v->port.api->query_port(v->port.context, v->port.port, (struct _compat_ibv_port_attr *)&attr) != 0)
        return PORT_GONE;
    return attr.state == IBV_PORT_ACTIVE ? PORT_UP : PORT_DOWN;
}

static int link_fault(const struct verbs *v, enum port_health h)
{
    struct text peers = {0};
    int n = 0;
    for (int r = 0; r < v->head.job->nranks; r++)
        if (v->peers[r].used && ++n <= NAMED_PEERS)
            text_add(&peers, "%srank %d on %s", n > 1 ? ", " : "", r, v->addresses[r].host);
    if (n > NAMED_PEERS)
        text_add(&peers, " and %d more", n - NAMED_PEERS);
    const int rc = rb_fail(RB_ETIMEOUT, "rank %d: %s on %s %s: no way to %s any more; look at the cable and at rdma link (or ibstat), bring it "
                           "up and run again", v->head.job->rank, v->port.name, v->addresses[v->head.job->rank].host,
                           h == PORT_GONE ? "is gone" : "went down", n > 0 ? peers.chars : "any rank");
    text_free(&peers);
    return rc;
}

static int peer_of(const struct verbs *v, const struct ibv_qp *qp)
{
    for (int r = 0; r < v->head.job->nranks; r++)
        for (int q = 0; q < v->nqps; q++)
            if (v->peers[r].qp[q] == qp)
                return r;
    return -1;
}

static int qp_fault(const struct verbs *v, const struct ibv_async_event *e)
{
    const int peer = peer_of(v, e->element.qp);
    if (peer < 0)
        return RB_OK;
    return rb_fail(RB_EINTERNAL, "rank %d: %s on %s refused what rank %d (%s on %s) sent: %s: do both run the same ringbench?", v->head.job->rank,
                   v->port.name, v->addresses[v->head.job->rank].host, peer, v->addresses[peer].port, v->addresses[peer].host,
                   v->port.api->event_type_str(e->event_type));
}

/* The descriptor does not block: without an event it says so. */
static int look_at_events(struct verbs *v)
{
    struct ibv_async_event e;
    int rc = RB_OK;
    while (rc == RB_OK && v->port.api->get_async_event(v->port.context, &e) == 0) {
        switch (e.event_type) {
        case IBV_EVENT_DEVICE_FATAL: rc = link_fault(v, PORT_GONE); break;
        case IBV_EVENT_QP_FATAL:
        case IBV_EVENT_QP_REQ_ERR:
        case IBV_EVENT_QP_ACCESS_ERR: rc = qp_fault(v, &e); break;
        default: break; /* a port's state is asked for */
        }
        v->port.api->ack_async_event(&e);
    }
    return rc;
}

static const char *advice(enum ibv_wc_status status, int *code_p)
{
    *code_p = RB_EINTERNAL;
    switch (status) {
    case IBV_WC_RETRY_EXC_ERR:
    case IBV_WC_RESP_TIMEOUT_ERR:
        *code_p = RB_ETIMEOUT;
        return "it does not answer: it died, or the link between the two is down; look at its last lines, then at rdma link (or ibstat) on both hosts";
    case IBV_WC_REM_ACCESS_ERR:
        return "its card refuses the address or the key (rkey): do both run the same ringbench? If so run again with --transport mpi to see who is wrong";
    case IBV_WC_RNR_RETRY_EXC_ERR:
        *code_p = RB_ETIMEOUT;
        return "it takes no messages: do both run the same ringbench?";
    case IBV_WC_WR_FLUSH_ERR:
        *code_p = RB_ETIMEOUT;
        return "the queue pair was shut down under it: look at its last lines, then at the kernel's log (dmesg) on both hosts";
    case IBV_WC_LOC_PROT_ERR:
        return "the card may not read its own rank's memory: run again; if it stays, with --transport mpi";
    default:
        return "look at the kernel's log (dmesg) on both hosts, and run again with --transport mpi to see whether the card is at fault";
    }
}

/* Work that is flushed says nothing itself; an event may. */
int verbs_fault(struct verbs *v, const struct ibv_wc *wc)
{
    if (wc->status == IBV_WC_WR_FLUSH_ERR)
        RB_TRY(look_at_events(v));
    const struct verbs_request r = verbs_unpack(wc->wr_id);
    const enum port_health h = health(v); /* a dead link has many faces */
    if (h != PORT_UP)
        return link_fault(v, h);
    int code;
    const char *what_to_do = advice(wc->status, &code);
    return rb_fail(code, "rank %d: %s on %s to rank %d (%s on %s): %s (vendor code 0x%x): %s", v->head.job->rank, v->port.name,
                   v->addresses[v->head.job->rank].host, r.peer, v->addresses[r.peer].port, v->addresses[r.peer].host,
                   v->port.api->wc_status_str(wc->status), wc->vendor_err, what_to_do);
}

static int look_at_port(struct verbs *v, uint64_t now)
{
    const enum port_health h = health(v);
    if (h == PORT_GONE)
        return link_fault(v, h);
    if (h == PORT_UP)
        v->down_ns = 0;
    else if (v->down_ns == 0)
        v->down_ns = now;
    return v->down_ns != 0 && now - v->down_ns > patience_ns ? link_fault(v, h) : RB_OK;
}

/* A dead peer is no error while nothing is on its way to it. */
static int probe_silent(struct verbs *v)
{
    for (int r = 0; r < v->head.job->nranks; r++)
        if (v->peers[r].used && v->peers[r].queued[0] == 0)
            RB_TRY(verbs_post_probe(v, r));
    return RB_OK;
}

int verbs_watch(struct verbs *v, bool silent)
{
    const uint64_t now = clock_ns(), since = now - v->looked_ns;
    if (since < (silent ? look_ns : silence_ns))
        return RB_OK;
    if (!silent || since > 2 * silence_ns) /* silence begins now, also when nobody waited here for long */
        v->heard_ns = now;
    v->looked_ns = now;
    RB_TRY(look_at_events(v));
    RB_TRY(look_at_port(v, now));
    if (!silent || now - v->heard_ns < silence_ns)
        return RB_OK;
    v->heard_ns = now;
    return probe_silent(v);
}
