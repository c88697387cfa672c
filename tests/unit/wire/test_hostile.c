/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes that nobody honest sends: each golden sample cut at every length, with every byte set to
 * every value, with bytes taken out and put in. A decoder answers with an error or a verb that can
 * be written and read again; it never reads outside (each try stands in memory of its own size, so
 * that the sanitizers see it) and never stops the process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <glob.h>

#include <cmocka.h>

#include "support/sample.h"
#include "wire/attrs.h"
#include "wire/pack.h"
#include "wire/verb.h"

static zloom_arena_t s_arena;
static zloom_buf_t s_again;
static glob_t s_paths;

static int
s_setup (void **state)
{
    (void) state;
    return glob (ZLOOM_TEST_DATA "/wire/*.hex", 0, NULL, &s_paths);
}

static int
s_teardown (void **state)
{
    (void) state;
    globfree (&s_paths);
    zloom_arena_fini (&s_arena);
    zloom_buf_fini (&s_again);
    return 0;
}

static void
s_try_verb (zloom_bytes_t bytes)
{
    zloom_verb_t verb;
    zloom_verb_t again;
    zloom_arena_reset (&s_arena);
    if (zloom_verb_decode (bytes, &s_arena, &verb) != ZLOOM_OK) {
        return;
    }
    (void) zloom_verb_check_pack (&verb, bytes.size, bytes, bytes.size);
    zloom_buf_clear (&s_again);
    zloom_verb_encode (&verb, &s_again);
    if (zloom_verb_decode (zloom_buf_bytes (&s_again), &s_arena, &again) != ZLOOM_OK) {
        fail_msg ("%s: written again it is refused: %s", zloom_verb_info (verb.kind)->name,
                  zloom_note ());
    }
    assert_int_equal (again.kind, verb.kind);
}

static void
s_try_envelope (zloom_bytes_t bytes)
{
    zloom_envelope_t envelope;
    zloom_envelope_t head;
    zloom_bytes_t name;
    zloom_attr_t value;
    const zloom_err_t err = zloom_envelope_decode (bytes, &envelope);
    const zloom_err_t head_err = zloom_envelope_decode_head (bytes, &head);
    if (err != ZLOOM_OK) {
        return;
    }
    assert_int_equal (head_err, ZLOOM_OK);
    assert_int_equal (zloom_envelope_check (&envelope), ZLOOM_OK);
    zloom_attrs_iter_t iter = zloom_attrs_iter (envelope.attrs);
    while (zloom_attrs_next (&iter, &name, &value)) {
        assert_true (name.size <= bytes.size && value.bytes.size <= bytes.size);
    }
}

static void
s_try_pack (zloom_bytes_t bytes)
{
    uint32_t count;
    uint32_t found = 0;
    zloom_bytes_t envelope;
    zloom_bytes_t slice;
    const zloom_err_t err = zloom_pack_count (bytes, bytes.size, &count);
    zloom_pack_iter_t iter = zloom_pack_iter (bytes);
    while (zloom_pack_next (&iter, &envelope)) {
        s_try_envelope (envelope);
        found++;
    }
    if (err == ZLOOM_OK) {
        assert_int_equal (count, found);
        assert_int_equal (zloom_pack_slice (bytes, 0, count, &slice), ZLOOM_OK);
        assert_int_equal (slice.size, bytes.size);
    }
}

/* In memory of exactly this size. */
static void
s_try (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size > 0 ? size : 1);
    assert_non_null (copy);
    memcpy (copy, data, size);
    s_try_verb (zloom_bytes (copy, size));
    s_try_envelope (zloom_bytes (copy, size));
    s_try_pack (zloom_bytes (copy, size));
    free (copy);
}

static void
test_every_truncation (void **state)
{
    zloom_buf_t golden = {0};
    (void) state;
    assert_true (s_paths.gl_pathc > 30);
    for (size_t i = 0; i < s_paths.gl_pathc; i++) {
        assert_true (zloom_sample_load (s_paths.gl_pathv[i], &golden));
        for (size_t size = 0; size < golden.size; size++) {
            zloom_verb_t verb;
            const zloom_bytes_t cut = zloom_bytes (golden.data, size);
            s_try (golden.data, size);
            assert_int_not_equal (zloom_verb_decode (cut, &s_arena, &verb), ZLOOM_OK);
        }
    }
    zloom_buf_fini (&golden);
}

static void
test_every_byte_with_every_value (void **state)
{
    zloom_buf_t golden = {0};
    (void) state;
    for (size_t i = 0; i < s_paths.gl_pathc; i++) {
        assert_true (zloom_sample_load (s_paths.gl_pathv[i], &golden));
        for (size_t at = 0; at < golden.size; at++) {
            const uint8_t before = golden.data[at];
            for (unsigned value = 0; value < 256; value++) {
                golden.data[at] = (uint8_t) value;
                s_try (golden.data, golden.size);
            }
            golden.data[at] = before;
        }
    }
    zloom_buf_fini (&golden);
}

static void
test_bytes_taken_out_and_put_in (void **state)
{
    static const uint8_t extra[] = {0x00, 0x7f, 0x90, 0xc0, 0xc1, 0xc6, 0xdd, 0xdf, 0xff};
    zloom_buf_t golden = {0};
    zloom_buf_t bent = {0};
    (void) state;
    for (size_t i = 0; i < s_paths.gl_pathc; i++) {
        assert_true (zloom_sample_load (s_paths.gl_pathv[i], &golden));
        for (size_t at = 0; at < golden.size; at++) {
            zloom_buf_clear (&bent);
            zloom_buf_add (&bent, golden.data, at);
            zloom_buf_add (&bent, golden.data + at + 1, golden.size - at - 1);
            s_try (bent.data, bent.size);
            for (size_t n = 0; n < sizeof extra; n++) {
                zloom_buf_clear (&bent);
                zloom_buf_add (&bent, golden.data, at);
                zloom_buf_add (&bent, &extra[n], 1);
                zloom_buf_add (&bent, golden.data + at, golden.size - at);
                s_try (bent.data, bent.size);
            }
        }
        zloom_buf_add (&golden, "\xc0", 1);
        zloom_verb_t verb;
        assert_int_not_equal (zloom_verb_decode (zloom_buf_bytes (&golden), &s_arena, &verb),
                              ZLOOM_OK);
    }
    zloom_buf_fini (&golden);
    zloom_buf_fini (&bent);
}

/* Five bytes that claim four billion elements, in every place where an array may stand. */
static void
test_claims_cost_nothing (void **state)
{
    static const uint8_t claim[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    zloom_buf_t golden = {0};
    zloom_buf_t bent = {0};
    (void) state;
    for (size_t i = 0; i < s_paths.gl_pathc; i++) {
        assert_true (zloom_sample_load (s_paths.gl_pathv[i], &golden));
        for (size_t at = 0; at < golden.size; at++) {
            zloom_buf_clear (&bent);
            zloom_buf_add (&bent, golden.data, at);
            zloom_buf_add (&bent, claim, sizeof claim);
            zloom_buf_add (&bent, golden.data + at + 1, golden.size - at - 1);
            s_try (bent.data, bent.size);
            assert_true (s_arena.total < 65536);
        }
    }
    zloom_buf_fini (&golden);
    zloom_buf_fini (&bent);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_every_truncation),
      cmocka_unit_test (test_every_byte_with_every_value),
      cmocka_unit_test (test_bytes_taken_out_and_put_in),
      cmocka_unit_test (test_claims_cost_nothing),
    };
    return cmocka_run_group_tests (tests, s_setup, s_teardown);
}
