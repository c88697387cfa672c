/* SPDX-License-Identifier: MPL-2.0 */
/* `zloom explain FLOW`: what a recipe promises is said in words, and nothing that it does not. */
#include "recipes.h"

#include "recipe/explain.h"

#define HEAD                                                                                     \
    "zloom: 1\nname: t\nnodes: {a: {kind: worker, run: [cat]}, b: {kind: worker, run: [cat]},\n" \
    "  c: {kind: worker, run: [cat]}}\nallow: {Z0402: \"shown on purpose\"}\nflows:\n"
#define DEAD "  dead: {pattern: queue, to: external, confirm: disk}\n"

/* The words of flow `name` in a recipe with these flows. */
static zloom_buf_t
s_explain (const char *flows, const char *name)
{
    char *text = zloom_format (HEAD "%s", flows);
    loaded_t loaded = loaded_from (text);
    loaded_assert_good (&loaded);
    zloom_buf_t out = {0};
    assert_int_equal (zloom_explain_flow (loaded.recipe, name, &out), ZLOOM_OK);
    loaded_fini (&loaded);
    free (text);
    return out;
}

/* Flow `in` with these words more is explained with this text, and not with that one. */
static void
s_says (const char *words, const char *said, const char *unsaid)
{
    char *flows =
      zloom_format ("  in: {pattern: queue, from: external, to: [a, b, c]%s}\n" DEAD
                    "  other: {pattern: queue, from: external, to: external, dead_letter: dead}\n",
                    words);
    zloom_buf_t out = s_explain (flows, "in");
    if (!strstr (zloom_buf_text (&out), said)) {
        fail_msg ("'%s' does not say '%s':\n%s", words, said, zloom_buf_text (&out));
    }
    if (unsaid && strstr (zloom_buf_text (&out), unsaid)) {
        fail_msg ("'%s' says '%s':\n%s", words, unsaid, zloom_buf_text (&out));
    }
    zloom_buf_fini (&out);
    free (flows);
}

static void
s_failures_are_told (void **state)
{
    (void) state;
    s_says ("", "dropped and counted", "moves to");
    s_says (", dead_letter: dead", "moves to 'dead'", "dropped and counted");
    s_says (", dead_letter: dead, requeues: 7", "come back 7 times", NULL);
    s_says (", retry: {failures: 1}", "one failure is the last", "it waits");
    s_says (", retry: {failures: 4, backoff: [2s, 9s], jitter: 5%}", "2s, 9s", "is the last:");
    s_says (", key: /id, order: strict, dead_letter: dead", "its key waits for you", "moves to");
    s_says (", key: /id, order: skip, dead_letter: dead", "moves to 'dead'", "waits for you");
}

static void
s_order_is_told (void **state)
{
    (void) state;
    s_says ("", "highest priority first", "worked one after the other");
    s_says (", key: /id", "the same /id are worked one after the other", "overtake");
    s_says (", key: /id, order: skip", "goes on once it is dead", "freed by hand");
    s_says (", key: /id, order: strict", "rejected, or freed by hand", "goes on once");
    s_says (", key: /id, order: park, dead_letter: dead", "later ones follow it", "goes on once");
}

static void
s_times_and_ids_are_told (void **state)
{
    (void) state;
    s_says ("", "Order", "Expiry");
    s_says (", expires: 1h", "has waited 1h is counted and gone", "moves to the dead");
    s_says (", expires: 2h, dead_letter: dead", "has waited 2h moves to the dead letters", NULL);
    s_says ("", "Order", "Twice");
    s_says (", dedup: {by: id, window: 20m}", "came within 20m is not stored again", NULL);
}

static void
s_limits_and_levels_are_told (void **state)
{
    (void) state;
    s_says ("", "senders wait; nothing is lost", "in the router's memory");
    s_says (", limit: {on_full: reject}", "senders get an error", "senders wait");
    s_says (", limit: {on_full: drop-oldest}", "oldest waiting messages go", "senders wait");
    s_says (", confirm: memory", "a restart of it loses it", "synced to disk");
}

static void
s_ends_are_told (void **state)
{
    (void) state;
    s_says ("", "a, b and c, whoever is free", NULL);
    static const char flows[] =
      "  in: {pattern: queue, from: external, to: a, dead_letter: dead}\n" DEAD
      "  other: {pattern: queue, from: external, to: [b, c]}\n";
    zloom_buf_t out = s_explain (flows, "in");
    assert_non_null (strstr (zloom_buf_text (&out), "programs outside the recipe"));
    assert_null (strstr (zloom_buf_text (&out), "whoever is free"));
    zloom_buf_fini (&out);
    out = s_explain (flows, "other");
    assert_non_null (strstr (zloom_buf_text (&out), "b and c, whoever is free"));
    zloom_buf_fini (&out);
    out = s_explain (flows, "dead");
    assert_non_null (strstr (zloom_buf_text (&out), "dead letters of other flows"));
    zloom_buf_fini (&out);
}

/* In a pointer '~' stands for something only as ~0 and ~1 (RFC 6901). */
static void
s_pointers_are_checked (void **state)
{
    (void) state;
    static const struct {
        const char *key;
        bool good;
    } cases[] = {{"/a~0b", true}, {"/a~1b", true}, {"/", true},       {"/a~", false},
                 {"/a~2", false}, {"a", false},    {"/~0~1~3", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = zloom_format ("zloom: 1\nname: t\nflows: {f: {pattern: queue, from: external, "
                                   "to: external, key: %s}}\n",
                                   cases[i].key);
        loaded_t loaded = loaded_from (text);
        assert_int_equal (loaded.err == ZLOOM_OK, cases[i].good);
        loaded_fini (&loaded);
        free (text);
    }
}

/* Words of fleets stand in files of their own, and are known as well. */
static void
s_words_of_fleets_are_known (void **state)
{
    (void) state;
    static const char *const words[] = {"place", "hosts.hub.address", "rights", "ports"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        zloom_buf_t out = {0};
        assert_int_equal (zloom_explain (zloom_registry (), NULL, words[i], &out), ZLOOM_OK);
        assert_non_null (strstr (zloom_buf_text (&out), "(fleet)"));
        zloom_buf_fini (&out);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_failures_are_told),
      cmocka_unit_test (s_order_is_told),
      cmocka_unit_test (s_times_and_ids_are_told),
      cmocka_unit_test (s_limits_and_levels_are_told),
      cmocka_unit_test (s_ends_are_told),
      cmocka_unit_test (s_pointers_are_checked),
      cmocka_unit_test (s_words_of_fleets_are_known),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
