/* SPDX-License-Identifier: MPL-2.0 */
/* helper.h - what the tests of base share: seeds, and functions that must abort. */
#ifndef ZLOOM_TESTS_UNIT_BASE_HELPER_H
#define ZLOOM_TESTS_UNIT_BASE_HELPER_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

/* Start a generator from ZLOOM_SEED, else from the system, and say from which. */
static inline void
helper_seed (zloom_random_t *random)
{
    uint64_t seed = 0;
    const char *given = getenv ("ZLOOM_SEED");
    if (given) {
        seed = strtoull (given, NULL, 0);
    } else {
        zloom_random_system (&seed, sizeof seed);
    }
    print_message ("seed: ZLOOM_SEED=%llu\n", (unsigned long long) seed);
    zloom_random_init (random, seed);
}

/* Run `body` in a child, which must abort and say `expected` on stderr. */
static inline void
helper_expect_abort (void (*body) (void), const char *expected)
{
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit (RLIMIT_CORE, &no_core);
        signal (SIGABRT, SIG_DFL);
        dup2 (ends[1], STDERR_FILENO);
        close (ends[0]);
        close (ends[1]);
        body ();
        _exit (0);
    }
    close (ends[1]);
    char text[4096];
    size_t size = 0;
    ssize_t got = 0;
    while (size < sizeof text - 1 &&
           (got = read (ends[0], text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t) got;
    }
    text[size] = 0;
    close (ends[0]);
    int status = 0;
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_true (WIFSIGNALED (status));
    assert_int_equal (WTERMSIG (status), SIGABRT);
    assert_non_null (strstr (text, expected));
}

#endif
