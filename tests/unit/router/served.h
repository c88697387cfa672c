/* SPDX-License-Identifier: MPL-2.0 */
/* served.h - a router for each test: setup starts it in a folder of its own, teardown stops it. */
#ifndef ZLOOM_TEST_ROUTER_SERVED_H
#define ZLOOM_TEST_ROUTER_SERVED_H

#include "unit/router/process.h"

static char *s_directory;
static char s_endpoint[ZLOOM_ENDPOINT_BYTES];
static zloom_process_t s_router;

static inline int
s_setup (void **state)
{
    (void) state;
    s_directory = s_make_directory ();
    snprintf (s_endpoint, sizeof s_endpoint, "ipc://%s/router.sock", s_directory);
    s_router = s_start (s_directory);
    return 0;
}

static inline int
s_teardown (void **state)
{
    (void) state;
    assert_int_equal (zloom_process_stop (&s_router), 0);
    s_remove_directory (&s_directory);
    return 0;
}

#endif
