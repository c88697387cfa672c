/* SPDX-License-Identifier: MPL-2.0 */
/* place.h - a private directory for a test's sockets. */
#ifndef ZLOOM_TEST_NET_PLACE_H
#define ZLOOM_TEST_NET_PLACE_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

static char s_place[64];

static inline int
s_make_place (void **state)
{
    (void) state;
    snprintf (s_place, sizeof s_place, "/tmp/zloom-net-XXXXXX");
    return mkdtemp (s_place) ? 0 : -1;
}

/* Only what the tests make: sockets, their locks, and one directory deep. */
static inline int
s_clear_place (void **state)
{
    (void) state;
    static const char *const names[] = {"a.sock", "a.sock.lock", "deep/er/a.sock",
                                        "deep/er/a.sock.lock"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf (path, sizeof path, "%s/%s", s_place, names[i]);
        (void) unlink (path);
    }
    static const char *const folders[] = {"/deep/er", "/deep", ""};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf (path, sizeof path, "%s%s", s_place, folders[i]);
        (void) rmdir (path);
    }
    return 0;
}

/* "PREFIX PLACE SUFFIX" in one of a few static buffers. */
static inline const char *
s_at (const char *prefix, const char *suffix)
{
    static char texts[8][192];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf (text, sizeof texts[0], "%s%s%s", prefix, s_place, suffix);
    return text;
}

static inline int64_t
s_soon (void)
{
    return zloom_clock_now ().mono_ns + 5 * ZLOOM_NS_PER_S;
}

#endif
