#include "collectives/cost_flow.h"

#include "core/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A flow's place on a link: neighbours in the link's list, as flow * FLOW_LINKS + place; -1: none. */
struct place {
    int link;
    int64_t before, behind;
};

struct flow {
    double left, rate, since; /* bytes left at time `since` */
    double cap, bytes;
    int64_t tag;
    double due; /* key of the heap */
    int heap_at;
    int nplaces, room;
    int mark; /* of the last sharing that looked at it; fixed when its rate is known there */
    bool fixed, timer;
    struct place *places;
};

struct link {
    double rate, carried, peak;
    int64_t first;
    int mark, nopen;
    double left;
    bool dirty;
};

struct flows {
    double now;
    struct link *links;
    struct flow *flows;
    int nflows, room; /* slots ever used; the free ones are in `idle` */
    int *idle, nidle;
    int *heap, nheap;
    int64_t *ended; /* tags to give back at this time */
    size_t nended, ended_at, ended_room;
    int *dirty, ndirty;
    int mark, nlinks;
    int *near_links, *near_flows, nnear_links, nnear_flows; /* of one sharing */
};

struct flows *flows_new(int nlinks, const double *rates)
{
    struct flows *f = rb_calloc(1, sizeof *f);
    f->nlinks = nlinks;
    f->links = rb_calloc((size_t)nlinks + 1, sizeof *f->links);
    f->dirty = rb_calloc((size_t)nlinks + 1, sizeof *f->dirty);
    f->near_links = rb_calloc((size_t)nlinks + 1, sizeof *f->near_links);
    for (int i = 0; i < nlinks; i++)
        f->links[i] = (struct link){ .rate = rates[i], .first = -1 };
    return f;
}

void flows_free(struct flows *f)
{
    for (int i = 0; i < f->nflows; i++)
        free(f->flows[i].places);
    free(f->links);
    free(f->flows);
    free(f->idle);
    free(f->heap);
    free(f->ended);
    free(f->dirty);
    free(f->near_links);
    free(f->near_flows);
    free(f);
}

double flows_now(const struct flows *f)
{
    return f->now;
}

/* --- the heap of ends --- */

static void heap_put(struct flows *f, int at, int flow)
{
    f->heap[at] = flow;
    f->flows[flow].heap_at = at;
}

static void heap_up(struct flows *f, int at)
{
    const int flow = f->heap[at];
    const double due = f->flows[flow].due;
    while (at > 0 && f->flows[f->heap[(at - 1) / 2]].due > due) {
        heap_put(f, at, f->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(f, at, flow);
}

static void heap_down(struct flows *f, int at)
{
    const int flow = f->heap[at];
    const double due = f->flows[flow].due;
    for (int child; (child = 2 * at + 1) < f->nheap; at = child) {
        if (child + 1 < f->nheap && f->flows[f->heap[child + 1]].due < f->flows[f->heap[child]].due)
            child++;
        if (f->flows[f->heap[child]].due >= due)
            break;
        heap_put(f, at, f->heap[child]);
    }
    heap_put(f, at, flow);
}

static void heap_set(struct flows *f, int flow, double due)
{
    f->flows[flow].due = due;
    if (f->flows[flow].heap_at < 0) {
        heap_put(f, f->nheap, flow);
        f->nheap++;
    }
    heap_up(f, f->flows[flow].heap_at);
    heap_down(f, f->flows[flow].heap_at);
}

static void heap_pop(struct flows *f)
{
    f->flows[f->heap[0]].heap_at = -1;
    if (--f->nheap > 0) {
        heap_put(f, 0, f->heap[f->nheap]);
        heap_down(f, 0);
    }
}

/* --- flows on links --- */

static int new_flow(struct flows *f)
{
    if (f->nidle > 0)
        return f->idle[--f->nidle];
    if (f->nflows == f->room) {
        f->room = 2 * f->room + 64;
        const size_t n = (size_t)f->room;
        f->flows = rb_realloc(f->flows, n * sizeof *f->flows);
        f->heap = rb_realloc(f->heap, n * sizeof *f->heap);
        f->idle = rb_realloc(f->idle, n * sizeof *f->idle);
        f->near_flows = rb_realloc(f->near_flows, n * sizeof *f->near_flows);
    }
    f->flows[f->nflows] = (struct flow){ .heap_at = -1 };
    return f->nflows++;
}

static struct place *place_at(const struct flows *f, int64_t where)
{
    return &f->flows[where / FLOW_LINKS].places[where % FLOW_LINKS];
}

static void make_dirty(struct flows *f, int link)
{
    if (f->links[link].dirty)
        return;
    f->links[link].dirty = true;
    f->dirty[f->ndirty++] = link;
}

static void lay(struct flows *f, int flow, const struct flow_path *path)
{
    struct flow *w = &f->flows[flow];
    if (path->n > w->room) {
        w->room = path->n;
        w->places = rb_realloc(w->places, (size_t)w->room * sizeof *w->places);
    }
    w->nplaces = path->n;
    for (int i = 0; i < path->n; i++) {
        struct link *l = &f->links[path->links[i]];
        const int64_t where = (int64_t)flow * FLOW_LINKS + i;
        w->places[i] = (struct place){ path->links[i], -1, l->first };
        if (l->first >= 0)
            place_at(f, l->first)->before = where;
        l->first = where;
        make_dirty(f, path->links[i]);
    }
}

static void lift(struct flows *f, int flow)
{
    struct flow *w = &f->flows[flow];
    for (int i = 0; i < w->nplaces; i++) {
        const struct place *p = &w->places[i];
        if (p->before >= 0)
            place_at(f, p->before)->behind = p->behind;
        else
            f->links[p->link].first = p->behind;
        if (p->behind >= 0)
            place_at(f, p->behind)->before = p->before;
        f->links[p->link].carried += w->bytes;
        make_dirty(f, p->link);
    }
}

void flows_timer(struct flows *f, double seconds, int64_t tag)
{
    const int flow = new_flow(f);
    struct flow *w = &f->flows[flow];
    w->timer = true;
    w->nplaces = 0;
    w->tag = tag;
    heap_set(f, flow, f->now + seconds);
}

void flows_start(struct flows *f, const struct flow_path *path, double bytes, int64_t tag)
{
    if (path->n == 0) {
        flows_timer(f, path->cap > 0 ? bytes / path->cap : 0, tag);
        return;
    }
    const int flow = new_flow(f);
    struct flow *w = &f->flows[flow];
    w->timer = false;
    w->left = w->bytes = bytes;
    w->rate = 0;
    w->since = f->now;
    w->cap = path->cap > 0 ? path->cap : INFINITY;
    w->tag = tag;
    lay(f, flow, path);
}

/* --- sharing --- */

static void visit_link(struct flows *f, int link)
{
    struct link *l = &f->links[link];
    if (l->mark == f->mark)
        return;
    l->mark = f->mark;
    l->left = l->rate;
    l->nopen = 0;
    f->near_links[f->nnear_links++] = link;
}

/* All flows and links that a change on this link can reach. */
static void reach(struct flows *f, int link)
{
    f->nnear_links = f->nnear_flows = 0;
    visit_link(f, link);
    for (int i = 0; i < f->nnear_links; i++)
        for (int64_t at = f->links[f->near_links[i]].first; at >= 0; at = place_at(f, at)->behind) {
            struct flow *w = &f->flows[at / FLOW_LINKS];
            f->links[f->near_links[i]].nopen++;
            if (w->mark == f->mark)
                continue;
            w->mark = f->mark;
            w->fixed = false;
            f->near_flows[f->nnear_flows++] = (int)(at / FLOW_LINKS);
            for (int k = 0; k < w->nplaces; k++)
                visit_link(f, w->places[k].link);
        }
}

static void set_rate(struct flows *f, int flow, double rate)
{
    struct flow *w = &f->flows[flow];
    w->fixed = true;
    for (int k = 0; k < w->nplaces; k++) {
        f->links[w->places[k].link].left -= rate;
        f->links[w->places[k].link].nopen--;
    }
    if (rate == w->rate)
        return;
    w->left = fmax(0, w->left - w->rate * (f->now - w->since));
    w->since = f->now;
    w->rate = rate;
    heap_set(f, flow, f->now + w->left / rate);
}

static double share_of(const struct link *l)
{
    return l->nopen > 0 ? fmax(0, l->left) / l->nopen : INFINITY;
}

static double least_share(const struct flows *f)
{
    double least = INFINITY;
    for (int i = 0; i < f->nnear_links; i++)
        least = fmin(least, share_of(&f->links[f->near_links[i]]));
    for (int i = 0; i < f->nnear_flows; i++)
        if (!f->flows[f->near_flows[i]].fixed)
            least = fmin(least, f->flows[f->near_flows[i]].cap);
    return least;
}

/* Fixes the flows that cannot get more than `share`: their cap or one of their links says so. */
static int fix_at(struct flows *f, double share)
{
    const double about = share * (1 + 1e-12);
    int nfixed = 0;
    for (int i = 0; i < f->nnear_links; i++)
        f->links[f->near_links[i]].dirty = share_of(&f->links[f->near_links[i]]) <= about;
    for (int i = 0; i < f->nnear_flows; i++) {
        struct flow *w = &f->flows[f->near_flows[i]];
        bool full = w->cap <= about;
        for (int k = 0; k < w->nplaces && !full; k++)
            full = f->links[w->places[k].link].dirty;
        if (!w->fixed && full) {
            set_rate(f, f->near_flows[i], share);
            nfixed++;
        }
    }
    return nfixed;
}

static void share(struct flows *f, int link)
{
    reach(f, link);
    for (int open = f->nnear_flows; open > 0;)
        open -= fix_at(f, least_share(f));
    for (int i = 0; i < f->nnear_links; i++) {
        struct link *l = &f->links[f->near_links[i]];
        l->dirty = false;
        l->peak = fmax(l->peak, 1 - l->left / l->rate);
    }
}

static void share_dirty(struct flows *f)
{
    f->mark++;
    for (int i = 0; i < f->ndirty; i++)
        if (f->links[f->dirty[i]].mark != f->mark)
            share(f, f->dirty[i]);
    f->ndirty = 0;
}

/* --- time --- */

static void end_flow(struct flows *f, int flow)
{
    if (f->nended == f->ended_room) {
        f->ended_room = 2 * f->ended_room + 64;
        f->ended = rb_realloc(f->ended, f->ended_room * sizeof *f->ended);
    }
    f->ended[f->nended++] = f->flows[flow].tag;
    lift(f, flow);
    f->idle[f->nidle++] = flow;
}

/* Everything that ends within a rounding of the next end, ends with it. */
static void advance(struct flows *f)
{
    f->nended = f->ended_at = 0;
    share_dirty(f);
    if (f->nheap == 0)
        return;
    f->now = f->flows[f->heap[0]].due;
    const double until = f->now * (1 + 1e-13);
    while (f->nheap > 0 && f->flows[f->heap[0]].due <= until) {
        const int flow = f->heap[0];
        heap_pop(f);
        end_flow(f, flow);
    }
}

bool flows_next(struct flows *f, int64_t *tag_p)
{
    if (f->ended_at == f->nended)
        advance(f);
    if (f->ended_at == f->nended)
        return false;
    *tag_p = f->ended[f->ended_at++];
    return true;
}

double flows_link_bytes(const struct flows *f, int link)
{
    return f->links[link].carried;
}

double flows_link_peak(const struct flows *f, int link)
{
    return f->links[link].peak;
}
