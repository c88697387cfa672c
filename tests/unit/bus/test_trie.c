/* SPDX-License-Identifier: MPL-2.0 */
/* The trie against a matcher that looks at every pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "patterns/bus/trie.h"
#include "patterns/common/topics.h"

#define PATTERNS 400
#define WHO 60

typedef struct {
    char text[128];
    uint32_t who;
    bool there;
} wish_t;

static const zloom_trie_set_t *
s_match (zloom_trie_t *trie, const char *topic)
{
    return zloom_trie_match (trie, zloom_bytes_text (topic));
}

static void
trie_finds_who_wants_a_topic (void **state)
{
    (void) state;
    zloom_trie_t *trie = zloom_trie_new ();
    assert_int_equal (s_match (trie, "order.paid")->count, 0);
    zloom_trie_add (trie, zloom_bytes_text ("order.paid"), 7);
    zloom_trie_add (trie, zloom_bytes_text ("order.*"), 3);
    zloom_trie_add (trie, zloom_bytes_text (">"), 9);
    zloom_trie_add (trie, zloom_bytes_text ("order.>"), 7); /* a second one of 7 */
    const zloom_trie_set_t *set = s_match (trie, "order.paid");
    assert_int_equal (set->count, 3);
    assert_int_equal (set->who[0], 3);
    assert_int_equal (set->who[1], 7);
    assert_int_equal (set->who[2], 9);
    assert_int_equal (s_match (trie, "order.eu.paid")->count, 2);
    assert_int_equal (s_match (trie, "order")->count, 1);
    zloom_trie_remove (trie, zloom_bytes_text ("order.>"), 7);
    assert_int_equal (s_match (trie, "order.eu.paid")->count, 1);
    assert_int_equal (s_match (trie, "order.paid")->count, 3);
    zloom_trie_remove (trie, zloom_bytes_text ("nothing.of.it"), 7);
    zloom_trie_remove (trie, zloom_bytes_text ("*.*"), 7);
    zloom_trie_remove (trie, zloom_bytes_text ("order.paid"), 8);
    assert_int_equal (s_match (trie, "order.paid")->count, 3);
    zloom_trie_destroy (&trie);
    assert_null (trie);
    zloom_trie_destroy (&trie);
}

/* Few tokens, so that patterns meet. */
static void
s_draw (zloom_random_t *random, bool pattern, char *text, size_t size)
{
    static const char *const tokens[] = {"a", "b", "c", "order", "*x", "*", ">"};
    const uint64_t count = 1 + zloom_random_below (random, 5);
    size_t at = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t token = zloom_random_below (random, pattern ? 7 : 5);
        if (token == 6 && i + 1 < count) {
            token = 5;
        }
        at += (size_t) snprintf (text + at, size - at, "%s%s", i ? "." : "", tokens[token]);
    }
}

static void
s_compare (zloom_trie_t *trie, const wish_t *wishes, const char *topic)
{
    bool wants[WHO] = {false};
    uint32_t expected = 0;
    for (size_t i = 0; i < PATTERNS; i++) {
        const wish_t *wish = &wishes[i];
        if (wish->there && !wants[wish->who] &&
            zloom_topic_matches (zloom_bytes_text (wish->text), zloom_bytes_text (topic))) {
            wants[wish->who] = true;
            expected++;
        }
    }
    const zloom_trie_set_t *set = s_match (trie, topic);
    assert_int_equal (set->count, expected);
    for (uint32_t i = 0; i < set->count; i++) {
        assert_true (wants[set->who[i]]);
        assert_true (i == 0 || set->who[i - 1] < set->who[i]);
    }
}

/* Whether another wish of the same one has the same pattern. */
static bool
s_has_twin (const wish_t *wishes, size_t index)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        if (i != index && wishes[i].there && wishes[i].who == wishes[index].who &&
            strcmp (wishes[i].text, wishes[index].text) == 0) {
            return true;
        }
    }
    return false;
}

static void
trie_agrees_with_a_plain_matcher (void **state)
{
    (void) state;
    static wish_t wishes[PATTERNS];
    zloom_random_t random;
    zloom_random_init (&random, 42);
    zloom_trie_t *trie = zloom_trie_new ();
    char topic[128];
    for (int round = 0; round < 20000; round++) {
        const size_t at = (size_t) zloom_random_below (&random, PATTERNS);
        wish_t *wish = &wishes[at];
        if (round % 4 == 0 && wish->there) {
            if (!s_has_twin (wishes, at)) {
                zloom_trie_remove (trie, zloom_bytes_text (wish->text), wish->who);
            }
            wish->there = false;
        } else if (round % 4 == 0) {
            s_draw (&random, true, wish->text, sizeof wish->text);
            assert_int_equal (zloom_topic_check_pattern (zloom_bytes_text (wish->text)), ZLOOM_OK);
            wish->who = (uint32_t) zloom_random_below (&random, WHO);
            wish->there = true;
            zloom_trie_add (trie, zloom_bytes_text (wish->text), wish->who);
        }
        s_draw (&random, false, topic, sizeof topic);
        s_compare (trie, wishes, topic);
    }
    for (size_t i = 0; i < PATTERNS; i++) {
        if (wishes[i].there) {
            zloom_trie_remove (trie, zloom_bytes_text (wishes[i].text), wishes[i].who);
            wishes[i].there = false;
        }
    }
    assert_int_equal (zloom_trie_nodes (trie), 1); /* nothing is left behind */
    zloom_trie_destroy (&trie);
}

/* What is remembered is bounded, and still right behind the bound. */
static void
trie_forgets_topics_that_are_too_many (void **state)
{
    (void) state;
    zloom_trie_t *trie = zloom_trie_new ();
    zloom_trie_add (trie, zloom_bytes_text ("t.*.x"), 1);
    zloom_trie_add (trie, zloom_bytes_text ("t.5.>"), 2);
    char topic[64];
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3 * ZLOOM_TRIE_TOPICS; i++) {
            snprintf (topic, sizeof topic, "t.%u.x", i);
            assert_int_equal (s_match (trie, topic)->count, i == 5 ? 2 : 1);
            assert_int_equal (s_match (trie, "t.5.x")->count, 2);
        }
    }
    zloom_trie_destroy (&trie);
}

/* The worst that patterns can do to a walk: each way splits at each token. */
static void
trie_walks_no_more_than_there_is (void **state)
{
    (void) state;
    zloom_trie_t *trie = zloom_trie_new ();
    char text[128];
    for (uint32_t who = 0; who < 1024; who++) {
        size_t at = 0;
        for (int i = 0; i < 10; i++) {
            at += (size_t) snprintf (text + at, sizeof text - at, "%s%s", i ? "." : "",
                                     (who >> i) & 1 ? "*" : "a");
        }
        zloom_trie_add (trie, zloom_bytes_text (text), who);
    }
    assert_int_equal (zloom_trie_nodes (trie), 2047);
    assert_int_equal (s_match (trie, "a.a.a.a.a.a.a.a.a.a")->count, 1024);
    assert_int_equal (s_match (trie, "a.a.a.a.b.a.a.a.a.a")->count, 512);
    zloom_trie_destroy (&trie);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (trie_finds_who_wants_a_topic),
      cmocka_unit_test (trie_agrees_with_a_plain_matcher),
      cmocka_unit_test (trie_forgets_topics_that_are_too_many),
      cmocka_unit_test (trie_walks_no_more_than_there_is),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
