#include "bench/watchdog_words.h"

#include "core/units.h"

#include <stdio.h>
#include <string.h>

/* 'R', 'S', 'T', 'Z', ... of /proc/PID/stat; 0: no such process. */
static char process_state(int pid)
{
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    const size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : 0;
}

static bool is_gone(char state)
{
    return state == 0 || state == 'Z' || state == 'X';
}

static char state_of(const struct watchdog_view *v, int i)
{
    const int pid = atomic_load(&v->beats[i].pid);
    return i == v->self || pid == 0 ? 'R' : process_state(pid);
}

int watchdog_lost(const struct watchdog_view *v)
{
    for (int i = 0; i < v->count; i++)
        if (atomic_load(&v->beats[i].finished) == 0 && is_gone(state_of(v, i)) && atomic_load(&v->beats[i].finished) == 0)
            return i;
    return -1;
}

static int index_of(const struct watchdog_view *v, int rank)
{
    for (int i = 0; i < v->count; i++)
        if (v->ranks[i] == rank)
            return i;
    return -1;
}

static int find_stopped(const struct watchdog_view *v)
{
    for (int i = 0; i < v->count; i++) {
        const char state = state_of(v, i);
        if (state == 'T' || state == 't')
            return i;
    }
    return -1;
}

/* The rank for which rank index i waits, or -1. In the baseline nobody tells: what is written there is of the barrier before. */
static int waits_for(const struct watchdog_view *v, int i)
{
    return atomic_load(&v->beats[i].phase) != PHASE_BASELINE ? atomic_load(&v->beats[i].waits_for) : -1;
}

/* It waits for a rank of another machine, which cannot be seen from here. */
static bool waits_elsewhere(const struct watchdog_view *v, int i)
{
    const int rank = waits_for(v, i);
    return rank >= 0 && v->hosts != NULL && rank < v->hosts->nranks && index_of(v, rank) < 0;
}

/* The end of self -> waits for -> waits for ...; -1 when self waits for nobody, or in a circle. */
static int end_of_chain(const struct watchdog_view *v)
{
    int at = v->self;
    for (int hops = 0; hops <= v->count; hops++) {
        const int next = index_of(v, waits_for(v, at));
        if (waits_elsewhere(v, at))
            return at;
        if (next < 0 || next == at)
            return at == v->self ? -1 : at;
        at = next;
    }
    return -1;
}

/* Among equals it is the rank that speaks: nobody can say that one waits for the other. */
static int furthest_behind(const struct watchdog_view *v)
{
    int last = v->self;
    uint64_t fewest = atomic_load(&v->beats[v->self].calls);
    for (int i = 0; i < v->count; i++) {
        const uint64_t calls = atomic_load(&v->beats[i].calls);
        if (calls < fewest) {
            fewest = calls;
            last = i;
        }
    }
    return last;
}

int watchdog_culprit(const struct watchdog_view *v)
{
    int i = watchdog_lost(v);
    if (i < 0)
        i = find_stopped(v);
    if (i < 0)
        i = end_of_chain(v);
    return i >= 0 ? i : furthest_behind(v);
}

/* "timing all_reduce ring over shm, 64 KiB, step 3 of lane 0" */
static void add_work(const struct watchdog_view *v, int i, char *text, size_t room)
{
    const struct heartbeat *h = &v->beats[i];
    const int case_id = atomic_load(&h->case_id), phase = atomic_load(&h->phase), step = phase == PHASE_BASELINE ? -1 : atomic_load(&h->step);
    char what[160] = "", where[48] = "", other[HOST_NAME + 48] = "";
    if (case_id >= 0 && v->describe != NULL) {
        what[0] = ' ';
        v->describe(v->context, case_id, what + 1, sizeof what - 1);
    }
    if (step >= 0)
        snprintf(where, sizeof where, ", step %d of lane %d", step, (int)atomic_load(&h->lane));
    if (waits_elsewhere(v, i))
        snprintf(other, sizeof other, ", waiting for rank %d on host %s", waits_for(v, i), v->hosts->of[waits_for(v, i)].name);
    snprintf(text, room, "%s%s%s%s", heartbeat_phase_name(phase), what, where, other);
}

void watchdog_line(const struct watchdog_view *v, const char *why, char *line, size_t room)
{
    const int who = watchdog_culprit(v);
    const char state = state_of(v, who);
    const char *is = is_gone(state) ? "is gone" : state == 'T' || state == 't' ? "is stopped" : "";
    char mine[400], theirs[400], waits[520] = "", kept[300] = "";
    add_work(v, v->self, mine, sizeof mine);
    add_work(v, who, theirs, sizeof theirs);
    if (who != v->self)
        snprintf(waits, sizeof waits, "rank %d (pid %d) %s%s%.400s; rank %d waits for it, ", v->ranks[who], (int)atomic_load(&v->beats[who].pid), is,
                 is[0] != '\0' ? ", it was " : "is ", theirs, v->ranks[v->self]);
    else
        snprintf(waits, sizeof waits, "rank %d is ", v->ranks[v->self]);
    if (v->records != NULL)
        snprintf(kept, sizeof kept, "; what was measured is in %.200s, --resume goes on", v->records);
    snprintf(line, room, "%s%s%s%s%s", why != NULL ? why : "", why != NULL ? ": " : "", waits, mine, kept);
}
