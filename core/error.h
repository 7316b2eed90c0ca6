/* core/error.h - error codes and the one line that explains a failure.
 *
 * A function that can fail returns RB_OK or a negative enum rb_error. Whoever first knows what went wrong prints
 * it with rb_fail(); everyone above only passes the code on (RB_TRY). The process exit code is the negated error:
 * the numbers are those of nccl-tests.
 *
 * Threads: any; a line is written with one write. */
#ifndef RB_CORE_ERROR_H
#define RB_CORE_ERROR_H

#include <stdbool.h>

enum rb_error {
    RB_OK = 0,
    RB_EINTERNAL = -1,
    RB_ECUDA = -2,
    RB_ENCCL = -3,
    RB_ETIMEOUT = -4,
    RB_ENOTIMPL = -5,
    RB_EUSAGE = -6, /* options, input files, names */
    RB_EDATA = -7,  /* wrong data measured, or below the asked minimum */
};

/* Prints "ringbench: <message>" on stderr and returns code. */
int rb_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "ringbench: warning: <message>" on stderr. */
void rb_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "ringbench: <message>" on stderr: progress and notes, silenced by rb_quiet(true). */
void rb_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ranks other than 0 note and warn nothing; failures are always printed. For the calling thread, as rb_mute. */
void rb_quiet(bool quiet);

/* Says nothing at all while it is on: for what all ranks find alike and one of them reports. */
void rb_mute(bool mute);

/* Exit code of a result: 0, or the error without its sign. */
int rb_exit_code(int result);

#define RB_TRY(call)                 \
    do {                             \
        const int rb_try_ = (call);  \
        if (rb_try_ != RB_OK)        \
            return rb_try_;          \
    } while (0)

#define RB_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
