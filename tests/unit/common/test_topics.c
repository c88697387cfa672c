/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "patterns/common/flow_config.h"
#include "patterns/common/topics.h"
#include "wire/limits.h"
#include "wire/pack.h"

static zloom_err_t
s_topic (const char *text)
{
    return zloom_topic_check (zloom_bytes_text (text));
}

static zloom_err_t
s_pattern (const char *text)
{
    return zloom_topic_check_pattern (zloom_bytes_text (text));
}

static bool
s_matches (const char *pattern, const char *topic)
{
    assert_int_equal (s_pattern (pattern), ZLOOM_OK);
    assert_int_equal (s_topic (topic), ZLOOM_OK);
    return zloom_topic_matches (zloom_bytes_text (pattern), zloom_bytes_text (topic));
}

static void
topic_is_tokens_with_dots (void **state)
{
    (void) state;
    assert_int_equal (s_topic ("order"), ZLOOM_OK);
    assert_int_equal (s_topic ("order.eu.paid"), ZLOOM_OK);
    assert_int_equal (s_topic ("größe.*x.a>b"), ZLOOM_OK);
    static const char *const bad[] = {"",    ".",     "a.",  ".a", "a..b",   "*",
                                      "a.*", "*.a.b", "a.>", ">",  "a.\xff", "\xc0\xaf"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal (s_topic (bad[i]), ZLOOM_MALFORMED);
    }
    assert_int_equal (zloom_topic_check (ZLOOM_BYTES_NULL), ZLOOM_MALFORMED);
    assert_int_equal (zloom_topic_check (zloom_bytes ("a\0b", 3)), ZLOOM_MALFORMED);
}

static void
topic_says_what_is_wrong (void **state)
{
    (void) state;
    assert_int_equal (s_topic ("order..paid"), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "topic 'order..paid': a token is empty");
    assert_int_equal (s_topic ("order.*"), ZLOOM_MALFORMED);
    assert_string_equal (
      zloom_note (),
      "topic 'order.*': '*' and '>' stand in what is subscribed to, not in what is sent");
    assert_int_equal (s_topic ("\xff"), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "topic: it is not UTF-8");
}

static void
topic_has_limits (void **state)
{
    (void) state;
    char text[20001];
    for (size_t i = 0; i < 20000; i++) { /* ten thousand tokens */
        text[i] = i % 2 ? '.' : 'a';
    }
    text[19999] = '\0';
    assert_int_equal (s_topic (text), ZLOOM_TOO_BIG);
    text[2 * ZLOOM_LIMIT_TOPIC_TOKENS + 1] = '\0'; /* one too many */
    assert_int_equal (s_topic (text), ZLOOM_TOO_BIG);
    text[2 * ZLOOM_LIMIT_TOPIC_TOKENS - 1] = '\0';
    assert_int_equal (s_topic (text), ZLOOM_OK);
    memset (text, 'x', ZLOOM_LIMIT_TOPIC_BYTES + 1);
    text[ZLOOM_LIMIT_TOPIC_BYTES + 1] = '\0';
    assert_int_equal (s_topic (text), ZLOOM_TOO_BIG);
    text[ZLOOM_LIMIT_TOPIC_BYTES] = '\0';
    assert_int_equal (s_topic (text), ZLOOM_OK);
}

static void
pattern_matches_by_token (void **state)
{
    (void) state;
    assert_true (s_matches ("order.paid", "order.paid"));
    assert_false (s_matches ("order.paid", "order.paid.late"));
    assert_false (s_matches ("order.paid", "order"));
    assert_true (s_matches ("order.*", "order.paid"));
    assert_false (s_matches ("order.*", "order"));
    assert_false (s_matches ("order.*", "order.eu.paid"));
    assert_true (s_matches ("*.eu.*", "order.eu.paid"));
    assert_true (s_matches ("order.>", "order.eu.paid"));
    assert_true (s_matches ("order.>", "order.eu"));
    assert_false (s_matches ("order.>", "order"));
    assert_true (s_matches (">", "order"));
    assert_false (s_matches ("order.p", "order.paid"));
    assert_int_equal (s_pattern ("a.>.b"), ZLOOM_MALFORMED);
    assert_int_equal (s_pattern ("a..>"), ZLOOM_MALFORMED);
    assert_int_equal (s_pattern ("a.>>"), ZLOOM_OK); /* letters like others */
}

static void
topic_stands_first_in_an_envelope (void **state)
{
    (void) state;
    zloom_buf_t out = {0};
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("a.b"),
                                       .body = zloom_bytes_text ("{}")};
    zloom_envelope_encode (&envelope, &out);
    assert_true (zloom_bytes_equal (zloom_topic_of (zloom_buf_bytes (&out)), envelope.topic));
    zloom_buf_clear (&out);
    zloom_envelope_encode (&(zloom_envelope_t){.body = zloom_bytes_text ("{}")}, &out);
    assert_null (zloom_topic_of (zloom_buf_bytes (&out)).data);
    static const char *const odd[] = {"",     "\x90", "\x91", "\x91\x05", "\x91\xa5\x61\x62",
                                      "\xc1", "abc"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_null (zloom_topic_of (zloom_bytes_text (odd[i])).data);
    }
    zloom_buf_fini (&out);
}

static zloom_bytes_t
s_encode (const char *topic, const char *body, zloom_buf_t *out)
{
    zloom_buf_clear (out);
    zloom_envelope_encode (
      &(zloom_envelope_t){.topic = zloom_bytes_text (topic), .body = zloom_bytes_text (body)}, out);
    return zloom_buf_bytes (out);
}

/* Who begins with the same bytes up to the topic's end has the same topic, and nobody else. */
static void
topic_is_told_by_how_an_envelope_begins (void **state)
{
    (void) state;
    zloom_buf_t first = {0};
    zloom_buf_t other = {0};
    const zloom_bytes_t bytes = s_encode ("a.b", "{}", &first);
    const zloom_bytes_t head = zloom_topic_head (bytes, zloom_topic_of (bytes));
    assert_int_equal (head.size, 5);
    assert_true (zloom_topic_again (s_encode ("a.b", "more", &other), head));
    assert_false (zloom_topic_again (s_encode ("a.c", "{}", &other), head));
    assert_false (zloom_topic_again (s_encode ("a.b.c", "{}", &other), head));
    assert_false (zloom_topic_again (s_encode ("a", "{}", &other), head));
    assert_false (zloom_topic_again (s_encode (NULL, "{}", &other), head));
    assert_false (zloom_topic_again (zloom_bytes (bytes.data, 4), head));
    const zloom_bytes_t without = s_encode (NULL, "{}", &other);
    assert_null (zloom_topic_head (without, zloom_topic_of (without)).data);
    assert_false (zloom_topic_again (without, ZLOOM_BYTES_NULL));
    zloom_buf_fini (&first);
    zloom_buf_fini (&other);
}

static const char *
s_only (const char *first, size_t count)
{
    const char *const topics[] = {first, "order.declined"};
    const zloom_flow_config_t config = {.topics = topics, .topic_count = count};
    return zloom_flow_config_topic (&config);
}

static void
topic_of_what_names_none_is_the_only_one (void **state)
{
    (void) state;
    assert_string_equal (s_only ("order.paid", 1), "order.paid");
    assert_null (s_only ("order.paid", 0));
    assert_null (s_only ("order.paid", 2));
    assert_null (s_only ("order.*", 1));
    assert_null (s_only (">", 1));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (topic_is_tokens_with_dots),
      cmocka_unit_test (topic_says_what_is_wrong),
      cmocka_unit_test (topic_has_limits),
      cmocka_unit_test (pattern_matches_by_token),
      cmocka_unit_test (topic_stands_first_in_an_envelope),
      cmocka_unit_test (topic_is_told_by_how_an_envelope_begins),
      cmocka_unit_test (topic_of_what_names_none_is_the_only_one),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
