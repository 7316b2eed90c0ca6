/* collectives/device/pins.h - host memory that several threads of a process pin and unpin: the driver takes an address once.
 *
 * Knows no driver: what pins and unpins is given. Threads: any. */
#ifndef RB_COLLECTIVES_PINS_H
#define RB_COLLECTIVES_PINS_H

#include <stddef.h>

/* pin is called by the first to come with this address; its result, RB_OK or RB_E*, is returned. */
int pins_take(void *host, size_t bytes, int (*pin)(void *host, size_t bytes));
/* unpin is called by the last to go. */
void pins_drop(void *host, void (*unpin)(void *host));

#endif
