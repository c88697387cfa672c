/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "wire/alike.h"
#include "wire/envelope.h"

typedef struct {
    zloom_bytes_t topic, key, body;
} parts_t;

static void
s_assert_same (const parts_t *a, const parts_t *b)
{
    const zloom_bytes_t *const x[] = {&a->topic, &a->key, &a->body};
    const zloom_bytes_t *const y[] = {&b->topic, &b->key, &b->body};
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal (x[i]->data, y[i]->data);
        assert_int_equal (x[i]->size, y[i]->size);
    }
}

/* As those who read do; whether it was like what came before. What it finds is what is there. */
static bool
s_read (zloom_alike_t *alike, zloom_bytes_t envelope)
{
    parts_t right;
    parts_t found;
    const bool plain =
      zloom_envelope_decode_plain (envelope, &right.topic, &right.key, &right.body);
    if (zloom_alike_read (alike, envelope, &found.topic, &found.key, &found.body)) {
        assert_true (plain);
        s_assert_same (&found, &right);
        return true;
    }
    if (plain) {
        zloom_alike_learn (alike, envelope, right.topic, right.key, right.body);
    }
    return false;
}

static zloom_bytes_t
s_encode (zloom_buf_t *buf, const char *topic, const char *key, size_t body)
{
    uint8_t *const bytes = zloom_alloc (body + 1);
    memset (bytes, 0xc4, body + 1); /* looks like a header wherever it is cut */
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text (topic),
                                       .key = zloom_bytes_text (key),
                                       .body = zloom_bytes (bytes, body)};
    zloom_buf_clear (buf);
    zloom_envelope_encode (&envelope, buf);
    free (bytes);
    return zloom_buf_bytes (buf);
}

static void
test_the_second_is_like_the_first (void **state)
{
    (void) state;
    static const size_t bodies[] = {0, 1, 100, 255, 256, 50000, 50372 /* 0xc4c4 */, 65535, 3};
    static const char *const topics[] = {NULL, "", "a", "order.paid.by.card.from.abroad.42"};
    zloom_buf_t buf = {0};
    for (size_t t = 0; t < sizeof topics / sizeof topics[0]; t++) {
        zloom_alike_t alike = {0};
        assert_false (s_read (&alike, s_encode (&buf, topics[t], "k", 7)));
        for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
            assert_true (s_read (&alike, s_encode (&buf, topics[t], "k", bodies[i])));
        }
        assert_false (s_read (&alike, s_encode (&buf, topics[t], "l", 7)));
        assert_false (s_read (&alike, s_encode (&buf, topics[t], NULL, 7)));
        assert_false (s_read (&alike, s_encode (&buf, topics[t], "", 7)));
        assert_true (s_read (&alike, s_encode (&buf, topics[t], "", 8)));
    }
    zloom_buf_fini (&buf);
}

static void
test_what_has_more_than_a_body_is_not (void **state)
{
    (void) state;
    zloom_buf_t buf = {0};
    zloom_alike_t alike = {0};
    (void) s_read (&alike, s_encode (&buf, "t", NULL, 9));
    zloom_buf_clear (&buf);
    zloom_envelope_encode (&(zloom_envelope_t){.topic = zloom_bytes_text ("t"),
                                               .has_time = true,
                                               .body = zloom_bytes_text ("123456789")},
                           &buf);
    assert_false (s_read (&alike, zloom_buf_bytes (&buf)));
    assert_true (s_read (&alike, s_encode (&buf, "t", NULL, 9)));
    /* Cut or longer than its body says: not one, however like the last it begins. */
    zloom_bytes_t whole = s_encode (&buf, "t", NULL, 9);
    for (size_t size = 0; size < whole.size; size++) {
        assert_false (s_read (&alike, zloom_bytes (whole.data, size)));
    }
    (void) zloom_buf_add (&buf, "x", 1);
    assert_false (s_read (&alike, zloom_buf_bytes (&buf)));
    zloom_buf_fini (&buf);
}

/* A body's length may be written longer than it needs to be. */
static void
test_wide_headers (void **state)
{
    (void) state;
    uint8_t wide[32] = {0x9a, 0xa1, 't',  0xc0, 0xc0, 0xc0, 0xc0, 0xc0,
                        0xc0, 0xc0, 0xc0, 0xc5, 0x00, 0x02, 'h',  'i'};
    const zloom_bytes_t envelope = zloom_bytes (wide, 16);
    zloom_buf_t buf = {0};
    zloom_alike_t alike = {0};
    assert_false (s_read (&alike, envelope));
    assert_true (s_read (&alike, envelope));
    assert_true (s_read (&alike, s_encode (&buf, "t", NULL, 2)));
    zloom_buf_fini (&buf);
}

static void
test_long_heads_are_read_each_time (void **state)
{
    (void) state;
    char topic[ZLOOM_ALIKE_BYTES + 1];
    zloom_buf_t buf = {0};
    zloom_alike_t alike = {0};
    (void) s_read (&alike, s_encode (&buf, "t", NULL, 9));
    memset (topic, 'x', sizeof topic);
    topic[sizeof topic - 1] = '\0';
    assert_false (s_read (&alike, s_encode (&buf, topic, NULL, 9)));
    assert_false (s_read (&alike, s_encode (&buf, topic, NULL, 9)));
    zloom_buf_fini (&buf);
}

/* Changing heads are hardly learned, and one that stays is found again. */
static void
test_any_order (void **state)
{
    (void) state;
    zloom_random_t random;
    zloom_random_init (&random, 7);
    zloom_buf_t buf = {0};
    zloom_alike_t alike = {0};
    size_t like = 0;
    for (size_t i = 0; i < 20000; i++) {
        char topic[16];
        const uint64_t topics = i % 2000 < 1000 ? 1000 : 1;
        snprintf (topic, sizeof topic, "t%u", (unsigned) zloom_random_below (&random, topics));
        like += s_read (&alike, s_encode (&buf, topic, NULL, zloom_random_below (&random, 300)));
    }
    assert_in_range (like, 10 * (1000 - 64), 10 * (1000 + 64));
    zloom_buf_fini (&buf);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_second_is_like_the_first),
      cmocka_unit_test (test_what_has_more_than_a_body_is_not),
      cmocka_unit_test (test_wide_headers),
      cmocka_unit_test (test_long_heads_are_read_each_time),
      cmocka_unit_test (test_any_order),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
