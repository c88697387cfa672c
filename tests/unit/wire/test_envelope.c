/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/sample.h"
#include "wire/attrs.h"
#include "wire/encode.h"
#include "wire/envelope.h"
#include "wire/limits.h"

static zloom_attrs_t s_attrs;
static zloom_buf_t s_buf;

static int
s_free (void **state)
{
    (void) state;
    zloom_attrs_fini (&s_attrs);
    zloom_buf_fini (&s_buf);
    return 0;
}

static zloom_envelope_t
s_full (void)
{
    zloom_attrs_clear (&s_attrs);
    zloom_attrs_put_text (&s_attrs, "source", zloom_bytes_text ("shop"));
    zloom_attrs_put_text (
      &s_attrs, "traceparent",
      zloom_bytes_text ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    return (zloom_envelope_t){
      .topic = zloom_bytes_text ("order.paid"),
      .key = zloom_bytes_text ("c-7"),
      .has_due = true,
      .due_ms = 1500,
      .has_expires = true,
      .expires_ms = 60000,
      .has_priority = true,
      .priority = 9,
      .has_budget = true,
      .budget_ms = 250,
      .id = zloom_bytes_text ("order-1"),
      .has_time = true,
      .time_ns = INT64_C (1764000000000000000),
      .attrs = zloom_attrs_bytes (&s_attrs),
      .body = zloom_bytes_text ("{\"order\":1}"),
    };
}

static void
s_assert_sample (const char *name, const zloom_envelope_t *envelope)
{
    char path[512];
    zloom_buf_t golden = {0};
    zloom_envelope_t found;
    snprintf (path, sizeof path, "%s/wire/%s.hex", ZLOOM_TEST_DATA, name);
    assert_true (zloom_sample_load (path, &golden));
    zloom_buf_clear (&s_buf);
    zloom_envelope_encode (envelope, &s_buf);
    assert_true (zloom_bytes_equal (zloom_buf_bytes (&s_buf), zloom_buf_bytes (&golden)));
    assert_int_equal (zloom_envelope_check (envelope), ZLOOM_OK);
    assert_int_equal (zloom_envelope_decode (zloom_buf_bytes (&golden), &found), ZLOOM_OK);
    zloom_buf_clear (&s_buf);
    zloom_envelope_encode (&found, &s_buf);
    assert_true (zloom_bytes_equal (zloom_buf_bytes (&s_buf), zloom_buf_bytes (&golden)));
    assert_int_equal (zloom_envelope_flags (&found), zloom_envelope_flags (envelope));
    zloom_buf_fini (&golden);
}

static void
test_samples_both_ways (void **state)
{
    const zloom_envelope_t empty = {0};
    const zloom_envelope_t plain = {.key = zloom_bytes_text ("c-7"),
                                    .body = zloom_bytes_text ("{\"order\":1}")};
    const zloom_envelope_t full = s_full ();
    (void) state;
    s_assert_sample ("envelope-empty", &empty);
    s_assert_sample ("envelope", &plain);
    s_assert_sample ("envelope-full", &full);
    assert_int_equal (zloom_envelope_flags (&empty), 0);
    assert_int_equal (zloom_envelope_flags (&plain), ZLOOM_FLAG_KEY);
    assert_int_equal (zloom_envelope_flags (&full), 255 & ~ZLOOM_FLAG_TRACE);
}

static void
test_decode_reads_every_field (void **state)
{
    const zloom_envelope_t full = s_full ();
    zloom_envelope_t found;
    (void) state;
    zloom_buf_clear (&s_buf);
    zloom_envelope_encode (&full, &s_buf);
    assert_int_equal (zloom_envelope_decode (zloom_buf_bytes (&s_buf), &found), ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.topic, full.topic));
    assert_true (zloom_bytes_equal (found.key, full.key));
    assert_true (found.has_due && found.due_ms == 1500);
    assert_true (found.has_expires && found.expires_ms == 60000);
    assert_true (found.has_priority && found.priority == 9);
    assert_true (found.has_budget && found.budget_ms == 250);
    assert_true (zloom_bytes_equal (found.id, full.id));
    assert_true (found.has_time && found.time_ns == full.time_ns);
    assert_true (zloom_bytes_equal (found.attrs, full.attrs));
    assert_true (zloom_bytes_equal (found.body, full.body));
}

/* The head is read from bytes whose attributes and body nobody has checked. */
static void
test_the_head_alone (void **state)
{
    zloom_envelope_t full = s_full ();
    zloom_envelope_t found;
    (void) state;
    full.attrs = zloom_bytes ("\xc1", 1);
    zloom_buf_clear (&s_buf);
    zloom_envelope_encode (&full, &s_buf);
    const zloom_bytes_t bytes = zloom_buf_bytes (&s_buf);
    assert_int_equal (zloom_envelope_decode_head (bytes, &found), ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.key, full.key));
    assert_true (found.has_time);
    assert_null (found.attrs.data);
    assert_null (found.body.data);
    assert_int_equal (zloom_envelope_decode (bytes, &found), ZLOOM_MALFORMED);
    assert_int_equal (zloom_envelope_decode_head (zloom_bytes (bytes.data, 5), &found),
                      ZLOOM_TRUNCATED);
    assert_int_equal (zloom_envelope_decode_head (ZLOOM_BYTES_NULL, &found), ZLOOM_TRUNCATED);
}

/* The same fields behind a longer head, which is always read the long way. */
static void
s_assert_both_ways (zloom_bytes_t bytes)
{
    uint8_t longer[64] = {0xdc, 0, 10};
    zloom_envelope_t found;
    zloom_envelope_t expected;
    memcpy (longer + 3, bytes.data + 1, bytes.size - 1);
    const zloom_err_t err = zloom_envelope_decode (bytes, &found);
    assert_int_equal (err, zloom_envelope_decode (zloom_bytes (longer, bytes.size + 2), &expected));
    if (err == ZLOOM_OK) {
        assert_true (zloom_bytes_equal (found.topic, expected.topic));
        assert_true (zloom_bytes_equal (found.key, expected.key));
        assert_true (zloom_bytes_equal (found.body, expected.body));
        assert_true (!found.topic.data == !expected.topic.data);
        assert_true (!found.key.data == !expected.key.data);
        assert_true (!found.body.data == !expected.body.data);
        assert_int_equal (zloom_envelope_flags (&found), zloom_envelope_flags (&expected));
        assert_int_equal (found.has_time, expected.has_time);
    }
}

/* Plain envelopes are read by a short way: whatever stands there, both ways see the same. */
static void
test_the_short_way_is_the_long_way (void **state)
{
    const zloom_envelope_t plain[] = {
      {.topic = zloom_bytes_text ("a.b"), .body = zloom_bytes_text ("1")},
      {.key = zloom_bytes_text ("k"), .body = zloom_bytes_text ("22")},
      {.topic = zloom_bytes_text (""), .key = zloom_bytes_text (""), .body = zloom_bytes_text ("")},
      {.topic = zloom_bytes_text ("a")},
    };
    (void) state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        zloom_buf_clear (&s_buf);
        zloom_envelope_encode (&plain[i], &s_buf);
        for (size_t at = 1; at < s_buf.size; at++) {
            const uint8_t was = s_buf.data[at];
            for (unsigned byte = 0; byte < 256; byte++) {
                s_buf.data[at] = (uint8_t) byte;
                s_assert_both_ways (zloom_buf_bytes (&s_buf));
            }
            s_buf.data[at] = was;
            s_assert_both_ways (zloom_bytes (s_buf.data, at));
        }
    }
}

/* By msgpack's own packer. */
static void
s_encode_long (const zloom_envelope_t *envelope, zloom_buf_t *out)
{
    zloom_encode_array (out, 10);
    zloom_encode_text (out, envelope->topic);
    zloom_encode_bytes (out, envelope->key);
    for (int i = 0; i < 7; i++) {
        zloom_encode_nil (out);
    }
    zloom_encode_bytes (out, envelope->body);
}

/* Plain envelopes are written by a short way, too: the same bytes at each size that has a form. */
static void
test_the_short_way_writes_the_same (void **state)
{
    static uint8_t bytes[70000];
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256};
    static const size_t bodies[] = {0, 1, 255, 256, 65535, 65536, 70000};
    zloom_buf_t expected = {0};
    (void) state;
    memset (bytes, 'x', sizeof bytes);
    for (size_t i = 0; i < 7 * 7 * 7; i++) {
        const size_t topic = i % 7;
        const size_t key = i / 7 % 7;
        const zloom_envelope_t plain = {
          .topic = topic < 6 ? zloom_bytes (bytes, sizes[topic]) : ZLOOM_BYTES_NULL,
          .key = key < 6 ? zloom_bytes (bytes, sizes[key]) : ZLOOM_BYTES_NULL,
          .body = zloom_bytes (bytes, bodies[i / 49])};
        zloom_buf_clear (&s_buf);
        zloom_buf_clear (&expected);
        zloom_envelope_encode (&plain, &s_buf);
        s_encode_long (&plain, &expected);
        assert_true (zloom_bytes_equal (zloom_buf_bytes (&s_buf), zloom_buf_bytes (&expected)));
        assert_true (s_buf.size <= s_buf.capacity);
    }
    zloom_buf_fini (&expected);
}

/* What check passes decode takes, and the other way round. */
static void
s_assert_verdict (const zloom_envelope_t *envelope, zloom_err_t verdict)
{
    zloom_envelope_t found;
    assert_int_equal (zloom_envelope_check (envelope), verdict);
    zloom_buf_clear (&s_buf);
    zloom_envelope_encode (envelope, &s_buf);
    assert_int_equal (zloom_envelope_decode (zloom_buf_bytes (&s_buf), &found), verdict);
}

static void
test_limits (void **state)
{
    static uint8_t bytes[ZLOOM_LIMIT_MESSAGE_BYTES + 1];
    zloom_envelope_t envelope = {.topic = zloom_bytes (bytes, ZLOOM_LIMIT_TOPIC_BYTES),
                                 .key = zloom_bytes (bytes, ZLOOM_LIMIT_KEY_BYTES),
                                 .id = zloom_bytes (bytes, ZLOOM_LIMIT_ID_BYTES),
                                 .body = zloom_bytes (bytes, ZLOOM_LIMIT_MESSAGE_BYTES)};
    (void) state;
    memset (bytes, 'x', sizeof bytes);
    s_assert_verdict (&envelope, ZLOOM_OK);
    envelope.body.size++;
    s_assert_verdict (&envelope, ZLOOM_TOO_BIG);
    envelope.body = ZLOOM_BYTES_NULL;
    envelope.topic.size++;
    s_assert_verdict (&envelope, ZLOOM_TOO_BIG);
    envelope.topic = ZLOOM_BYTES_NULL;
    envelope.key.size++;
    s_assert_verdict (&envelope, ZLOOM_TOO_BIG);
    envelope.key = ZLOOM_BYTES_NULL;
    envelope.id.size++;
    s_assert_verdict (&envelope, ZLOOM_TOO_BIG);
    envelope = (zloom_envelope_t){.topic = zloom_bytes ("\xff", 1)};
    s_assert_verdict (&envelope, ZLOOM_MALFORMED);
    envelope = (zloom_envelope_t){.has_priority = true, .priority = 10};
    s_assert_verdict (&envelope, ZLOOM_MALFORMED);
    envelope = (zloom_envelope_t){.has_due = true, .due_ms = -1};
    s_assert_verdict (&envelope, ZLOOM_MALFORMED);
    envelope = (zloom_envelope_t){.has_due = true, .due_ms = INT64_MAX};
    s_assert_verdict (&envelope, ZLOOM_OK);
    envelope = (zloom_envelope_t){.attrs = zloom_bytes ("\x90", 1)};
    s_assert_verdict (&envelope, ZLOOM_MALFORMED);
}

static void
test_other_writers_are_understood (void **state)
{
    zloom_envelope_t found;
    (void) state;
    /* Short array, key and body as str, int forms that are not the shortest. */
    static const char brief[] = "\x93\xc0\xa3"
                                "c-7\xcf\0\0\0\0\0\0\0\x05";
    assert_int_equal (zloom_envelope_decode (zloom_bytes (brief, sizeof brief - 1), &found),
                      ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.key, zloom_bytes_text ("c-7")));
    assert_true (found.has_due && found.due_ms == 5);
    assert_null (found.body.data);
    static const char longer[] = "\x9b\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xa1x\x81\x01\x02";
    assert_int_equal (zloom_envelope_decode (zloom_bytes (longer, sizeof longer - 1), &found),
                      ZLOOM_OK);
    assert_int_equal (found.body.size, 1);
    assert_int_equal (zloom_envelope_decode (zloom_bytes (longer, sizeof longer - 2), &found),
                      ZLOOM_TRUNCATED);
    assert_int_equal (zloom_envelope_decode (zloom_bytes ("\x80", 1), &found), ZLOOM_MALFORMED);
    assert_int_equal (zloom_envelope_decode (zloom_bytes ("\x90\x01", 2), &found), ZLOOM_TRAILING);
}

/* The same points in time, from another base; nothing is due too early, or before the base. */
static void
test_rebase_keeps_the_points_in_time (void **state)
{
    (void) state;
    const int64_t ms = 1000000;
    static const struct {
        int64_t from_ns, base_ns, due_ms, moved_ms;
    } cases[] = {
      {7, 7, 5, 5},           {10 * 1000000, 0, 5, 15}, {10 * 1000000 + 1, 0, 5, 16},
      {0, 3 * 1000000, 5, 2}, {0, 9 * 1000000, 5, 0},   {1000000, 0, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zloom_envelope_t envelope = {.has_due = true,
                                     .due_ms = cases[i].due_ms,
                                     .has_expires = true,
                                     .expires_ms = cases[i].due_ms};
        zloom_envelope_rebase (&envelope, cases[i].from_ns, cases[i].base_ns);
        assert_true (envelope.due_ms == cases[i].moved_ms);
        assert_true (envelope.expires_ms == cases[i].moved_ms);
    }
    zloom_envelope_t unset = {.body = zloom_bytes_text ("x")};
    zloom_envelope_rebase (&unset, 10 * ms, 0);
    assert_int_equal (zloom_envelope_flags (&unset), 0);
    assert_int_equal (unset.due_ms, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_rebase_keeps_the_points_in_time),
      cmocka_unit_test (test_samples_both_ways),
      cmocka_unit_test (test_decode_reads_every_field),
      cmocka_unit_test (test_the_head_alone),
      cmocka_unit_test (test_the_short_way_writes_the_same),
      cmocka_unit_test (test_the_short_way_is_the_long_way),
      cmocka_unit_test (test_limits),
      cmocka_unit_test (test_other_writers_are_understood),
    };
    return cmocka_run_group_tests (tests, NULL, s_free);
}
