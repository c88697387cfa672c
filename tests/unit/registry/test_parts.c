/* SPDX-License-Identifier: MPL-2.0 */
/* A recipe of several parts: defaults, fragments, secrets; and that secrets are never told. */
#include <sys/stat.h>

#include "recipes.h"

#include "recipe/explain.h"
#include "support/folder.h"

#define HEAD "zloom: 1\nname: t\n"

static char s_folder[ZLOOM_FOLDER_BYTES];

static int
s_make_folder (void **state)
{
    (void) state;
    return zloom_folder_make (s_folder) ? 0 : -1;
}

static int
s_remove_folder (void **state)
{
    (void) state;
    return zloom_folder_remove (s_folder) ? 0 : -1;
}

static void
s_write (const char *name, const char *text)
{
    char path[256];
    snprintf (path, sizeof path, "%s/%s", s_folder, name);
    FILE *file = fopen (path, "wb");
    assert_non_null (file);
    fputs (text, file);
    assert_int_equal (fclose (file), 0);
}

static loaded_t
s_load (const char *text)
{
    return loaded_in (s_folder, text, NULL);
}

/* ---- defaults ------------------------------------------------------------------------------ */

static void
s_defaults_stand_behind_what_is_written (void **state)
{
    (void) state;
    loaded_t loaded =
      s_load (HEAD "defaults:\n"
                   "  queue: {lease: 45s, retry: {failures: 2, jitter: 0%}, dead_letter: dead}\n"
                   "  worker: {env: {A: one, B: two}, prefetch: 3}\n"
                   "  sink: {file: {fsync: always}}\n"
                   "nodes:\n"
                   "  w: {kind: worker, run: [cat], env: {B: mine}}\n"
                   "  f: {kind: sink, file: {path: x}}\n"
                   "  o: {kind: sink, stdout: true}\n"
                   "flows:\n"
                   "  a: {pattern: queue, from: external, to: w, retry: {failures: 7}}\n"
                   "  b: {pattern: queue, from: w, to: [f, o], lease: 1m}\n"
                   "  dead: {pattern: queue, to: external}\n");
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_diags_count (loaded.diags), 0);
    const zloom_flow_config_t *a = zloom_flow_config (zloom_recipe_flow (loaded.recipe, "a"));
    assert_int_equal (a->lease_ns, INT64_C (45000000000));
    assert_int_equal (a->failures_max, 7);
    assert_int_equal (a->jitter_ppm, 0);
    assert_string_equal (a->dead_letter, "dead");
    const zloom_flow_config_t *b = zloom_flow_config (zloom_recipe_flow (loaded.recipe, "b"));
    assert_int_equal (b->lease_ns, INT64_C (60000000000));
    assert_int_equal (b->failures_max, 2);
    /* Never its own dead letters. */
    assert_null (zloom_flow_config (zloom_recipe_flow (loaded.recipe, "dead"))->dead_letter);
    const zloom_worker_config_t *w = zloom_recipe_node (loaded.recipe, "w")->config;
    assert_int_equal (w->prefetch, 3);
    assert_int_equal (w->env.count, 2);
    assert_string_equal (w->env.items[0].value, "mine");
    assert_string_equal (w->env.items[1].value, "one");
    /* Only to a sink that has a file. */
    const zloom_sink_config_t *f = zloom_recipe_node (loaded.recipe, "f")->config;
    const zloom_sink_config_t *o = zloom_recipe_node (loaded.recipe, "o")->config;
    assert_int_equal (f->file.fsync, ZLOOM_FSYNC_ALWAYS);
    assert_false (o->file.set);
    loaded_fini (&loaded);
}

static void
s_the_router_that_nobody_named_has_defaults_too (void **state)
{
    (void) state;
    loaded_t loaded = s_load (HEAD "defaults: {router: {liveness: 5}}\n"
                                   "flows: {a: {pattern: queue, from: external, to: external}}\n");
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_diags_count (loaded.diags), 0);
    const zloom_router_config_t *router = zloom_recipe_node (loaded.recipe, "router")->config;
    assert_int_equal (router->liveness, 5);
    loaded_fini (&loaded);
}

/* ---- fragments ----------------------------------------------------------------------------- */

static const char s_region[] =
  "zloom: 1\n"
  "params: {workers: {type: int}, dead: {default: failed}}\n"
  "defaults: {queue: {lease: 10s}}\n"
  "nodes:\n"
  "  charge: {kind: worker, run: [./charge, x], io: frames, replicas: \"${param.workers}\"}\n"
  "flows:\n"
  "  orders: {pattern: queue, from: external, to: charge, dead_letter: \"${param.dead}\"}\n";

static void
s_a_fragment_is_used_twice (void **state)
{
    (void) state;
    s_write ("region.yaml", s_region);
    loaded_t loaded = s_load (
      HEAD "defaults: {queue: {lease: 99s, requeues: 9}}\n"
           "params: {n: {type: int, default: 3}}\n"
           "use:\n"
           "  eu: {file: region.yaml, with: {workers: \"${param.n}\"}}\n"
           "  us: {file: region.yaml, with: {workers: 8, dead: us-dead}}\n"
           "flows:\n"
           "  failed: {pattern: queue, to: external}\n"
           "  us-dead: {pattern: queue, to: external}\n"
           "  more: {pattern: queue, from: external, to: eu-charge, dead_letter: failed}\n");
    loaded_assert_good (&loaded);
    const zloom_recipe_t *recipe = loaded.recipe;
    const zloom_worker_config_t *eu = zloom_recipe_node (recipe, "eu-charge")->config;
    const zloom_worker_config_t *us = zloom_recipe_node (recipe, "us-charge")->config;
    assert_int_equal (eu->replicas, 3);
    assert_int_equal (us->replicas, 8);
    char path[256];
    snprintf (path, sizeof path, "%s/charge", s_folder);
    assert_string_equal (eu->run.items[0], path);
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (recipe, "us-orders");
    assert_ptr_equal (flow->to[0].node, zloom_recipe_node (recipe, "us-charge"));
    const zloom_flow_config_t *config = zloom_flow_config (flow);
    assert_string_equal (config->name, "us-orders");
    assert_string_equal (config->dead_letter, "us-dead");
    assert_int_equal (config->lease_ns, INT64_C (10000000000)); /* its own defaults come first */
    assert_int_equal (config->requeues_max, 9);                 /* then the recipe's */
    config = zloom_flow_config (zloom_recipe_flow (recipe, "eu-orders"));
    assert_string_equal (config->dead_letter, "failed");
    assert_null (zloom_recipe_node (recipe, "charge"));
    loaded_fini (&loaded);
}

/* What is wrong in a fragment is said with the fragment's own line. */
static void
s_mistakes_are_placed_in_their_file (void **state)
{
    (void) state;
    s_write ("bad.yaml", "zloom: 1\nnodes:\n  w: {kind: worker, run: [cat], prefech: 1}\n");
    loaded_t loaded = s_load (HEAD "use:\n  x: {file: ./bad.yaml}\n"
                                   "flows: {a: {pattern: queue, from: external, to: x-w}}\n");
    assert_int_equal (loaded.err, ZLOOM_RECIPE);
    zloom_buf_t text = {0};
    zloom_diags_text (loaded.diags, false, &text);
    assert_non_null (strstr (zloom_buf_text (&text), "bad.yaml:3:33: error[Z0203]: unknown key "
                                                     "'prefech' in node 'x-w'; did you mean "
                                                     "'prefetch'?\n    3 |   w: {kind: worker"));
    zloom_buf_clear (&text);
    zloom_diags_json (loaded.diags, &text);
    assert_non_null (strstr (zloom_buf_text (&text), "\"file\": \"bad.yaml\", \"line\": 3"));
    zloom_buf_fini (&text);
    loaded_fini (&loaded);
}

static void
s_fragments_use_fragments_but_not_themselves (void **state)
{
    (void) state;
    s_write ("leaf.yaml", "zloom: 1\nnodes: {out: {kind: sink, file: {path: out}}}\n");
    s_write ("mid.yaml", "zloom: 1\nuse: {leaf: {file: leaf.yaml}}\n"
                         "flows: {q: {pattern: queue, from: external, to: leaf-out}}\n");
    loaded_t loaded = s_load (HEAD "use: {mid: {file: mid.yaml}}\n"
                                   "flows: {a: {pattern: queue, from: external,"
                                   " to: mid-leaf-out}}\n");
    loaded_assert_good (&loaded);
    const zloom_recipe_flow_t *flow = zloom_recipe_flow (loaded.recipe, "mid-q");
    assert_string_equal (flow->to[0].name, "mid-leaf-out");
    loaded_fini (&loaded);
    s_write ("self.yaml", "zloom: 1\nuse: {again: {file: self.yaml}}\n");
    loaded = s_load (HEAD "use: {a: {file: self.yaml}}\n");
    assert_int_equal (loaded_count (&loaded, "Z0216"), 1);
    assert_int_equal (zloom_diags_errors (loaded.diags), 1);
    assert_non_null (strstr (zloom_diags_at (loaded.diags, 0)->message, "uses itself"));
    loaded_fini (&loaded);
    /* A chain of different files ends as well. */
    for (int i = 0; i < 6; i++) {
        char name[32];
        char text[128];
        snprintf (name, sizeof name, "chain%d.yaml", i);
        snprintf (text, sizeof text, "zloom: 1\nuse: {n: {file: chain%d.yaml}}\n", i + 1);
        s_write (name, text);
    }
    loaded = s_load (HEAD "use: {a: {file: chain0.yaml}}\n");
    assert_int_equal (loaded_count (&loaded, "Z0216"), 1);
    loaded_fini (&loaded);
}

/* ---- secrets ------------------------------------------------------------------------------- */

#define SECRET "hunter2-is-not-told"

static const char s_with_secrets[] =
  HEAD "secrets:\n"
       "  key: {file: key.txt}\n"
       "  pin-code: {env: ZLOOM_TEST_PIN}\n"
       "nodes:\n"
       "  w:\n"
       "    kind: worker\n"
       "    run: [cat]\n"
       "    secrets: [key, pin-code]\n"
       "    env: {URL: \"https://me:${secret.key}@x/$${a}?p=${secret.pin-code}\"}\n"
       "  v: {kind: worker, run: [cat], secrets: pin-code}\n"
       "flows: {a: {pattern: queue, from: external, to: [w, v], dead_letter: d},"
       " d: {pattern: queue, to: external}}\n";

static const zloom_worker_config_t *
s_worker (const loaded_t *loaded, const char *name)
{
    return zloom_recipe_node (loaded->recipe, name)->config;
}

static void
s_secrets_go_to_the_node_that_runs (void **state)
{
    (void) state;
    s_write ("key.txt", SECRET "\n");
    setenv ("ZLOOM_TEST_PIN", "12", 1);
    zloom_recipe_options_t options = {.secrets_of = "w"};
    loaded_t loaded = loaded_in (s_folder, s_with_secrets, &options);
    loaded_assert_good (&loaded);
    const zloom_worker_config_t *w = s_worker (&loaded, "w");
    assert_string_equal (w->env.items[0].value, "https://me:" SECRET "@x/${a}?p=12");
    assert_int_equal (w->secrets.count, 2);
    assert_string_equal (w->secrets.items[0].name, "key");
    assert_string_equal (w->secrets.items[0].value, SECRET);
    /* Those of the other nodes stay where they are. */
    assert_string_equal (s_worker (&loaded, "v")->secrets.items[0].value, "${secret.pin-code}");
    loaded_fini (&loaded);
    options.secrets_of = "*";
    loaded = loaded_in (s_folder, s_with_secrets, &options);
    loaded_assert_good (&loaded);
    assert_string_equal (s_worker (&loaded, "v")->secrets.items[0].value, "12");
    loaded_fini (&loaded);
    unsetenv ("ZLOOM_TEST_PIN");
}

static void
s_without_a_node_no_secret_is_read (void **state)
{
    (void) state;
    unsetenv ("ZLOOM_TEST_PIN");
    loaded_t loaded = loaded_in ("/nowhere", s_with_secrets, NULL); /* and none need be there */
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_diags_count (loaded.diags), 0);
    assert_string_equal (s_worker (&loaded, "w")->env.items[0].value,
                         "https://me:${secret.key}@x/${a}?p=${secret.pin-code}");
    loaded_fini (&loaded);
}

static void
s_a_missing_secret_is_an_error_for_its_node_alone (void **state)
{
    (void) state;
    s_write ("key.txt", SECRET);
    unsetenv ("ZLOOM_TEST_PIN");
    static const struct {
        const char *pin;
        const char *said;
    } wrong[] = {
      {NULL, "the environment has no 'ZLOOM_TEST_PIN'"},
      {"", "it is empty"},
    };
    for (size_t i = 0; i < 2; i++) {
        if (wrong[i].pin) {
            setenv ("ZLOOM_TEST_PIN", wrong[i].pin, 1);
        }
        zloom_recipe_options_t options = {.secrets_of = "v"};
        loaded_t loaded = loaded_in (s_folder, s_with_secrets, &options);
        assert_int_equal (loaded.err, ZLOOM_RECIPE);
        assert_int_equal (loaded_count (&loaded, "Z0507"), 1);
        assert_non_null (strstr (zloom_diags_at (loaded.diags, 0)->message, wrong[i].said));
        loaded_fini (&loaded);
    }
    zloom_recipe_options_t options = {.secrets_of = "router"};
    loaded_t loaded = loaded_in (s_folder, s_with_secrets, &options);
    loaded_assert_good (&loaded);
    loaded_fini (&loaded);
    unsetenv ("ZLOOM_TEST_PIN");
}

static void
s_assert_not_told (zloom_buf_t *text)
{
    assert_null (strstr (zloom_buf_text (text), "hunter2"));
    zloom_buf_clear (text);
}

/* Where a secret may not stand, and wherever else something is said of it. */
static void
s_secrets_are_never_told (void **state)
{
    (void) state;
    s_write ("key.txt", SECRET);
    setenv ("ZLOOM_TEST_KEY", SECRET, 1);
    static const char *const places[] = {
      "replicas: \"${secret.key}\"", "run: [cat, \"${secret.key}\"]", "cwd: \"${secret.key}\"",
      "io: \"${secret.key}\"",       "tty: \"${secret.key}\"",        "timeout: \"${secret.key}\"",
      "restart: \"${secret.key}\"",  "env: \"${secret.key}\"",        "kind: \"${secret.key}\"",
    };
    zloom_buf_t text = {0};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int file = 0; file < 2; file++) {
            char *recipe =
              zloom_format (HEAD "secrets: {key: {%s}}\nnodes: {w: {%s%s%s}}\n"
                                 "flows: {a: {pattern: queue, from: external, to: w}}\n",
                            file ? "file: key.txt" : "env: ZLOOM_TEST_KEY",
                            strncmp (places[i], "kind", 4) ? "kind: worker, " : "", places[i],
                            strncmp (places[i], "run", 3) ? ", run: [cat]" : "");
            zloom_recipe_options_t options = {.secrets_of = "w", .environment = true};
            loaded_t loaded = loaded_in (s_folder, recipe, &options);
            assert_int_equal (loaded.err, ZLOOM_RECIPE);
            zloom_diags_text (loaded.diags, false, &text);
            s_assert_not_told (&text);
            zloom_diags_json (loaded.diags, &text);
            s_assert_not_told (&text);
            loaded_fini (&loaded);
            free (recipe);
        }
    }
    zloom_buf_fini (&text);
    unsetenv ("ZLOOM_TEST_KEY");
}

static void
s_an_open_file_is_worth_a_warning (void **state)
{
    (void) state;
    s_write ("key.txt", SECRET);
    setenv ("ZLOOM_TEST_PIN", "12", 1);
    char path[256];
    snprintf (path, sizeof path, "%s/key.txt", s_folder);
    static const struct {
        mode_t mode;
        size_t warnings;
    } cases[] = {{0644, 1}, {0640, 0}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal (chmod (path, cases[i].mode), 0);
        zloom_recipe_options_t options = {.environment = true};
        loaded_t loaded = loaded_in (s_folder, s_with_secrets, &options);
        loaded_assert_good (&loaded);
        assert_int_equal (loaded_count (&loaded, "Z0508"), cases[i].warnings);
        loaded_fini (&loaded);
    }
    unsetenv ("ZLOOM_TEST_PIN");
}

/* ---- the writer's own ---------------------------------------------------------------------- */

static void
s_free_keys_are_left_alone (void **state)
{
    (void) state;
    loaded_t loaded =
      s_load (HEAD "x-notes: {shell: \"${HOME}\", \"${key}\": [\"${param.none}\", \"${\"]}\n"
                   "flows: {a: {pattern: queue, from: external, to: external, x-a: \"${b}\"}}\n");
    loaded_assert_good (&loaded);
    assert_int_equal (zloom_diags_count (loaded.diags), 0);
    loaded_fini (&loaded);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_defaults_stand_behind_what_is_written),
      cmocka_unit_test (s_the_router_that_nobody_named_has_defaults_too),
      cmocka_unit_test (s_a_fragment_is_used_twice),
      cmocka_unit_test (s_mistakes_are_placed_in_their_file),
      cmocka_unit_test (s_fragments_use_fragments_but_not_themselves),
      cmocka_unit_test (s_secrets_go_to_the_node_that_runs),
      cmocka_unit_test (s_without_a_node_no_secret_is_read),
      cmocka_unit_test (s_a_missing_secret_is_an_error_for_its_node_alone),
      cmocka_unit_test (s_secrets_are_never_told),
      cmocka_unit_test (s_an_open_file_is_worth_a_warning),
      cmocka_unit_test (s_free_keys_are_left_alone),
    };
    return cmocka_run_group_tests (tests, s_make_folder, s_remove_folder);
}
