/* Preloaded, it makes the clock on the wall jump each time that it is asked: years ahead, and to before 1970. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*system_clock)(clockid_t, struct timespec *);
    static atomic_int n_asked;
    if (!system_clock)
        system_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = system_clock(clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec += atomic_fetch_add(&n_asked, 1) % 2 ? 1000000000 : -3000000000;
    return result;
}
