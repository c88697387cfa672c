/* SPDX-License-Identifier: MPL-2.0 */
/* What nodes and the engine read: typed values, defaults, edges, params. */
#include "recipes.h"

#include "base/clock.h"

#define HEAD "zloom: 1\nname: t\n"

static const char s_whole[] =
  "zloom: 1\n"
  "name: orders\n"
  "params: {workers: {type: int, default: 4, min: 1, max: 64}}\n"
  "nodes:\n"
  "  shop: {kind: poller, file: {path: ./in/orders.jsonl, follow: true}}\n"
  "  charge:\n"
  "    kind: worker\n"
  "    run: [bin/charge, --fast, \"\"]\n"
  "    io: frames\n"
  "    replicas: \"${param.workers}\"\n"
  "    prefetch: 7\n"
  "    timeout: 1m30s\n"
  "    env: {LEVEL: debug, EMPTY: \"\"}\n"
  "    cwd: work\n"
  "    restart: {backoff: [1s, 2s], budget: 3, within: 5m}\n"
  "  ledger: {kind: sink, file: {path: /var/out.jsonl, fsync: always}, prefetch: 9}\n"
  "flows:\n"
  "  orders:\n"
  "    pattern: queue\n"
  "    from: [shop, external]\n"
  "    to: charge\n"
  "    lease: 2m\n"
  "    retry: {failures: 3, backoff: 2s, jitter: 2.5%}\n"
  "    dead_letter: dead\n"
  "    limit: {messages: 1000, bytes: 2GiB, on_full: drop-oldest, exceptions: 50}\n"
  "    requeues: 1\n"
  "  dead: {pattern: queue, to: external, confirm: disk}\n"
  "  paid: {pattern: queue, from: charge, to: ledger}\n";

static void
s_nodes_are_typed (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from (s_whole);
    loaded_assert_good (&loaded);
    const zloom_recipe_t *recipe = loaded.recipe;
    assert_string_equal (zloom_recipe_name (recipe), "orders");
    assert_string_equal (zloom_recipe_file (recipe), "test.yaml");
    assert_string_equal (zloom_recipe_dir (recipe), "/recipes");
    assert_int_equal (zloom_recipe_node_count (recipe), 4);

    const zloom_poller_config_t *shop = zloom_recipe_node (recipe, "shop")->config;
    assert_true (shop->file.set && shop->file.follow);
    assert_string_equal (shop->file.path, "/recipes/in/orders.jsonl");
    assert_int_equal (shop->file.format, ZLOOM_FORMAT_JSON);

    const zloom_recipe_node_t *node = zloom_recipe_node (recipe, "charge");
    assert_int_equal (node->kind->id, ZLOOM_NODE_WORKER);
    assert_int_equal (node->at.line, 6);
    const zloom_worker_config_t *charge = node->config;
    assert_int_equal (charge->run.count, 3);
    assert_string_equal (charge->run.items[0], "/recipes/bin/charge");
    assert_string_equal (charge->run.items[1], "--fast");
    assert_string_equal (charge->run.items[2], "");
    assert_null (charge->run.items[3]);
    assert_int_equal (charge->io, ZLOOM_IO_FRAMES);
    assert_int_equal (charge->replicas, 4);
    assert_int_equal (charge->prefetch, 7);
    assert_int_equal (charge->timeout_ns, 90 * ZLOOM_NS_PER_S);
    assert_int_equal (charge->env.count, 2);
    assert_string_equal (charge->env.items[0].name, "LEVEL");
    assert_string_equal (charge->env.items[0].value, "debug");
    assert_string_equal (charge->cwd, "/recipes/work");
    assert_false (charge->tty);
    const zloom_node_common_t *common = node->config;
    assert_int_equal (common->restart.backoff_ns.count, 2);
    assert_int_equal (common->restart.backoff_ns.items[1], 2 * ZLOOM_NS_PER_S);
    assert_int_equal (common->restart.budget, 3);
    assert_int_equal (common->restart.within_ns, 300 * ZLOOM_NS_PER_S);

    const zloom_sink_config_t *ledger = zloom_recipe_node (recipe, "ledger")->config;
    assert_true (ledger->file.set && !ledger->to_stdout);
    assert_string_equal (ledger->file.path, "/var/out.jsonl");
    assert_int_equal (ledger->file.fsync, ZLOOM_FSYNC_ALWAYS);
    assert_int_equal (ledger->prefetch, 9);

    loaded_fini (&loaded);
}

static void
s_flows_are_typed (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from (s_whole);
    loaded_assert_good (&loaded);
    const zloom_recipe_t *recipe = loaded.recipe;
    const zloom_flow_config_t *orders = zloom_flow_config (zloom_recipe_flow (recipe, "orders"));
    assert_string_equal (orders->name, "orders");
    assert_string_equal (orders->pattern, "queue");
    assert_int_equal (orders->confirm, ZLOOM_CONFIRM_DISK);
    assert_int_equal (orders->lease_ns, 120 * ZLOOM_NS_PER_S);
    assert_int_equal (orders->failures_max, 3);
    assert_int_equal (orders->backoff_count, 1);
    assert_int_equal (orders->backoff_ns[0], 2 * ZLOOM_NS_PER_S);
    assert_int_equal (orders->jitter_ppm, 25000);
    assert_string_equal (orders->dead_letter, "dead");
    assert_int_equal (orders->limit_messages, 1000);
    assert_int_equal (orders->limit_bytes, INT64_C (2) << 30);
    assert_int_equal (orders->on_full, ZLOOM_ON_FULL_DROP_OLDEST);
    assert_int_equal (orders->exceptions_max, 50);
    assert_int_equal (orders->requeues_max, 1);
    loaded_fini (&loaded);
}

static void
s_defaults_are_those_of_the_promises (void **state)
{
    (void) state;
    loaded_t loaded =
      loaded_from (HEAD "nodes:\n  work: {kind: worker, run: [cat]}\n"
                        "  out: {kind: sink, stdout: true}\n"
                        "flows:\n"
                        "  a: {pattern: queue, from: external, to: work}\n"
                        "  b: {pattern: queue, from: work, to: out, confirm: memory}\n");
    loaded_assert_good (&loaded);
    const zloom_flow_config_t *a = zloom_flow_config (zloom_recipe_flow (loaded.recipe, "a"));
    assert_int_equal (a->confirm, ZLOOM_CONFIRM_DISK);
    assert_int_equal (a->lease_ns, 30 * ZLOOM_NS_PER_S);
    assert_int_equal (a->failures_max, 5);
    assert_int_equal (a->backoff_count, 3);
    assert_int_equal (a->backoff_ns[0], ZLOOM_NS_PER_S);
    assert_int_equal (a->backoff_ns[2], 30 * ZLOOM_NS_PER_S);
    assert_int_equal (a->jitter_ppm, 100000);
    assert_null (a->dead_letter);
    assert_int_equal (a->on_full, ZLOOM_ON_FULL_BLOCK);
    assert_int_equal (a->requeues_max, 3);
    assert_int_equal (a->exceptions_max, 1000000);
    assert_int_equal (a->limit_bytes, INT64_C (8) << 30);
    const zloom_flow_config_t *b = zloom_flow_config (zloom_recipe_flow (loaded.recipe, "b"));
    assert_int_equal (b->limit_bytes, INT64_C (64) << 20);
    const zloom_worker_config_t *work = zloom_recipe_node (loaded.recipe, "work")->config;
    assert_int_equal (work->io, ZLOOM_IO_LINES);
    assert_int_equal (work->replicas, 1);
    assert_int_equal (work->timeout_ns, 0);
    assert_string_equal (work->cwd, "/recipes");
    assert_string_equal (work->run.items[0], "cat");
    assert_int_equal (work->common.restart.backoff_ns.count, 4);
    loaded_fini (&loaded);
}

static void
s_the_router_is_there_unless_it_is_named (void **state)
{
    (void) state;
    loaded_t loaded =
      loaded_from (HEAD "flows: {a: {pattern: queue, from: external, to: external}}\n");
    loaded_assert_good (&loaded);
    const zloom_recipe_node_t *router = zloom_recipe_node (loaded.recipe, ZLOOM_IMPLICIT_ROUTER);
    assert_non_null (router);
    assert_int_equal (router->kind->id, ZLOOM_NODE_ROUTER);
    assert_int_equal (router->at.line, 0);
    const zloom_router_config_t *config = router->config;
    assert_string_equal (config->listen, "ipc");
    assert_int_equal (config->heartbeat_ns, ZLOOM_NS_PER_S);
    assert_int_equal (config->liveness, 4);
    assert_int_equal (config->journal_hot_bytes, INT64_C (512) << 20);
    assert_int_equal (config->journal_segment_bytes, INT64_C (64) << 20);
    loaded_fini (&loaded);
    loaded = loaded_from (HEAD "nodes: {hub: {kind: router, journal: {segment: 16MiB}}}\n"
                               "flows: {a: {pattern: queue, from: external, to: external}}\n");
    loaded_assert_good (&loaded);
    config = zloom_recipe_node (loaded.recipe, "hub")->config;
    assert_int_equal (config->journal_segment_bytes, INT64_C (16) << 20);
    loaded_fini (&loaded);
    loaded = loaded_from (HEAD "nodes: {hub: {kind: router, liveness: 3}}\n"
                               "flows: {a: {pattern: queue, from: external, to: external}}\n");
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_recipe_node_count (loaded.recipe), 1);
    assert_null (zloom_recipe_node (loaded.recipe, ZLOOM_IMPLICIT_ROUTER));
    loaded_fini (&loaded);
}

static void
s_edges_can_be_walked (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from (
      HEAD
      "nodes:\n  w: {kind: worker, run: [cat], io: frames}\n"
      "flows:\n"
      "  a: {pattern: queue, from: external, to: w}\n"
      "  b: {pattern: queue, from: w, to: external}\n"
      "  c: {pattern: queue, from: [w, external], to: [w, external], limit: {on_full: reject}}\n");
    loaded_assert_good (&loaded);
    const zloom_recipe_t *recipe = loaded.recipe;
    const zloom_recipe_node_t *w = zloom_recipe_node (recipe, "w");
    size_t cursor = 0;
    assert_string_equal (zloom_recipe_next_in (recipe, w, &cursor)->name, "a");
    assert_string_equal (zloom_recipe_next_in (recipe, w, &cursor)->name, "c");
    assert_null (zloom_recipe_next_in (recipe, w, &cursor));
    cursor = 0;
    assert_string_equal (zloom_recipe_next_out (recipe, w, &cursor)->name, "b");
    assert_int_equal (zloom_recipe_in_count (recipe, w), 2);
    assert_int_equal (zloom_recipe_out_count (recipe, w), 2);
    assert_true (zloom_recipe_from_external (zloom_recipe_flow (recipe, "a")));
    assert_false (zloom_recipe_from_external (zloom_recipe_flow (recipe, "b")));
    assert_true (zloom_recipe_to_external (zloom_recipe_flow (recipe, "c")));
    assert_false (zloom_recipe_to_external (zloom_recipe_flow (recipe, "a")));
    loaded_fini (&loaded);
}

static const char s_with_params[] =
  HEAD "params: {n: {type: int, default: 2, min: 1, max: 9}, dead: {enum: [x, y], default: x}}\n"
       "nodes: {w: {kind: worker, run: [echo, \"${param.n}-${env.ZLOOM_TEST_A:-none}-$${n}\"],"
       " replicas: \"${param.n}\"}}\n"
       "flows:\n"
       "  a: {pattern: queue, from: external, to: w, dead_letter: \"${param.dead}\"}\n"
       "  x: {pattern: queue, from: external, to: external}\n"
       "  y: {pattern: queue, from: external, to: external}\n";

static void
s_params_and_environment_are_values (void **state)
{
    (void) state;
    unsetenv ("ZLOOM_TEST_A");
    loaded_t loaded = loaded_from (s_with_params);
    loaded_assert_good (&loaded);
    const zloom_worker_config_t *w = zloom_recipe_node (loaded.recipe, "w")->config;
    assert_int_equal (w->replicas, 2);
    assert_string_equal (w->run.items[1], "2-none-${n}");
    loaded_fini (&loaded);

    setenv ("ZLOOM_TEST_A", "a, b: {c}", 1); /* text, never more YAML */
    const char *const sets[] = {"n=7", "dead=y"};
    zloom_recipe_options_t options = {.sets = sets, .set_count = 2};
    loaded = loaded_with (s_with_params, &options);
    loaded_assert_good (&loaded);
    w = zloom_recipe_node (loaded.recipe, "w")->config;
    assert_int_equal (w->replicas, 7);
    assert_string_equal (w->run.items[1], "7-a, b: {c}-${n}");
    assert_string_equal (zloom_flow_config (zloom_recipe_flow (loaded.recipe, "a"))->dead_letter,
                         "y");
    loaded_fini (&loaded);
    unsetenv ("ZLOOM_TEST_A");
}

static void
s_wrong_sets_are_refused (void **state)
{
    (void) state;
    static const struct {
        const char *set;
        const char *code;
    } cases[] = {
      {"n=10", "Z0206"}, {"n=x", "Z0205"}, {"n=", "Z0205"},     {"dead=z", "Z0207"},
      {"m=1", "Z0212"},  {"n", "Z0212"},   {"n=1\n2", "Z0205"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_recipe_options_t options = {.sets = &cases[i].set, .set_count = 1};
        loaded_t loaded = loaded_with (s_with_params, &options);
        assert_int_equal (loaded.err, ZLOOM_RECIPE);
        assert_null (loaded.recipe);
        assert_int_equal (zloom_diags_errors (loaded.diags), 1);
        assert_int_equal (loaded_count (&loaded, cases[i].code), 1);
        assert_int_equal (zloom_diags_at (loaded.diags, 0)->at.line, 0);
        loaded_fini (&loaded);
    }
}

static void
s_files_are_read_from_their_folder (void **state)
{
    (void) state;
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    assert_int_equal (zloom_recipe_load (ZLOOM_TEST_DATA "/recipes/good-orders.yaml",
                                         zloom_registry (), NULL, diags, &recipe),
                      ZLOOM_OK);
    assert_int_equal (zloom_diags_count (diags), 0);
    const char *dir = zloom_recipe_dir (recipe);
    assert_true (dir[0] == '/' && strcmp (dir + strlen (dir) - 8, "/recipes") == 0);
    zloom_recipe_destroy (&recipe);
    assert_int_equal (zloom_recipe_load (ZLOOM_TEST_DATA "/recipes/none.yaml", zloom_registry (),
                                         NULL, diags, &recipe),
                      ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), "none.yaml"));
    assert_int_equal (zloom_recipe_load (ZLOOM_TEST_DATA, zloom_registry (), NULL, diags, &recipe),
                      ZLOOM_SYSTEM);
    assert_null (recipe);
    zloom_diags_destroy (&diags);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_nodes_are_typed),
      cmocka_unit_test (s_flows_are_typed),
      cmocka_unit_test (s_defaults_are_those_of_the_promises),
      cmocka_unit_test (s_the_router_is_there_unless_it_is_named),
      cmocka_unit_test (s_edges_can_be_walked),
      cmocka_unit_test (s_params_and_environment_are_values),
      cmocka_unit_test (s_wrong_sets_are_refused),
      cmocka_unit_test (s_files_are_read_from_their_folder),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
