/* SPDX-License-Identifier: MPL-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/tag.h"

static int64_t
s_read (clockid_t clock)
{
    struct timespec time;
    int rc = clock_gettime (clock, &time);
    zloom_assert (rc == 0);
    return (int64_t) time.tv_sec * ZLOOM_NS_PER_S + (int64_t) time.tv_nsec;
}

zloom_now_t
zloom_clock_now (void)
{
    return (zloom_now_t){.mono_ns = s_read (CLOCK_MONOTONIC), .wall_ns = s_read (CLOCK_REALTIME)};
}

int64_t
zloom_clock_mono_ns (void)
{
    return s_read (CLOCK_MONOTONIC);
}

int64_t
zloom_clock_tick_ns (void)
{
    return s_read (CLOCK_MONOTONIC_COARSE);
}

const char *
zloom_wall_text (int64_t wall_ns, char text[32])
{
    int64_t seconds = wall_ns / ZLOOM_NS_PER_S;
    int64_t rest_ns = wall_ns % ZLOOM_NS_PER_S;
    if (rest_ns < 0) { /* before 1970: the fraction still counts upwards */
        rest_ns += ZLOOM_NS_PER_S;
        seconds -= 1;
    }
    time_t when = (time_t) seconds;
    struct tm parts;
    /* An int64 of nanoseconds spans the years 1677 to 2262: always four digits. */
    struct tm *known = gmtime_r (&when, &parts);
    zloom_assert (known);
    size_t size = strftime (text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf (text + size, 32 - size, ".%03uZ", (unsigned) (rest_ns / ZLOOM_NS_PER_MS) % 1000);
    return text;
}
