/* tests/verbs_guest.h - tests that want a verbs device, or the guest of tests/vm/boot.sh, are skipped with the reason elsewhere. */
#ifndef RB_TESTS_VERBS_GUEST_H
#define RB_TESTS_VERBS_GUEST_H

#include "collectives/transport/verbs_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static inline void need_device(void)
{
    const char *why;
    if (verbs_port_any(&why))
        return;
    print_message("%s\n", why);
    skip();
}

static inline bool in_guest(void)
{
    return access("/run/vm/command", F_OK) == 0;
}

/* Where devices may be deleted and modules missed. */
static inline void need_guest(void)
{
    need_device();
    if (in_guest())
        return;
    print_message("this is not the guest of tests/vm/boot.sh\n");
    skip();
}

#endif
