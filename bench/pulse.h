/* bench/pulse.h - signs of life between hosts, apart from MPI, which never notices that a host was cut off.
 *
 * One rank of each host sends a datagram (UDP over IPv4, a port that the kernel chooses) to the first host twice a second, and
 * the first host to all others. It carries how much life the sender's ranks have shown, and whether it leaves. Where
 * datagrams do not get through nothing is concluded: a host that was never heard is not missed.
 *
 * Threads: opened by the rank's thread, then used by its watchdog's alone. Errors: none; without a socket it hears nobody. */
#ifndef RB_BENCH_PULSE_H
#define RB_BENCH_PULSE_H

#include "bench/hosts.h"
#include "core/job.h"

#include <stdbool.h>
#include <stdint.h>

struct pulse;

/* Collective. *p_p is NULL on one host, and for all ranks of a host but its first. */
int pulse_open(struct pulse **p_p, struct job *job, const struct hosts *hosts);
void pulse_close(struct pulse *p);

/* Every call hears what came; it sends when it is time to. beats: of this host's ranks; patient: one of them does what may take
 * long. NULL: nothing. */
void pulse_tick(struct pulse *p, uint64_t beats, bool patient);
/* All that the other hosts have shown, as far as it is known here: grows while anyone lives. */
uint64_t pulse_beats(const struct pulse *p);
bool pulse_is_patient(const struct pulse *p);
/* Tells the others that this host leaves, with this exit code (0: in good order). */
void pulse_leave(struct pulse *p, int code);
/* The exit code with which another host has left; 0: none has failed. */
int pulse_left(const struct pulse *p);
/* The host that has been silent for longest, if it was heard before and that is more than `sec` ago: its node, else -1. */
int pulse_silent(const struct pulse *p, double sec, double *silent_sec_p);
/* A host that is up, but whose first rank has gone without a farewell: its node, else -1. */
int pulse_gone(const struct pulse *p);
/* All of several other hosts are silent: then it is this one that was cut off. */
bool pulse_alone(const struct pulse *p, double sec);
/* Another host is the first, and is heard: it knows more than this one. */
bool pulse_follows(const struct pulse *p);

#endif
