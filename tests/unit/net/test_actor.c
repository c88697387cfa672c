/* SPDX-License-Identifier: MPL-2.0 */
#include <poll.h>

#include "net/actor.h"
#include "net/control.h"
#include "unit/net/place.h"

typedef struct {
    zloom_err_t fails; /* OK: serve until told to stop */
    bool ends;         /* end at once, work done */
    zloom_stop_state_t stopped;
} node_t;

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    node_t *node = arg;
    if (node->fails != ZLOOM_OK) {
        return zloom_fail (node->fails, "the state is in use");
    }
    zloom_ready_tell (ready_fd);
    zloom_stop_t stop;
    zloom_stop_init (&stop, stop_fd);
    while (!node->ends && zloom_stop_read (&stop) == ZLOOM_STOP_NO) {
        struct pollfd wait = {.fd = zloom_stop_fd (&stop), .events = POLLIN};
        (void) poll (&wait, 1, 5000);
    }
    node->stopped = stop.state;
    return ZLOOM_OK;
}

static void
s_actor (zsock_t *pipe, void *args)
{
    zloom_actor_serve (pipe, s_run, args);
}

static void
s_expect (zactor_t *actor, const char *text)
{
    char *got = zstr_recv (actor);
    assert_non_null (got);
    assert_string_equal (got, text);
    zstr_free (&got);
}

static void
test_it_serves_and_drains (void **state)
{
    (void) state;
    node_t node = {.fails = ZLOOM_OK};
    zactor_t *actor = zactor_new (s_actor, &node);
    assert_non_null (actor);
    s_expect (actor, "$READY");
    zactor_destroy (&actor);
    assert_int_equal (node.stopped, ZLOOM_STOP_DRAIN);
}

static void
test_it_tells_why_it_failed (void **state)
{
    (void) state;
    node_t node = {.fails = ZLOOM_LOCKED};
    zactor_t *actor = zactor_new (s_actor, &node);
    char *what = NULL;
    char *code = NULL;
    char *note = NULL;
    assert_int_equal (zstr_recvx (actor, &what, &code, &note, NULL), 3);
    assert_string_equal (what, "$FAILED");
    assert_string_equal (code, "LOCKED");
    assert_string_equal (note, "the state is in use");
    zstr_free (&what);
    zstr_free (&code);
    zstr_free (&note);
    zactor_destroy (&actor);
}

static void
test_it_tells_when_its_work_is_done (void **state)
{
    (void) state;
    node_t node = {.ends = true};
    zactor_t *actor = zactor_new (s_actor, &node);
    s_expect (actor, "$READY");
    s_expect (actor, "$DONE");
    zactor_destroy (&actor);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_it_serves_and_drains),
      cmocka_unit_test (test_it_tells_why_it_failed),
      cmocka_unit_test (test_it_tells_when_its_work_is_done),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
