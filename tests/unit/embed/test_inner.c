/* SPDX-License-Identifier: MPL-2.0 */
/* Over inproc a router that comes again is found again: nothing reconnects by itself there. */
#include "place.h"

#include "net/thread.h"
#include "nodes/embed/threads.h"
#include "nodes/router/router.h"
#include "patterns/registry.h"
#include "recipe/diag.h"

static char s_inner[ZLOOM_ENDPOINT_BYTES];

static zloom_err_t
s_run (void *arg, int ready_fd, int stop_fd)
{
    zloom_node_args_t args = *(const zloom_node_args_t *) arg;
    args.ready_fd = ready_fd;
    args.stop_fd = stop_fd;
    return zloom_router_run (&args);
}

static zloom_thread_t *
s_start (zloom_node_args_t *args)
{
    zloom_thread_t *thread = NULL;
    assert_int_equal (zloom_thread_start (s_run, args, &thread), ZLOOM_OK);
    return thread;
}

static void
s_stop (zloom_thread_t **thread)
{
    zloom_thread_ask (*thread);
    assert_int_equal (zloom_thread_join (thread), ZLOOM_OK);
}

static void
test_a_client_finds_the_next_router (void **state)
{
    (void) state;
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    assert_int_equal (zloom_recipe_load_text ("recipe", s_folder, zloom_bytes_text (SHOUT_RECIPE),
                                              zloom_registry (), NULL, diags, &recipe),
                      ZLOOM_OK);
    zloom_threads_endpoint (s_inner);
    zloom_node_args_t args = {
      .recipe = recipe,
      .node = zloom_recipe_node (recipe, "router"),
      .name = "router",
      .state_dir = s_folder,
      .runtime_dir = s_folder,
      .inner = s_inner,
      .drain_ns = ZLOOM_NODE_DRAIN_NS,
    };
    zloom_thread_t *router = s_start (&args);
    zloom_client_t *client = s_client (s_inner);
    s_send (client, "one");
    assert_int_equal (zloom_client_flush (client, SOON ()), ZLOOM_OK);
    s_stop (&router);
    s_send (client, "two");
    assert_int_equal (zloom_client_flush (client, zloom_deadline (100)), ZLOOM_TIMED_OUT);
    router = s_start (&args);
    assert_int_equal (zloom_client_flush (client, SOON ()), ZLOOM_OK);
    assert_int_equal (zloom_client_unconfirmed (client, NULL), 0);
    s_close (&client);
    s_stop (&router);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_a_client_finds_the_next_router, s_make_folder,
                                       s_remove_folder),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
