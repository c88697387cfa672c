/* SPDX-License-Identifier: MPL-2.0 */
/* Stored packs that somebody looks at: found by number, kept a while, and not believed blindly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/views.h"
#include "wire/pack.h"

/* A pack of n messages whose head speaks of `said`; both lie in one blob, as in a stored group. */
static zloom_chunk_t
s_chunk (uint64_t seq, uint32_t n, uint32_t said)
{
    const zloom_src_t src = {.n = said, .producer = zloom_bytes_text ("shop"), .first_id = seq};
    zloom_effect_t append = {.type = ZLOOM_EFFECT_APPEND};
    append.append.n = said;
    append.append.src = &src;
    append.append.src_count = 1;
    append.append.expires_ns = ZLOOM_NEVER;
    zloom_buf_t bytes = {0};
    zloom_pack_head_encode (&append, &bytes);
    const size_t head = bytes.size;
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.body = zloom_bytes_text ("body")};
        zloom_pack_add (&bytes, &envelope);
    }
    zloom_blob_t *blob = zloom_blob_new_from_buf (&bytes);
    const zloom_bytes_t all = zloom_blob_bytes (blob);
    return (zloom_chunk_t){.seq = seq,
                           .count = n,
                           .head = zloom_bytes (all.data, head),
                           .payload = zloom_bytes (all.data + head, all.size - head),
                           .blob = blob};
}

static void
test_found_by_any_of_its_numbers (void **state)
{
    (void) state;
    zloom_views_t views = {0};
    zloom_view_t *view = NULL;
    const uint64_t first[] = {20, 10, 30}; /* out of order, and with gaps between */
    for (size_t i = 0; i < 3; i++) {
        const zloom_chunk_t chunk = s_chunk (first[i], 5, 5);
        assert_int_equal (zloom_views_add (&views, &chunk, &view), ZLOOM_OK);
        assert_int_equal (view->chunk.seq, first[i]);
    }
    for (uint64_t seq = 1; seq < 40; seq++) {
        view = zloom_views_find (&views, seq);
        if (seq < 10 || seq % 10 >= 5) {
            assert_null (view);
        } else {
            assert_int_equal (view->chunk.seq, seq / 10 * 10);
        }
    }
    zloom_views_fini (&views);
}

static void
test_a_head_that_is_none_is_damage (void **state)
{
    (void) state;
    zloom_views_t views = {0};
    zloom_view_t *view = NULL;
    const zloom_chunk_t less = s_chunk (1, 5, 4);
    assert_int_equal (zloom_views_add (&views, &less, &view), ZLOOM_DAMAGED);
    const zloom_chunk_t more = s_chunk (1, 5, 6);
    assert_int_equal (zloom_views_add (&views, &more, &view), ZLOOM_DAMAGED);
    zloom_chunk_t none = s_chunk (1, 5, 5);
    none.head.size--;
    assert_int_equal (zloom_views_add (&views, &none, &view), ZLOOM_DAMAGED);
    assert_null (view);
    assert_null (zloom_views_find (&views, 1));
    /* What was refused is in nobody's way. */
    const zloom_chunk_t good = s_chunk (1, 5, 5);
    assert_int_equal (zloom_views_add (&views, &good, &view), ZLOOM_OK);
    assert_ptr_equal (zloom_views_find (&views, 3), view);
    zloom_views_fini (&views);
}

static void
test_the_last_that_were_used_are_kept (void **state)
{
    (void) state;
    zloom_views_t views = {0};
    zloom_view_t *view = NULL;
    for (uint64_t seq = 1; seq <= 2000; seq++) {
        const zloom_chunk_t chunk = s_chunk (seq, 1, 1);
        assert_int_equal (zloom_views_add (&views, &chunk, &view), ZLOOM_OK);
    }
    assert_non_null (zloom_views_find (&views, 7)); /* used again, and so kept */
    zloom_views_trim (&views);
    assert_in_range (views.count, 1, 20);
    assert_non_null (zloom_views_find (&views, 7));
    assert_non_null (zloom_views_find (&views, 2000));
    assert_null (zloom_views_find (&views, 8));
    assert_in_range (views.spare_count, 1, 1024); /* their memory is bounded, too */
    zloom_views_fini (&views);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_found_by_any_of_its_numbers),
      cmocka_unit_test (test_a_head_that_is_none_is_damage),
      cmocka_unit_test (test_the_last_that_were_used_are_kept),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
