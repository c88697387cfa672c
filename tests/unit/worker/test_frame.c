/* SPDX-License-Identifier: MPL-2.0 */
/* Frames to bytes and back, and bytes that are none. */
#include "nodes/worker/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/cursor.h"

static zloom_err_t
s_decode (const void *data, size_t size, zloom_arena_t *arena, zloom_frame_t *frame)
{
    zloom_arena_reset (arena);
    return zloom_frame_decode (zloom_bytes (data, size), arena, frame);
}

#define DECODE(text, arena, frame) s_decode (text, sizeof text - 1, arena, frame)

static void
ready_and_marks_are_read (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    assert_int_equal (DECODE ("\x92\x01\x01", &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.kind, ZLOOM_FRAME_READY);
    assert_int_equal (frame.version, 1);
    assert_int_equal (frame.most, 0);
    assert_int_equal (DECODE ("\x94\x01\x01\x07\xa1x", &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.most, 7);
    assert_int_equal (DECODE ("\x92\x03\x92\x05\x06", &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.kind, ZLOOM_FRAME_STARTED);
    assert_int_equal (frame.id_count, 2);
    assert_int_equal (frame.ids[1], 6);
    assert_int_equal (DECODE ("\x93\x04\x91\x05\xcd\x03\xe8", &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.kind, ZLOOM_FRAME_PROGRESS);
    assert_int_equal (frame.extend_ms, 1000);
    zloom_arena_fini (&arena);
}

static void
verdicts_are_read (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    /* [5, [[1, 0, nil, nil, [["b", "f", "t", "k", {}], [""]]], [2, 1, 50, "no"], [3, 2]]] */
    const char bytes[] = "\x92\x05\x93"
                         "\x95\x01\x00\xc0\xc0\x92\x95\xc4\x01"
                         "b\xa1"
                         "f\xa1"
                         "t\xc4\x01k\x80\x91\xa0"
                         "\x94\x02\x01\x32\xa2no"
                         "\x92\x03\x02";
    assert_int_equal (DECODE (bytes, &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.verdict_count, 3);
    const zloom_frame_verdict_t *ack = &frame.verdicts[0];
    assert_int_equal (ack->verdict, ZLOOM_VERDICT_ACK);
    assert_int_equal (ack->delay_ms, ZLOOM_DELAY_UNSET);
    assert_int_equal (ack->emit_count, 2);
    assert_true (zloom_bytes_equal (ack->emits[0].envelope.body, zloom_bytes_text ("b")));
    assert_true (zloom_bytes_equal (ack->emits[0].flow, zloom_bytes_text ("f")));
    assert_true (zloom_bytes_equal (ack->emits[0].envelope.topic, zloom_bytes_text ("t")));
    assert_true (zloom_bytes_equal (ack->emits[0].envelope.key, zloom_bytes_text ("k")));
    assert_int_equal (ack->emits[0].envelope.attrs.size, 1);
    assert_null (ack->emits[1].flow.data);
    assert_int_equal (frame.verdicts[1].verdict, ZLOOM_VERDICT_RETRY);
    assert_int_equal (frame.verdicts[1].delay_ms, 50);
    assert_true (zloom_bytes_equal (frame.verdicts[1].text, zloom_bytes_text ("no")));
    assert_int_equal (frame.verdicts[2].verdict, ZLOOM_VERDICT_REJECT);
    zloom_arena_fini (&arena);
}

/* What an emit asks for; a field that is not there is not asked for. */
static void
emits_say_when_how_long_and_how_urgent (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    /* [5, [[1, 0, nil, nil, [["a", nil, nil, nil, nil, 1500, 60000, 9, "i"], ["b", …, 0]]]]] */
    const char bytes[] = "\x92\x05\x91\x95\x01\x00\xc0\xc0\x92"
                         "\x99\xa1"
                         "a\xc0\xc0\xc0\xc0\xcd\x05\xdc\xcd\xea\x60\x09\xc4\x01i"
                         "\x98\xa1"
                         "b\xc0\xc0\xc0\xc0\xc0\xc0\x00";
    assert_int_equal (DECODE (bytes, &arena, &frame), ZLOOM_OK);
    const zloom_envelope_t *first = &frame.verdicts[0].emits[0].envelope;
    const zloom_envelope_t *second = &frame.verdicts[0].emits[1].envelope;
    assert_int_equal (zloom_envelope_flags (first),
                      ZLOOM_FLAG_DUE | ZLOOM_FLAG_EXPIRES | ZLOOM_FLAG_PRIORITY | ZLOOM_FLAG_ID);
    assert_int_equal (first->due_ms, 1500);
    assert_int_equal (first->expires_ms, 60000);
    assert_int_equal (first->priority, 9);
    assert_true (zloom_bytes_equal (first->id, zloom_bytes_text ("i")));
    assert_int_equal (zloom_envelope_flags (second), ZLOOM_FLAG_PRIORITY);
    assert_int_equal (second->priority, 0);
    /* Priority 10; an id that is a number; a time below 0. */
    assert_int_not_equal (DECODE ("\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x98\xa1"
                                  "b\xc0\xc0\xc0\xc0\xc0\xc0\x0a",
                                  &arena, &frame),
                          ZLOOM_OK);
    assert_int_not_equal (DECODE ("\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x99\xa1"
                                  "b\xc0\xc0\xc0\xc0\xc0\xc0\xc0\x07",
                                  &arena, &frame),
                          ZLOOM_OK);
    assert_int_not_equal (DECODE ("\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x96\xa1"
                                  "b\xc0\xc0\xc0\xc0\xff",
                                  &arena, &frame),
                          ZLOOM_OK);
    zloom_arena_fini (&arena);
}

static void
the_end_of_a_long_text_is_kept (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    uint8_t bytes[5010] = {0x92, 0x05, 0x91, 0x94, 0x01, 0x01, 0xc0, 0xda, 0x13, 0x88};
    memset (bytes + 10, 'x', 5000);
    bytes[5009] = '!';
    assert_int_equal (s_decode (bytes, sizeof bytes, &arena, &frame), ZLOOM_OK);
    assert_int_equal (frame.verdicts[0].text.size, ZLOOM_LIMIT_TEXT_BYTES);
    assert_int_equal (frame.verdicts[0].text.data[ZLOOM_LIMIT_TEXT_BYTES - 1], '!');
    zloom_arena_fini (&arena);
}

static void
what_is_no_frame_is_refused (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    assert_int_not_equal (DECODE ("", &arena, &frame), ZLOOM_OK);
    assert_int_not_equal (DECODE ("\x01", &arena, &frame), ZLOOM_OK);
    assert_int_not_equal (DECODE ("\x90", &arena, &frame), ZLOOM_OK);
    assert_int_not_equal (DECODE ("\x91\x02", &arena, &frame), ZLOOM_OK);         /* WORK is ours */
    assert_int_not_equal (DECODE ("\x91\x01", &arena, &frame), ZLOOM_OK);         /* no version */
    assert_int_not_equal (DECODE ("\x92\x01\x01\x00", &arena, &frame), ZLOOM_OK); /* more behind */
    assert_int_not_equal (DECODE ("\x92\x03\x91\xa1x", &arena, &frame),
                          ZLOOM_OK); /* id is a text */
    assert_int_not_equal (DECODE ("\x92\x05\x91\x92\x01\x04", &arena, &frame),
                          ZLOOM_OK); /* CRASH */
    assert_int_not_equal (DECODE ("\x92\x05\x91\x93\x01\x01\xff", &arena, &frame), ZLOOM_OK);
    /* attrs that are no map; a flow's name that is no text */
    assert_int_not_equal (
      DECODE ("\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x95\xa0\xc0\xc0\xc0\x01", &arena, &frame),
      ZLOOM_OK);
    assert_int_not_equal (
      DECODE ("\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x92\xa0\x01", &arena, &frame), ZLOOM_OK);
    zloom_arena_fini (&arena);
}

static void
every_cut_of_a_frame_is_refused (void **state)
{
    (void) state;
    zloom_arena_t arena = {0};
    zloom_frame_t frame;
    const char bytes[] = "\x92\x05\x91\x95\x01\x00\xc0\xc0\x91\x91\xc4\x01x";
    for (size_t size = 0; size < sizeof bytes - 1; size++) {
        assert_int_not_equal (s_decode (bytes, size, &arena, &frame), ZLOOM_OK);
    }
    assert_int_equal (DECODE (bytes, &arena, &frame), ZLOOM_OK);
    zloom_arena_fini (&arena);
}

static void
frames_are_found_in_any_pieces (void **state)
{
    (void) state;
    const char bytes[] = "\0\0\0\x03"
                         "abc"
                         "\0\0\0\x01"
                         "d"
                         "\0\0\0\0";
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        zloom_deframer_t deframer = {0};
        zloom_bytes_t frame;
        zloom_buf_t all = {0};
        zloom_err_t err = ZLOOM_AGAIN;
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            size_t left = sizeof bytes - 1 - at;
            zloom_deframer_feed (&deframer, zloom_bytes (bytes + at, left < piece ? left : piece));
            while ((err = zloom_deframer_next (&deframer, &frame)) == ZLOOM_OK) {
                zloom_buf_printf (&all, "%.*s,", (int) frame.size, (const char *) frame.data);
            }
        }
        assert_string_equal (zloom_buf_text (&all), "abc,d,");
        assert_int_equal (err, ZLOOM_MALFORMED);
        zloom_buf_fini (&all);
        zloom_deframer_fini (&deframer);
    }
}

static void
a_length_has_a_limit (void **state)
{
    (void) state;
    zloom_deframer_t deframer = {0};
    zloom_bytes_t frame;
    zloom_deframer_feed (&deframer, zloom_bytes ("\x7f\xff\xff\xff", 4));
    assert_int_equal (zloom_deframer_next (&deframer, &frame), ZLOOM_MALFORMED);
    zloom_deframer_clear (&deframer);
    zloom_deframer_feed (&deframer, zloom_bytes ("\0\0\0\1x", 5));
    assert_int_equal (zloom_deframer_next (&deframer, &frame), ZLOOM_OK);
    zloom_deframer_fini (&deframer);
}

static void
work_and_hello_are_written (void **state)
{
    (void) state;
    const char *const ins[] = {"in"};
    const zloom_message_t message = {.flow = "in",
                                     .body = "b",
                                     .body_size = 1,
                                     .producer = "p",
                                     .producer_size = 1,
                                     .id = 3,
                                     .sent_wall_ns = 2000000,
                                     .redelivered = true};
    zloom_buf_t out = {0};
    zloom_buf_t list = {0};
    zloom_frame_put_hello (&out, "n", ins, 1, NULL, 0, 9);
    assert_memory_equal (out.data, "\0\0\0\x0b\x96\x01\x01\xa1n\x91\xa2in\x90\x09", 15);
    zloom_buf_clear (&out);
    zloom_frame_add_message (&list, 5, &message);
    zloom_frame_put_work (&out, &list, 1);
    const char work[] = "\0\0\0\x15\x92\x02\x91\x9a\x05\xa2in\x01\xc4\x01"
                        "b\xc0\xc0\xc0\x02\xa3p/3\xc3";
    assert_int_equal (out.size, sizeof work - 1);
    assert_memory_equal (out.data, work, sizeof work - 1);
    zloom_buf_fini (&out);
    zloom_buf_fini (&list);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (ready_and_marks_are_read),
      cmocka_unit_test (verdicts_are_read),
      cmocka_unit_test (emits_say_when_how_long_and_how_urgent),
      cmocka_unit_test (the_end_of_a_long_text_is_kept),
      cmocka_unit_test (what_is_no_frame_is_refused),
      cmocka_unit_test (every_cut_of_a_frame_is_refused),
      cmocka_unit_test (frames_are_found_in_any_pieces),
      cmocka_unit_test (a_length_has_a_limit),
      cmocka_unit_test (work_and_hello_are_written),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
