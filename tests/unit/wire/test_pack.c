/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sample.h"
#include "wire/limits.h"
#include "wire/pack.h"

#define MOST ZLOOM_LIMIT_MESSAGE_BYTES

static void
test_sample_both_ways (void **state)
{
    const zloom_envelope_t first = {.key = zloom_bytes_text ("c-7"),
                                    .body = zloom_bytes_text ("{\"order\":1}")};
    const zloom_envelope_t second = {.key = zloom_bytes_text ("c-8"),
                                     .body = zloom_bytes_text ("{\"order\":2}")};
    zloom_buf_t golden = {0};
    zloom_buf_t found = {0};
    zloom_bytes_t bytes;
    zloom_envelope_t envelope;
    (void) state;
    assert_true (zloom_sample_load (ZLOOM_TEST_DATA "/wire/pack.hex", &golden));
    zloom_pack_add (&found, &first);
    zloom_pack_add (&found, &second);
    assert_true (zloom_bytes_equal (zloom_buf_bytes (&found), zloom_buf_bytes (&golden)));
    assert_int_equal (zloom_pack_check (zloom_buf_bytes (&golden), 2, MOST), ZLOOM_OK);
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_buf_bytes (&golden));
    assert_true (zloom_pack_next (&iter, &bytes));
    assert_true (zloom_pack_next (&iter, &bytes));
    assert_int_equal (zloom_envelope_decode (bytes, &envelope), ZLOOM_OK);
    assert_true (zloom_bytes_equal (envelope.body, second.body));
    assert_false (zloom_pack_next (&iter, &bytes));
    zloom_buf_fini (&golden);
    zloom_buf_fini (&found);
}

/* Around the sizes at which the bin header grows, both ways of adding give the same bytes. */
static void
test_every_header_size (void **state)
{
    static uint8_t body[70000];
    zloom_buf_t pack = {0};
    zloom_buf_t other = {0};
    zloom_buf_t encoded = {0};
    (void) state;
    for (size_t size = 0; size < sizeof body; size += size < 300 || size > 65400 ? 1 : 1000) {
        const zloom_envelope_t envelope = {
          .body = zloom_bytes (body, size), .has_time = true, .time_ns = INT64_MAX};
        zloom_bytes_t found;
        zloom_buf_clear (&pack);
        zloom_buf_clear (&other);
        zloom_buf_clear (&encoded);
        zloom_pack_add (&pack, &envelope);
        zloom_envelope_encode (&envelope, &encoded);
        zloom_pack_add_encoded (&other, zloom_buf_bytes (&encoded));
        assert_true (zloom_bytes_equal (zloom_buf_bytes (&pack), zloom_buf_bytes (&other)));
        assert_int_equal (zloom_pack_check (zloom_buf_bytes (&pack), 1, MOST), ZLOOM_OK);
        zloom_pack_iter_t iter = zloom_pack_iter (zloom_buf_bytes (&pack));
        assert_true (zloom_pack_next (&iter, &found));
        assert_true (zloom_bytes_equal (found, zloom_buf_bytes (&encoded)));
        const size_t header = found.size < 256 ? 2 : found.size < 65536 ? 3 : 5;
        assert_int_equal (pack.size, header + found.size);
    }
    zloom_buf_fini (&pack);
    zloom_buf_fini (&other);
    zloom_buf_fini (&encoded);
}

static void
test_check_proves_the_tiling (void **state)
{
    static const char good[] = "\xc4\x01x\xc5\x00\x02yz";
    uint32_t count = 0;
    (void) state;
    const zloom_bytes_t bytes = zloom_bytes (good, sizeof good - 1);
    assert_int_equal (zloom_pack_check (bytes, 2, 2), ZLOOM_OK);
    assert_int_equal (zloom_pack_check (bytes, 1, 2), ZLOOM_TRAILING);
    assert_int_equal (zloom_pack_check (bytes, 3, 2), ZLOOM_TRUNCATED);
    assert_int_equal (zloom_pack_check (bytes, 2, 1), ZLOOM_TOO_BIG);
    assert_int_equal (zloom_pack_count (bytes, 2, &count), ZLOOM_OK);
    assert_int_equal (count, 2);
    for (size_t size = 1; size < bytes.size; size++) {
        if (size != 3) {
            assert_int_equal (zloom_pack_count (zloom_bytes (good, size), 2, &count),
                              ZLOOM_TRUNCATED);
        }
    }
    assert_int_equal (zloom_pack_count (ZLOOM_BYTES_NULL, 2, &count), ZLOOM_OK);
    assert_int_equal (count, 0);
    assert_int_equal (zloom_pack_check (zloom_bytes ("\xa1x", 2), 1, 9), ZLOOM_MALFORMED);
    assert_int_equal (zloom_pack_check (zloom_bytes ("\xc6\xff\xff\xff\xff", 5), 1, SIZE_MAX),
                      ZLOOM_TRUNCATED);
}

static void
test_packs_are_bounded (void **state)
{
    const size_t size = 2 * (ZLOOM_LIMIT_PACK_MESSAGES + 1);
    uint8_t *bytes = malloc (ZLOOM_LIMIT_PACK_BYTES + 1);
    uint32_t count = 0;
    (void) state;
    assert_non_null (bytes);
    for (size_t i = 0; i < size; i += 2) {
        bytes[i] = 0xc4;
        bytes[i + 1] = 0;
    }
    assert_int_equal (zloom_pack_count (zloom_bytes (bytes, size - 2), 9, &count), ZLOOM_OK);
    assert_int_equal (count, ZLOOM_LIMIT_PACK_MESSAGES);
    assert_int_equal (zloom_pack_count (zloom_bytes (bytes, size), 9, &count), ZLOOM_TOO_BIG);
    assert_int_equal (zloom_pack_count (zloom_bytes (bytes, ZLOOM_LIMIT_PACK_BYTES + 1), 9, &count),
                      ZLOOM_TOO_BIG);
    free (bytes);
}

static void
test_slices_are_packs (void **state)
{
    zloom_buf_t pack = {0};
    zloom_bytes_t slice;
    (void) state;
    for (uint8_t i = 0; i < 10; i++) {
        const zloom_envelope_t envelope = {.body = zloom_bytes (&i, 1)};
        zloom_pack_add (&pack, &envelope);
    }
    for (uint64_t first = 0; first <= 10; first++) {
        for (uint64_t count = 0; first + count <= 10; count++) {
            zloom_bytes_t bytes;
            zloom_envelope_t envelope;
            assert_int_equal (zloom_pack_slice (zloom_buf_bytes (&pack), first, count, &slice),
                              ZLOOM_OK);
            assert_int_equal (zloom_pack_check (slice, count, MOST), ZLOOM_OK);
            zloom_pack_iter_t iter = zloom_pack_iter (slice);
            for (uint64_t i = 0; i < count; i++) {
                assert_true (zloom_pack_next (&iter, &bytes));
                assert_int_equal (zloom_envelope_decode (bytes, &envelope), ZLOOM_OK);
                assert_int_equal (envelope.body.data[0], first + i);
            }
        }
    }
    assert_int_equal (zloom_pack_slice (zloom_buf_bytes (&pack), 11, 0, &slice), ZLOOM_INVALID);
    assert_int_equal (zloom_pack_slice (zloom_buf_bytes (&pack), 5, 6, &slice), ZLOOM_INVALID);
    zloom_buf_fini (&pack);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_sample_both_ways),        cmocka_unit_test (test_every_header_size),
      cmocka_unit_test (test_check_proves_the_tiling), cmocka_unit_test (test_packs_are_bounded),
      cmocka_unit_test (test_slices_are_packs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
