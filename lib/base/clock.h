/* SPDX-License-Identifier: MPL-2.0 */
/*
 * clock.h - time comes in as a value. The engine reads the clocks once a turn and hands the pair
 * to everything; deadlines are absolute mono_ns; wall time is only for stamps and calendars.
 */
#ifndef ZLOOM_BASE_CLOCK_H
#define ZLOOM_BASE_CLOCK_H

#include <stdint.h>

#define ZLOOM_NS_PER_US INT64_C (1000)
#define ZLOOM_NS_PER_MS INT64_C (1000000)
#define ZLOOM_NS_PER_S INT64_C (1000000000)
/* "No deadline": later than every time. */
#define ZLOOM_NEVER INT64_MAX

typedef struct {
    int64_t mono_ns; /* CLOCK_MONOTONIC */
    int64_t wall_ns; /* CLOCK_REALTIME, nanoseconds since 1970 */
} zloom_now_t;

/* The real clocks. Only net/, io/, launch/, client/ and nodes/ call this. */
zloom_now_t zloom_clock_now (void);

/* mono_ns alone, at half the price: for deadlines, and for threads that measure themselves. */
int64_t zloom_clock_mono_ns (void);

/*
 * The monotonic clock as of the kernel's last tick, 1 to 10 ms apart: a quarter of the price of a
 * real reading, for who only wants to know that time has passed.
 */
int64_t zloom_clock_tick_ns (void);

/* a + b without overflow: saturates at ZLOOM_NEVER. b >= 0. */
static inline int64_t
zloom_time_add (int64_t a, int64_t b)
{
    return (a > ZLOOM_NEVER - b) ? ZLOOM_NEVER : a + b;
}

/* RFC 3339 UTC with milliseconds, "2026-11-23T12:50:00.123Z", into `text` of 32 bytes. */
const char *zloom_wall_text (int64_t wall_ns, char text[32]);

#endif
