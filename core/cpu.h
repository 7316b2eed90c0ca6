/* core/cpu.h - what C does not say about the processor. */
#ifndef RB_CORE_CPU_H
#define RB_CORE_CPU_H

/* Inside a loop that polls memory. */
static inline void cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

#endif
