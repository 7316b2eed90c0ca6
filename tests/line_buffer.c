/* tests/line_buffer.c - linked into every test program: what a test has printed is in its log even if it is killed, and a
 * forked child has nothing of its parent's left to print. */
#include <stdio.h>

__attribute__((constructor)) static void line_buffer(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
}
