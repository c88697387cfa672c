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

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (history_folds_equal_causes),
      cmocka_unit_test (history_is_bounded),
      cmocka_unit_test (pack_head_comes_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
