#include "collectives/transport/proxy.h"

#include "core/cpu.h"
#include "core/error.h"
#include "core/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BEFORE_YIELD = 16, LIST_TEXT = 1024 };

struct proxy {
    pthread_t thread;
    struct transport *transport;
    proxy_step *step;
    _Atomic bool stop;
    _Atomic int result;
};

static void *serve(void *argument)
{
    struct proxy *p = argument;
    for (uint32_t steps = 0; !atomic_load_explicit(&p->stop, memory_order_acquire); steps++) {
        bool busy;
        const int rc = p->step(p->transport, &busy);
        if (rc != RB_OK) {
            atomic_store(&p->result, rc);
            atomic_store(p->transport->abort, 1);
            break;
        }
        if (steps % STEPS_BEFORE_YIELD == 0)
            sched_yield();
        else
            cpu_pause();
    }
    return NULL;
}

int proxy_start(struct proxy **p_p, struct transport *t, proxy_step *step, const cpu_set_t *cpus)
{
    struct proxy *p = rb_calloc(1, sizeof *p);
    p->transport = t;
    p->step = step;
    const int rc = pthread_create(&p->thread, NULL, serve, p);
    if (rc != 0) {
        free(p);
        return rb_fail(RB_EINTERNAL, "rank %d: no thread for the network: %s", t->job->rank, strerror(rc));
    }
    if (cpus != NULL)
        pthread_setaffinity_np(p->thread, sizeof *cpus, cpus); /* a wish */
    *p_p = p;
    return RB_OK;
}

int proxy_result(const struct proxy *p)
{
    return atomic_load_explicit(&p->result, memory_order_acquire);
}

void proxy_stop(struct proxy *p)
{
    if (p == NULL)
        return;
    atomic_store_explicit(&p->stop, true, memory_order_release);
    pthread_join(p->thread, NULL);
    free(p);
}

/* "0-3,8,10-11" */
static void parse_list(const char *list, cpu_set_t *cpus)
{
    CPU_ZERO(cpus);
    while (*list >= '0' && *list <= '9') {
        char *end;
        const unsigned long first = strtoul(list, &end, 10);
        const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        for (unsigned long i = first; i <= last && i < CPU_SETSIZE; i++)
            CPU_SET(i, cpus);
        list = *end == ',' ? end + 1 : end;
    }
}

bool proxy_cpus(const char *root, const char *device, cpu_set_t *cpus)
{
    char *path = rb_format("%s/%s/device/local_cpulist", root, device), list[LIST_TEXT] = "";
    FILE *f = fopen(path, "re");
    free(path);
    const bool known = f != NULL && fgets(list, sizeof list, f) != NULL;
    if (f != NULL)
        fclose(f);
    cpu_set_t own, shared;
    parse_list(list, cpus);
    if (!known || CPU_COUNT(cpus) == 0)
        return false;
    if (sched_getaffinity(0, sizeof own, &own) != 0)
        return true;
    CPU_AND(&shared, cpus, &own);
    if (CPU_EQUAL(&shared, cpus)) /* not bound, or bound to all of them: the kernel chooses */
        return true;
    CPU_XOR(cpus, cpus, &shared);
    return true;
}
