#include "collectives/device/pins.h"

#include "core/error.h"
#include "core/text.h"

#include <pthread.h>
#include <stdlib.h>

struct pin {
    struct pin *next;
    void *host;
    int users;
};

static struct pin *pins;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while the driver pins: who comes second needs it done */

static struct pin **find(const void *host)
{
    struct pin **p = &pins;
    while (*p != NULL && (*p)->host != host)
        p = &(*p)->next;
    return p;
}

int pins_take(void *host, size_t bytes, int (*pin)(void *host, size_t bytes))
{
    pthread_mutex_lock(&lock);
    struct pin **p = find(host);
    const int rc = *p == NULL ? pin(host, bytes) : RB_OK;
    if (rc == RB_OK && *p == NULL) {
        *p = rb_calloc(1, sizeof **p);
        (*p)->host = host;
    }
    if (rc == RB_OK)
        (*p)->users++;
    pthread_mutex_unlock(&lock);
    return rc;
}

void pins_drop(void *host, void (*unpin)(void *host))
{
    pthread_mutex_lock(&lock);
    struct pin **p = find(host), *found = *p;
    if (found != NULL && --found->users == 0) {
        unpin(host);
        *p = found->next;
        free(found);
    }
    pthread_mutex_unlock(&lock);
}
