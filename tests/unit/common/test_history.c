/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "patterns/common/history.h"
#include "patterns/common/pack_head.h"
#include "wire/encode.h"

static zloom_cause_t
s_cause (const char *reason, int32_t exit_code, const char *text)
{
    return (zloom_cause_t){
      .reason = zloom_bytes_text (reason), .exit = exit_code, .text = zloom_bytes_text (text)};
}

static void
history_folds_equal_causes (void **state)
{
    (void) state;
    zloom_history_t history = {0};
    zloom_bytes_t flow = zloom_bytes_text ("orders");
    zloom_cause_t failed = s_cause ("failures", 1, "first");
    zloom_cause_t crashed = s_cause ("crash", -1, "boom");
    crashed.signal = 11;
    zloom_history_add (&history, flow, &failed, 100);
    zloom_history_add (&history, flow, &crashed, 200);
    failed = s_cause ("failures", 2, "second");
    zloom_history_add (&history, flow, &failed, 300);
    assert_int_equal (history.count, 2);

    zloom_buf_t buf = {0};
    zloom_history_encode (&history, &buf);
    zloom_history_t back;
    assert_int_equal (zloom_history_decode (zloom_buf_bytes (&buf), &back), ZLOOM_OK);
    assert_int_equal (back.count, 2);
    assert_int_equal (back.causes[0].signal, 11);
    assert_int_equal (back.causes[0].exit, -1);
    const zloom_history_cause_t *newest = &back.causes[1];
    assert_int_equal (newest->count, 2);
    assert_int_equal (newest->first_wall_ns, 100);
    assert_int_equal (newest->last_wall_ns, 300);
    assert_int_equal (newest->exit, 2);
    assert_true (zloom_bytes_equal (newest->text, zloom_bytes_text ("second")));

    zloom_history_t earlier = {.requeued = 2};
    zloom_cause_t old = s_cause ("crash", -1, NULL);
    zloom_history_add (&earlier, flow, &old, 50);
    back.requeued = 1;
    zloom_history_fold (&earlier, &back);
    assert_int_equal (earlier.requeued, 3);
    assert_int_equal (earlier.count, 2);
    assert_int_equal (earlier.causes[0].count, 2);
    assert_int_equal (earlier.causes[0].first_wall_ns, 50);
    zloom_buf_fini (&buf);
}

static void
history_is_bounded (void **state)
{
    (void) state;
    static char text[10000];
    char names[40][200];
    zloom_history_t history = {0};
    memset (text, 'x', sizeof text);
    for (int i = 0; i < 40; i++) {
        memset (names[i], 'a' + i, sizeof names[i]);
        zloom_cause_t cause = {.reason = zloom_bytes (names[i], 200),
                               .exit = -1,
                               .text = zloom_bytes (text, sizeof text)};
        zloom_history_add (&history, zloom_bytes (names[i], 200), &cause, INT64_MIN + i);
    }
    zloom_buf_t buf = {0};
    zloom_history_encode (&history, &buf);
    assert_in_range (buf.size, 4096, ZLOOM_HISTORY_BYTES_MAX);
    zloom_history_t back;
    assert_int_equal (zloom_history_decode (zloom_buf_bytes (&buf), &back), ZLOOM_OK);
    assert_int_equal (back.count, ZLOOM_HISTORY_CAUSES);
    assert_int_equal (back.causes[ZLOOM_HISTORY_CAUSES - 1].text.size, ZLOOM_LIMIT_TEXT_BYTES);
    assert_int_equal (back.causes[0].text.size, ZLOOM_HISTORY_TEXT_BYTES);
    assert_int_equal (back.causes[0].reason.size, ZLOOM_LIMIT_NAME_BYTES);
    for (size_t size = 0; size < buf.size; size++) { /* cut anywhere: an error, and empty */
        assert_int_not_equal (zloom_history_decode (zloom_bytes (buf.data, size), &back), ZLOOM_OK);
        assert_int_equal (back.count, 0);
    }
    assert_int_equal (zloom_history_decode (ZLOOM_BYTES_NULL, &back), ZLOOM_OK);
    zloom_buf_fini (&buf);
}

static void
pack_head_comes_back (void **state)
{
    (void) state;
    zloom_src_t src[2] = {{2, zloom_bytes_text ("shop"), 7, -5},
                          {1, zloom_bytes_text ("web"), 1, 9}};
    zloom_past_t past[3] = {{ZLOOM_BYTES_NULL}, {zloom_bytes_text ("history")}, {ZLOOM_BYTES_NULL}};
    zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
    effect.append.n = 3;
    effect.append.flags = ZLOOM_FLAG_TRACE;
    effect.append.src = src;
    effect.append.src_count = 2;
    effect.append.past = past;
    effect.append.own = true;
    zloom_buf_t buf = {0};
    zloom_pack_head_encode (&effect, &buf);
    zloom_arena_t arena = {0};
    zloom_pack_head_t head;
    assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&buf), &arena, &head), ZLOOM_OK);
    assert_int_equal (head.flags, ZLOOM_FLAG_TRACE);
    assert_true (head.own);
    assert_int_equal (head.src_count, 2);
    assert_int_equal (head.src[0].first_id, 7);
    assert_int_equal (head.src[0].base_time_ns, -5);
    assert_true (zloom_bytes_equal (head.src[1].producer, src[1].producer));
    assert_null (zloom_pack_head_past (&head, 0).data);
    assert_true (zloom_bytes_equal (zloom_pack_head_past (&head, 1), past[1].history));
    assert_null (zloom_pack_head_past (&head, 3).data);
    for (size_t size = 0; size < buf.size; size++) {
        zloom_arena_reset (&arena);
        assert_int_not_equal (zloom_pack_head_decode (zloom_bytes (buf.data, size), &arena, &head),
                              ZLOOM_OK);
    }
    zloom_arena_fini (&arena);
    zloom_buf_fini (&buf);
}

/* A cut speaks of its messages as the whole did, wherever it begins and ends. */
static void
pack_head_is_cut (void **state)
{
    (void) state;
    zloom_src_t src[2] = {{2, zloom_bytes_text ("shop"), 7, -5},
                          {2, zloom_bytes_text ("web"), 1, 9}};
    zloom_past_t past[4] = {
      {ZLOOM_BYTES_NULL}, {zloom_bytes_text ("one")}, {ZLOOM_BYTES_NULL}, {zloom_bytes_text ("x")}};
    zloom_effect_t effect = {.type = ZLOOM_EFFECT_APPEND};
    effect.append.n = 4;
    effect.append.flags = ZLOOM_FLAG_DUE;
    effect.append.src = src;
    effect.append.src_count = 2;
    const zloom_rank_run_t ranks[3] = {{1, 9}, {2, 0}, {1, 4}};
    const uint8_t rank_of[4] = {9, 0, 0, 4};
    for (int with_past = 0; with_past < 2; with_past++) {
        effect.append.past = with_past ? past : NULL;
        effect.append.expires_ns = with_past ? 5000 : ZLOOM_NEVER;
        effect.append.ranks = with_past ? ranks : NULL;
        effect.append.rank_count = with_past ? 3 : 0;
        zloom_buf_t whole = {0};
        zloom_pack_head_encode (&effect, &whole);
        for (uint32_t first = 0; first < 4; first++) {
            for (uint32_t n = 1; first + n <= 4; n++) {
                zloom_buf_t cut = {0};
                zloom_arena_t arena = {0};
                zloom_pack_head_t head;
                assert_int_equal (zloom_pack_head_cut (zloom_buf_bytes (&whole), first, n, &cut),
                                  ZLOOM_OK);
                assert_int_equal (zloom_pack_head_decode (zloom_buf_bytes (&cut), &arena, &head),
                                  ZLOOM_OK);
                assert_int_equal (head.flags, ZLOOM_FLAG_DUE);
                assert_false (head.own);
                assert_int_equal (zloom_src_total (head.src, head.src_count), n);
                assert_int_equal (head.expires_ns, effect.append.expires_ns);
                uint32_t ranked = 0;
                for (size_t i = 0; i < head.rank_count; i++) {
                    for (uint32_t k = 0; k < head.ranks[i].n; k++) {
                        assert_int_equal (head.ranks[i].rank, rank_of[first + ranked++]);
                    }
                }
                assert_int_equal (ranked, with_past ? n : 0);
                for (uint32_t i = 0; i < n; i++) {
                    zloom_origin_t was;
                    zloom_origin_t is;
                    assert_true (zloom_src_origin (src, 2, first + i, &was));
                    assert_true (zloom_src_origin (head.src, head.src_count, i, &is));
                    assert_true (zloom_bytes_equal (is.producer, was.producer));
                    assert_true (is.id == was.id && is.base_time_ns == was.base_time_ns);
                    zloom_bytes_t history = zloom_pack_head_past (&head, i);
                    assert_true (with_past ? zloom_bytes_equal (history, past[first + i].history)
                                           : !history.data);
                }
                zloom_arena_fini (&arena);
                zloom_buf_fini (&cut);
            }
        }
        zloom_buf_t none = {0};
        assert_int_equal (zloom_pack_head_cut (zloom_buf_bytes (&whole), 3, 2, &none),
                          ZLOOM_INVALID);
        assert_int_not_equal (
          zloom_pack_head_cut (zloom_bytes (whole.data, whole.size - 1), 0, 1, &none), ZLOOM_OK);
        zloom_buf_fini (&none);
        zloom_buf_fini (&whole);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (history_folds_equal_causes),
      cmocka_unit_test (history_is_bounded),
      cmocka_unit_test (pack_head_comes_back),
      cmocka_unit_test (pack_head_is_cut),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
