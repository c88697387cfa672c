/* SPDX-License-Identifier: MPL-2.0 */
/* The nodes of an app as zactors of the program. */
#include "place.h"

#include <czmq.h>

static void
s_actor_says (zactor_t *actor, const char *word)
{
    char *got = zstr_recv (actor);
    assert_non_null (got);
    assert_string_equal (got, word);
    zstr_free (&got);
}

static zactor_t *
s_run (zloom_app_t *app, zactor_fn *run, const char *name)
{
    void *node = zloom_app_node (app, name);
    if (!node) {
        fail_msg ("%s: %s", name, zloom_note ());
    }
    zactor_t *actor = zactor_new (run, node);
    assert_non_null (actor);
    s_actor_says (actor, "$READY");
    return actor;
}

static void
test_router_and_worker_are_zactors (void **state)
{
    (void) state;
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    zactor_t *router = s_run (app, zloom_router_actor, "router");
    zactor_t *first = s_run (app, zloom_worker_actor, "shout"); /* its first replica */
    zactor_t *second = s_run (app, zloom_worker_actor, "shout.2");
    char endpoint[128];
    (void) snprintf (endpoint, sizeof endpoint, "ipc://%s/run/router.sock", s_folder);
    zloom_client_t *client = s_client (endpoint);
    s_subscribe (client, "loud");
    for (int i = 0; i < 20; i++) {
        s_send (client, "word");
    }
    for (int i = 0; i < 20; i++) {
        s_expect (client, "loud", "WORD");
    }
    s_close (&client);
    zactor_destroy (&second);
    zactor_destroy (&first);
    zactor_destroy (&router);
    zloom_app_destroy (&app);
}

static void
test_an_actor_says_why_it_failed (void **state)
{
    (void) state;
    zloom_app_t *app = s_app (SHOUT_RECIPE, false);
    zactor_t *actor = zactor_new (zloom_sink_actor, zloom_app_node (app, "router"));
    char *what = NULL;
    char *code = NULL;
    char *note = NULL;
    assert_int_equal (zstr_recvx (actor, &what, &code, &note, NULL), 3);
    assert_string_equal (what, "$FAILED");
    assert_string_equal (code, "INVALID");
    assert_string_equal (note, "this node is not a sink");
    zstr_free (&what);
    zstr_free (&code);
    zstr_free (&note);
    zactor_destroy (&actor);
    assert_null (zloom_app_node (app, "shout.3"));
    assert_string_equal (zloom_note (), "recipe shout has no node 'shout.3'");
    assert_null (zloom_app_node (app, "nobody"));
    zloom_app_destroy (&app);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_router_and_worker_are_zactors, s_make_folder,
                                       s_remove_folder),
      cmocka_unit_test_setup_teardown (test_an_actor_says_why_it_failed, s_make_folder,
                                       s_remove_folder),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
