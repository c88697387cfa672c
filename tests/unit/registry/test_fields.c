/* SPDX-License-Identifier: MPL-2.0 */
/* The tables themselves: every default, range and example is what the field would take. */
#include "recipes.h"

#include "recipe/explain.h"
#include "recipe/reader.h"
#include "recipe/secrets.h"

typedef struct {
    size_t fields;
    size_t bounds;
} seen_t;

/* Read one value of a field, alone in a map, into a struct of the kind; whether it was good. */
static bool
s_reads (const zloom_kind_t *kind, const zloom_field_t *field, const char *yaml)
{
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_diags_source (diags, "field", zloom_bytes_text (yaml));
    zloom_tree_t *tree = NULL;
    assert_int_equal (zloom_tree_parse (zloom_bytes_text (yaml), 0, diags, &tree), ZLOOM_OK);
    zloom_tree_t *partners = NULL;
    zloom_bytes_t text = zloom_bytes_text ("flows: {orders-dead: {}}\nsecrets: {psp_key: {}}\n");
    assert_int_equal (zloom_tree_parse (text, 0, diags, &partners), ZLOOM_OK);
    const zloom_tree_node_t *root = zloom_tree_root (partners);
    zloom_pool_t *pool = zloom_pool_new ();
    zloom_fragment_t own = {.prefix = "", .dir = "/", .flows = zloom_tree_get (root, "flows")};
    zloom_fragments_t files = {.items = &own, .count = 1};
    zloom_reader_t reader = {
      .pool = pool,
      .diags = diags,
      .fragments = &files,
      .fragment = &own,
    };
    reader.secrets = zloom_secrets_new (&reader, root);
    void *config = zloom_alloc (kind->config_size);
    zloom_field_table_t table = {field, 1};
    bool good = zloom_reader_read (&reader, table, (zloom_field_table_t){NULL, 0},
                                   zloom_tree_root (tree), "test", config);
    free (config);
    zloom_pool_destroy (&pool);
    zloom_tree_destroy (&partners);
    zloom_tree_destroy (&tree);
    zloom_diags_destroy (&diags);
    return good;
}

static bool
s_reads_value (const zloom_kind_t *kind, const zloom_field_t *field, const char *value)
{
    const bool named = field->type == ZLOOM_FIELD_NUMBERS;
    char *yaml = zloom_format (named ? "%s: {a: %s}\n" : "%s: %s\n", field->name, value);
    bool good = s_reads (kind, field, yaml);
    free (yaml);
    return good;
}

/* The next smaller or greater value as text: "10ms" → "9ms", "64KiB" → "65KiB". */
static char *
s_neighbour (const char *bound, int64_t step)
{
    char *unit = NULL;
    long long number = strtoll (bound, &unit, 10);
    return zloom_format ("%lld%s", number + (long long) step, unit);
}

static void
s_check_bounds (const zloom_kind_t *kind, const zloom_field_t *field, const char *path,
                seen_t *seen)
{
    const char *bounds[] = {field->least, field->most};
    for (size_t i = 0; i < 2; i++) {
        if (!bounds[i]) {
            continue;
        }
        seen->bounds++;
        char *beyond = s_neighbour (bounds[i], i == 0 ? -1 : 1);
        if (!s_reads_value (kind, field, bounds[i])) {
            fail_msg ("%s: its own bound %s is refused", path, bounds[i]);
        }
        if (s_reads_value (kind, field, beyond)) {
            fail_msg ("%s: %s is taken, though the bound is %s", path, beyond, bounds[i]);
        }
        free (beyond);
    }
}

static void
s_check_field (void *arg, const char *path, const zloom_kind_t *kind, const zloom_field_t *field)
{
    seen_t *seen = arg;
    seen->fields++;
    if (!field->help || !field->help[0] || field->help[strlen (field->help) - 1] == '.') {
        fail_msg ("%s: help is one sentence without a full stop", path);
    }
    if (field->type == ZLOOM_FIELD_LATER) {
        return;
    }
    if (!field->example || strncmp (field->example, field->name, strlen (field->name)) != 0) {
        fail_msg ("%s: its example does not begin with its name", path);
    }
    if (!kind) {
        return;
    }
    if (!s_reads (kind, field, field->example)) {
        fail_msg ("%s: its example '%s' is refused", path, field->example);
    }
    if (field->fallback && !s_reads_value (kind, field, field->fallback)) {
        fail_msg ("%s: its default '%s' is refused", path, field->fallback);
    }
    for (size_t i = 0; i < field->choice_count; i++) {
        assert_true (s_reads_value (kind, field, field->choices[i].name));
    }
    s_check_bounds (kind, field, path, seen);
}

static void
s_every_field_takes_its_own_values (void **state)
{
    (void) state;
    seen_t seen = {0};
    zloom_fields_visit (zloom_registry (), s_check_field, &seen);
    assert_true (seen.fields > 60);
    assert_true (seen.bounds > 40);
}

/* The example of each kind is a recipe without errors, once its partners are there. */
static void
s_every_kind_has_an_example_that_reads (void **state)
{
    (void) state;
    const zloom_registry_t *registry = zloom_registry ();
    for (size_t i = 0; i < registry->node_count; i++) {
        const zloom_kind_t *kind = &registry->nodes[i];
        const char *name = kind->example + strspn (kind->example, " ");
        int size = (int) strcspn (name, ":");
        char *text =
          zloom_format ("zloom: 1\nname: t\nnodes:\n%sflows:\n"
                        "  f: {pattern: queue, from: %.*s, to: %.*s}\n",
                        kind->example, kind->sends ? size : 8, kind->sends ? name : "external",
                        kind->takes ? size : 8, kind->takes ? name : "external");
        loaded_t loaded = loaded_from (text);
        loaded_assert_good (&loaded);
        loaded_fini (&loaded);
        free (text);
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const char *example = registry->patterns[i].example;
        char *text =
          zloom_format ("zloom: 1\nname: t\nnodes:\n%s%sflows:\n%s",
                        strstr (example, "shop") ? "  shop: {kind: poller, file: {path: a}}\n" : "",
                        "  charge: {kind: worker, run: [cat]}\n", example);
        loaded_t loaded = loaded_from (text);
        loaded_assert_good (&loaded);
        assert_int_equal (zloom_diags_count (loaded.diags), 0);
        loaded_fini (&loaded);
        free (text);
    }
}

/* A word leads to something that exists, or that a later version brings. */
static bool
s_is_word (const zloom_registry_t *registry, const char *word)
{
    zloom_buf_t out = {0};
    bool known = zloom_explain_kind (registry, word, &out) == ZLOOM_OK ||
                 zloom_explain_key (registry, word, &out) == ZLOOM_OK;
    zloom_buf_fini (&out);
    for (size_t i = 0; i < registry->later_node_count; i++) {
        known = known || strcmp (registry->later_nodes[i].word, word) == 0;
    }
    for (size_t i = 0; i < registry->later_pattern_count; i++) {
        known = known || strcmp (registry->later_patterns[i].word, word) == 0;
    }
    return known;
}

static void
s_synonyms_lead_somewhere (void **state)
{
    (void) state;
    const zloom_registry_t *registry = zloom_registry ();
    for (size_t i = 0; i < registry->synonym_count; i++) {
        if (!s_is_word (registry, registry->synonyms[i].means)) {
            fail_msg ("'%s' leads to '%s', which nobody knows", registry->synonyms[i].word,
                      registry->synonyms[i].means);
        }
    }
}

static void
s_assert_explains (const char *word, const char *part)
{
    zloom_buf_t out = {0};
    assert_int_equal (zloom_explain (zloom_registry (), NULL, word, &out), ZLOOM_OK);
    if (!strstr (zloom_buf_text (&out), part)) {
        fail_msg ("explain %s lacks '%s':\n%s", word, part, zloom_buf_text (&out));
    }
    zloom_buf_fini (&out);
}

static void
s_words_are_explained (void **state)
{
    (void) state;
    s_assert_explains ("Z0402", "allow: {Z0402:");
    s_assert_explains ("Z0203", "This does not:\n    flows:\n");
    s_assert_explains ("lease", "flows.*.lease  (queue)");
    s_assert_explains ("flows.*.lease", "default  30s\n  range    10ms to 7d\n");
    s_assert_explains ("flows.orders.retry.backoff", "default  [1s, 5s, 30s]");
    s_assert_explains ("nodes.x.io", "frames       one long-lived process");
    s_assert_explains ("retry.failures", "flows.*.retry.failures");
    s_assert_explains ("batch", "not in this version");
    s_assert_explains ("queue", "none is lost");
    s_assert_explains ("poller", "kind of node");
    s_assert_explains ("bus", "each subscriber gets each event whose topic it asked for");
    s_assert_explains ("call", "Not in this version: use a queue each way");
    s_assert_explains ("pubsub", "'pubsub' is called 'bus' here.\n\nbus  (pattern of a flow)");
    s_assert_explains ("dlq", "'dlq' is called 'dead_letter' here.\n\nflows.*.dead_letter");
    s_assert_explains ("source", "'source' is called 'poller' here.");
    zloom_buf_t out = {0};
    assert_int_equal (zloom_explain (zloom_registry (), NULL, "leese", &out), ZLOOM_NOT_FOUND);
    assert_non_null (strstr (zloom_note (), "did you mean 'lease'?"));
    assert_int_equal (zloom_explain (zloom_registry (), NULL, "Z7777", &out), ZLOOM_NOT_FOUND);
    assert_int_equal (out.size, 0);
    zloom_buf_fini (&out);
}

static void
s_a_flow_tells_its_promises (void **state)
{
    (void) state;
    loaded_t loaded = loaded_from (
      "zloom: 1\nname: t\nnodes: {a: {kind: worker, run: [cat]}, b: {kind: worker, run: [cat]}}\n"
      "flows:\n  in: {pattern: queue, from: external, to: [a, b], lease: 45s, dead_letter: dead}\n"
      "  dead: {pattern: queue, to: external, confirm: disk, limit: {on_full: reject}}\n");
    loaded_assert_good (&loaded);
    zloom_buf_t out = {0};
    assert_int_equal (zloom_explain (zloom_registry (), loaded.recipe, "in", &out), ZLOOM_OK);
    const char *text = zloom_buf_text (&out);
    assert_non_null (strstr (text, "in is a queue"));
    assert_non_null (strstr (text, "a and b, whoever is free"));
    assert_non_null (strstr (text, "45s without a sign of life"));
    assert_non_null (strstr (text, "1s, 5s, 30s"));
    assert_non_null (strstr (text, "moves to 'dead'"));
    assert_int_equal (zloom_explain_flow (loaded.recipe, "im", &out), ZLOOM_NOT_FOUND);
    zloom_buf_fini (&out);
    loaded_fini (&loaded);
}

/* What `explain` says of one bus, whose flow is called e. */
static void
s_assert_bus_tells (const char *flow, const char *const *told)
{
    char *recipe = zloom_format ("zloom: 1\nname: t\nnodes:\n  a: {kind: worker, run: [cat]}\n  b: "
                                 "{kind: sink, stdout: true}\n"
                                 "flows:\n  e: {pattern: bus, from: external, %s}\n"
                                 "  dead: {pattern: queue, from: external, to: external}\n",
                                 flow);
    loaded_t loaded = loaded_from (recipe);
    loaded_assert_good (&loaded);
    zloom_buf_t out = {0};
    assert_int_equal (zloom_explain (zloom_registry (), loaded.recipe, "e", &out), ZLOOM_OK);
    for (; *told; told++) {
        if (!strstr (zloom_buf_text (&out), *told)) {
            fail_msg ("'%s' is not in:\n%s", *told, zloom_buf_text (&out));
        }
    }
    zloom_buf_fini (&out);
    loaded_fini (&loaded);
    free (recipe);
}

static void
s_a_bus_tells_its_promises (void **state)
{
    (void) state;
    s_assert_bus_tells (
      "topics: [x.y, \"x.>\"], retain: {age: 1h, bytes: 1GiB, messages: 7}, dead_letter: dead, "
      "to: {a: {topics: x.y, from: start}, b: {durable: false, on_slow: drop-oldest(9)}, external: "
      "}",
      (const char *const[]){"e is a bus", "x.y, x.>; others are refused",
                            "a: x.y; misses nothing while it is away, from the oldest",
                            "b: everything; while it listens", "drop-oldest(9)",
                            "external: whoever subscribes", "synced to disk", "1h, 1GiB, 7 events",
                            "moves to 'dead'", "publishers wait", NULL});
    s_assert_bus_tells (
      "to: {a: {durable: false}, b: {durable: false, from: last}}",
      (const char *const[]){"all.", "in the router's memory", "who comes late", NULL});
    s_assert_bus_tells (
      "retain: {messages: 5}, retry: {failures: 1}, limit: {on_full: drop-oldest}, to: [a, b]",
      (const char *const[]){" 5 events", "one failure is the last", "lose the oldest", NULL});
    s_assert_bus_tells ("retain: {bytes: 1MiB}, limit: {on_full: reject}, to: [a, b]",
                        (const char *const[]){" 1MiB", "get an error", NULL});
}

/* Each policy of a slow subscriber, and what is none. */
static void
s_policies_of_slow_subscribers (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        zloom_on_slow_t policy;
        int64_t value;
    } good[] = {
      {"drop-oldest", ZLOOM_ON_SLOW_DROP_OLDEST, 0},
      {"drop-newest(7)", ZLOOM_ON_SLOW_DROP_NEWEST, 7},
      {"latest(3)", ZLOOM_ON_SLOW_LATEST, 3},
      {"block(5s)", ZLOOM_ON_SLOW_BLOCK, 5000},
      {"spill(1MiB)", ZLOOM_ON_SLOW_SPILL, 1 << 20},
      {"disconnect", ZLOOM_ON_SLOW_DISCONNECT, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *recipe = zloom_format ("zloom: 1\nname: t\nnodes:\n  b: {kind: sink, stdout: true}\n"
                                     "flows:\n  e:\n    pattern: bus\n    from: external\n"
                                     "    to: {b: {durable: false, on_slow: %s}}\n",
                                     good[i].text);
        loaded_t loaded = loaded_from (recipe);
        loaded_assert_good (&loaded);
        const zloom_recipe_flow_t *flow = zloom_recipe_flow (loaded.recipe, "e");
        const zloom_flow_config_t *config = zloom_flow_config (flow);
        assert_int_equal (config->subscribers[0].on_slow, good[i].policy);
        assert_int_equal (config->subscribers[0].on_slow_value, good[i].value);
        assert_null (zloom_flow_config_topic (config));
        assert_non_null (zloom_flow_subscriber (flow, flow->to[0].node));
        assert_null (zloom_flow_subscriber (flow, NULL));
        loaded_fini (&loaded);
        free (recipe);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_every_field_takes_its_own_values),
      cmocka_unit_test (s_every_kind_has_an_example_that_reads),
      cmocka_unit_test (s_synonyms_lead_somewhere),
      cmocka_unit_test (s_words_are_explained),
      cmocka_unit_test (s_a_flow_tells_its_promises),
      cmocka_unit_test (s_a_bus_tells_its_promises),
      cmocka_unit_test (s_policies_of_slow_subscribers),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
