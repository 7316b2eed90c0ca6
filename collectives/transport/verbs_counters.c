#include "collectives/transport/verbs_counters.h"

#include "core/error.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The first pair that is there. A hardware port need not count what the card sends to itself; Soft-RoCE counts all. */
static const struct {
    const char *sent, *received;
    bool counts_loops;
} pairs[] = {
    { "hw_counters/sent_pkts", "hw_counters/rcvd_pkts", true },
    { "counters/port_xmit_packets", "counters/port_rcv_packets", false },
    { "hw_counters/tx_pkts", "hw_counters/rx_pkts", false },
};

/* What makes a card send again: times out, is told of a gap, is told to wait. */
static const char *const retries[] = { "hw_counters/completer_retry_err", "hw_counters/local_ack_timeout_err", "hw_counters/packet_seq_err",
                                       "hw_counters/rnr_nak_retry_err", "hw_counters/rcvd_rnr_err" };

struct place {
    const char *root, *device;
    unsigned port;
};

static bool read_counter(const struct place *p, const char *name, uint64_t *value_p)
{
    char *path = rb_format("%s/%s/ports/%u/%s", p->root, p->device, p->port, name);
    FILE *f = fopen(path, "re");
    free(path);
    const bool found = f != NULL && fscanf(f, "%" SCNu64, value_p) == 1;
    if (f != NULL)
        fclose(f);
    return found;
}

static void outwait_cache(const struct place *p)
{
    uint64_t ms = 10;
    read_counter(p, "hw_counters/lifespan", &ms);
    ms = (ms < 1000 ? ms : 1000) + 2;
    nanosleep(&(struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

void verbs_counters_read(const char *root, const char *device, unsigned port, struct transport_card *card)
{
    const struct place p = { root, device, port };
    uint64_t value;
    outwait_cache(&p);
    card->counted = false;
    card->retried = 0;
    for (size_t i = 0; i < RB_LEN(pairs) && !card->counted; i++) {
        card->counted = read_counter(&p, pairs[i].sent, &card->sent) && read_counter(&p, pairs[i].received, &card->received);
        card->counts_loops = pairs[i].counts_loops;
    }
    for (size_t i = 0; i < RB_LEN(retries); i++)
        if (read_counter(&p, retries[i], &value))
            card->retried += value;
}
