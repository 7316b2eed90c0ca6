/* collectives/transport/proxy.h - a thread that moves a transport's messages while its rank computes, or while a kernel on a GPU
 * plays the schedule and has no way to tell the card.
 *
 * It knows the transport only by its progress function, which from then on nobody else may call. Whoever plays the schedule and the
 * thread share the marks alone.
 *
 * Errors: the first one ends the thread, is kept, and raises the transport's abort flag. */
#ifndef RB_TRANSPORT_PROXY_H
#define RB_TRANSPORT_PROXY_H

#include "collectives/transport/transport.h"

#include <sched.h>

typedef int proxy_step(struct transport *t, bool *busy_p);

struct proxy;

/* cpus: where it may run; NULL, or where the system refuses: anywhere. */
int proxy_start(struct proxy **p_p, struct transport *t, proxy_step *step, const cpu_set_t *cpus);
int proxy_result(const struct proxy *p); /* RB_OK while all is well */
/* Waits for the end of the step at hand. NULL is legal. */
void proxy_stop(struct proxy *p);

/* The processors that the kernel names as near to a device (root/NAME/device/local_cpulist), without those of the caller as long as there
 * are others. False: not known, or all of them are the caller's. root: "/sys/class/infiniband". */
bool proxy_cpus(const char *root, const char *device, cpu_set_t *cpus);

#endif
