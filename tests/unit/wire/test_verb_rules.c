/* SPDX-License-Identifier: MPL-2.0 */
/* What a verb may look like: evolution, limits, ranges, and the frame behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/encode.h"
#include "wire/pack.h"
#include "wire/verb.h"

static zloom_arena_t s_arena;
static zloom_buf_t s_frame;

static int
s_setup (void **state)
{
    (void) state;
    zloom_buf_clear (&s_frame);
    zloom_arena_reset (&s_arena);
    return 0;
}

static int
s_free (void **state)
{
    (void) state;
    zloom_buf_fini (&s_frame);
    zloom_arena_fini (&s_arena);
    return 0;
}

static zloom_err_t
s_decode (const char *bytes, size_t size, zloom_verb_t *verb)
{
    return zloom_verb_decode (zloom_bytes (bytes, size), &s_arena, verb);
}

#define DECODE(text, verb) s_decode ((text), sizeof (text) - 1, (verb))

static zloom_err_t
s_round (const zloom_verb_t *verb)
{
    zloom_verb_t found;
    zloom_buf_clear (&s_frame);
    zloom_verb_encode (verb, &s_frame);
    return zloom_verb_decode (zloom_buf_bytes (&s_frame), &s_arena, &found);
}

static void
test_longer_arrays_are_read_as_far_as_known (void **state)
{
    zloom_verb_t verb;
    (void) state;
    assert_int_equal (DECODE ("\x94\x16\x07\x81\x01\x02\xc3", &verb), ZLOOM_OK);
    assert_int_equal (verb.kind, ZLOOM_VERB_UNSUBSCRIBE);
    assert_int_equal (verb.unsubscribe.handle, 7);
    assert_int_equal (DECODE ("\x92\x04\x91\x94\x01\x2a\xa1x\xc0", &verb), ZLOOM_OK);
    assert_int_equal (verb.ping.beats[0].delivery_no, 42);
}

static void
test_shorter_arrays_read_as_nil (void **state)
{
    zloom_verb_t verb;
    (void) state;
    assert_int_equal (DECODE ("\x91\x03", &verb), ZLOOM_OK);
    assert_int_equal (verb.bye.code, ZLOOM_OK);
    assert_null (verb.bye.text.data);
    assert_int_equal (DECODE ("\x93\x14\x01\xa1q", &verb), ZLOOM_OK);
    assert_int_equal (verb.subscribe.from, ZLOOM_FROM_GROUP);
    assert_int_equal (verb.subscribe.holding_count, 0);
    assert_int_equal (DECODE ("\x91\x16", &verb), ZLOOM_MALFORMED);
    assert_string_equal (zloom_note (), "UNSUBSCRIBE: field 2: missing");
}

static void
test_unknown_verbs_and_codes (void **state)
{
    zloom_verb_t verb;
    (void) state;
    assert_int_equal (DECODE ("\x92\x63\x01", &verb), ZLOOM_UNKNOWN_VERB);
    assert_string_equal (zloom_note (), "verb 99");
    assert_int_equal (verb.kind, ZLOOM_VERB_NONE);
    assert_int_equal (DECODE ("\x91\x28", &verb), ZLOOM_UNKNOWN_VERB);
    assert_int_equal (DECODE ("\x91\xcd\x01\x01", &verb), ZLOOM_UNKNOWN_VERB);
    assert_int_equal (DECODE ("\x91\xcf\0\0\0\1\0\0\0\3", &verb), ZLOOM_UNKNOWN_VERB);
    assert_int_equal (DECODE ("\x91\xff", &verb), ZLOOM_MALFORMED);
    assert_int_equal (DECODE ("\x90", &verb), ZLOOM_MALFORMED);
    assert_int_equal (DECODE ("\x01", &verb), ZLOOM_MALFORMED);
    assert_int_equal (DECODE ("\x92\x03\xa6NEWEST", &verb), ZLOOM_OK);
    assert_int_equal (verb.bye.code, ZLOOM_FAILED);
}

static void
test_numbers_stay_in_63_bits (void **state)
{
    const zloom_run_t last = {INT64_MAX - 1, 2};
    const zloom_run_t past = {INT64_MAX, 2};
    const zloom_run_t none = {5, 0};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_STARTED};
    (void) state;
    verb.started = (zloom_verb_started_t){1, {1, 1}, &last, 1};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.started.runs = &past;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.started.runs = &none;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_SEND, .send = {.first_id = 1, .n = 1}};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.send.first_id = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.send = (zloom_verb_send_t){.first_id = INT64_MAX, .n = 2};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.send = (zloom_verb_send_t){.first_id = 1, .n = 0};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
}

static void
test_enumerations_are_closed (void **state)
{
    zloom_settle_run_t run = {1, 1, ZLOOM_VERDICT_CRASH, ZLOOM_DELAY_UNSET, {.exit = -1}};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLE, .settle = {1, {1, 1}, &run, 1}};
    (void) state;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    run.verdict = (zloom_verdict_t) 5;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    run = (zloom_settle_run_t){1, 1, ZLOOM_VERDICT_RETRY, -7, {.exit = -1}};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb =
      (zloom_verb_t){.kind = ZLOOM_VERB_CREDIT, .credit = {(zloom_credit_target_t) 2, 0, 0, 0, 0}};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_CONFIRM, .confirm = {0, 1, (zloom_confirm_t) 2}};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_SUBSCRIBE,
                          .subscribe = {.flow = zloom_bytes_text ("q"), .mode = ZLOOM_MODE_TAP}};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.subscribe.mode = ZLOOM_MODE_COUNT;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.subscribe.mode = ZLOOM_MODE_CONSUME;
    verb.subscribe.from = ZLOOM_FROM_COUNT;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.subscribe.from = ZLOOM_FROM_NOW;
    verb.subscribe.on_slow = ZLOOM_ON_SLOW_DISCONNECT;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.subscribe.on_slow = ZLOOM_ON_SLOW_COUNT;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
}

static void
test_a_subscription_says_how_it_is_slow (void **state)
{
    zloom_verb_t verb;
    (void) state;
    assert_int_equal (DECODE ("\x97\x14\x01\xa1q\xc0\x90\xc0\x94\x00\xc3\x01\x07", &verb),
                      ZLOOM_OK);
    assert_true (verb.subscribe.durable);
    assert_int_equal (verb.subscribe.on_slow, ZLOOM_ON_SLOW_BLOCK);
    assert_int_equal (verb.subscribe.on_slow_value, 7);
    /* The short form of before: nothing of it is said. */
    assert_int_equal (DECODE ("\x97\x14\x01\xa1q\xc0\x90\xc0\x91\x00", &verb), ZLOOM_OK);
    assert_false (verb.subscribe.durable);
    assert_int_equal (verb.subscribe.on_slow, ZLOOM_ON_SLOW_DROP_OLDEST);
    assert_int_equal (verb.subscribe.on_slow_value, 0);
    assert_int_equal (DECODE ("\x97\x14\x01\xa1q\xc0\x90\xc0\x94\x00\xc3\x01\xff", &verb),
                      ZLOOM_MALFORMED);
}

static void
test_what_makes_no_sense_is_refused (void **state)
{
    static const uint8_t nonce[ZLOOM_NONCE_BYTES] = {0};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_HELLO,
                         .hello = {1, 1, zloom_bytes_text ("shop"), zloom_bytes_text ("producer"),
                                   zloom_bytes (nonce, sizeof nonce), NULL, 0}};
    (void) state;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.hello.nonce.size--;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.hello.nonce.size++;
    verb.hello.name.size = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.hello.name.size = 4;
    verb.hello.proto_min = 2;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb =
      (zloom_verb_t){.kind = ZLOOM_VERB_GAP, .gap = {1, 5, 5, 1, zloom_bytes_text ("trimmed")}};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.gap.to = 4;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_SETTLE, .settle = {.handle = 1, .token = {1, 1}}};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_ADMIN,
                          .admin = {1, zloom_bytes_text ("stats"), zloom_bytes ("\x80", 1)}};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.admin.args = zloom_bytes ("\x90", 1);
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
}

static void
test_sizes_are_bounded (void **state)
{
    static uint8_t text[ZLOOM_LIMIT_MARK_BYTES + 1];
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND, .send = {.first_id = 1, .n = 1}};
    (void) state;
    memset (text, 'x', sizeof text);
    verb.send.mark = zloom_bytes (text, ZLOOM_LIMIT_MARK_BYTES);
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.send.mark = zloom_bytes (text, ZLOOM_LIMIT_MARK_BYTES + 1);
    assert_int_equal (s_round (&verb), ZLOOM_TOO_BIG);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_ADMIN};
    verb.admin.command = zloom_bytes (text, ZLOOM_LIMIT_NAME_BYTES);
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    verb.admin.command = zloom_bytes (text, ZLOOM_LIMIT_NAME_BYTES + 1);
    assert_int_equal (s_round (&verb), ZLOOM_TOO_BIG);
}

static void
test_texts_for_people_are_made_to_fit (void **state)
{
    static uint8_t text[ZLOOM_LIMIT_TEXT_BYTES + 2];
    zloom_verb_t verb = {.kind = ZLOOM_VERB_BYE, .bye = {ZLOOM_FAILED, ZLOOM_BYTES_NULL}};
    zloom_verb_t found;
    (void) state;
    memset (text, 'x', sizeof text);
    verb.bye.text = zloom_bytes (text, sizeof text);
    zloom_verb_encode (&verb, &s_frame);
    const zloom_bytes_t frame = zloom_buf_bytes (&s_frame);
    assert_int_equal (zloom_verb_decode (frame, &s_arena, &found), ZLOOM_OK);
    assert_int_equal (found.bye.text.size, ZLOOM_LIMIT_TEXT_BYTES);
    verb.bye.text = zloom_bytes_text ("flow 'caf\xc3' is full");
    zloom_buf_clear (&s_frame);
    zloom_verb_encode (&verb, &s_frame);
    const zloom_bytes_t cut = zloom_buf_bytes (&s_frame);
    assert_int_equal (zloom_verb_decode (cut, &s_arena, &found), ZLOOM_OK);
    assert_true (zloom_bytes_equal (found.bye.text, zloom_bytes_text ("flow 'caf?' is full")));
    text[sizeof text - 1] = '!';
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_GONE,
                          .gone = {zloom_bytes_text ("w"), zloom_bytes (text, ZLOOM_NONCE_BYTES), 1,
                                   0, zloom_bytes (text, sizeof text)}};
    zloom_buf_clear (&s_frame);
    zloom_verb_encode (&verb, &s_frame);
    const zloom_bytes_t gone = zloom_buf_bytes (&s_frame);
    assert_int_equal (zloom_verb_decode (gone, &s_arena, &found), ZLOOM_OK);
    assert_int_equal (found.gone.text.size, ZLOOM_LIMIT_TEXT_BYTES);
    assert_int_equal (found.gone.text.data[ZLOOM_LIMIT_TEXT_BYTES - 1], '!');
}

static void
test_whole_frames_are_bounded (void **state)
{
    static uint8_t bytes[ZLOOM_LIMIT_VERB_BYTES];
    zloom_buf_t result = {0};
    zloom_state_t value = {zloom_bytes_text ("k"), zloom_bytes (bytes, sizeof bytes)};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_ANSWER};
    (void) state;
    zloom_encode_bytes (&result, zloom_bytes (bytes, sizeof bytes));
    verb.answer.result = zloom_buf_bytes (&result);
    assert_int_equal (s_round (&verb), ZLOOM_TOO_BIG);
    verb = (zloom_verb_t){
      .kind = ZLOOM_VERB_STEP,
      .step = {.has_handle = true, .token = {1, 1}, .state = &value, .state_count = 1}};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    zloom_buf_fini (&result);
}

static void
test_src_covers_the_messages (void **state)
{
    zloom_src_t src = {2, zloom_bytes_text ("p"), 1, 0};
    const zloom_run_t run = {1, 2};
    zloom_fact_t facts[2] = {{.i = 0, .budget_left_ms = -1}, {.i = 1, .budget_left_ms = -1}};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER,
                         .deliver = {1, {1, 1}, &run, 1, &src, 1, facts, 2, 1}};
    (void) state;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    src.n = 3;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    src.n = 2;
    facts[1].i = 2;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    facts[1].i = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_SEND,
                          .send = {.first_id = 1, .n = 3, .src = &src, .src_count = 1}};
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.send.n = 2;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
}

static void
test_steps_have_input_or_ids (void **state)
{
    zloom_emit_t emit = {.n = 1};
    zloom_settle_run_t run = {1, 1, ZLOOM_VERDICT_ACK, ZLOOM_DELAY_UNSET, {.exit = -1}};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP};
    (void) state;
    verb.step = (zloom_verb_step_t){true, 1, {1, 1}, &run, 1, &emit, 1, NULL, 0};
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    emit.from = 7;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    emit.from = 0;
    verb.step.token.boot = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.step.token.boot = 1;
    emit.first_id = 5;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.step.has_handle = false;
    verb.step.token.boot = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    verb.step.settle_count = 0;
    assert_int_equal (s_round (&verb), ZLOOM_OK);
    emit.from = 7; /* there is no input to come of */
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    emit.from = 0;
    emit.first_id = 0;
    assert_int_equal (s_round (&verb), ZLOOM_MALFORMED);
    assert_int_equal (DECODE ("\x97\x1a\x01\x92\x01\x01\x90\x90\x91\xc0\xc0", &verb),
                      ZLOOM_UNSUPPORTED);
}

static void
test_the_second_frame_fits_the_verb (void **state)
{
    const zloom_envelope_t envelope = {.body = zloom_bytes_text ("hello")};
    const size_t most = ZLOOM_LIMIT_MESSAGE_BYTES;
    zloom_buf_t buf = {0};
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND, .send = {.first_id = 1, .n = 2}};
    (void) state;
    zloom_pack_add (&buf, &envelope);
    const zloom_bytes_t one = zloom_buf_bytes (&buf);
    assert_int_equal (zloom_verb_check_pack (&verb, 20, ZLOOM_BYTES_NULL, most), ZLOOM_OK);
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_TRUNCATED);
    verb.send.n = 1;
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_OK);
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, 10), ZLOOM_TOO_BIG);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_PING};
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_MALFORMED);
    const zloom_run_t run = {1, 1};
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_DELIVER, .deliver = {.runs = &run, .run_count = 1}};
    assert_int_equal (zloom_verb_check_pack (&verb, 20, ZLOOM_BYTES_NULL, most), ZLOOM_MALFORMED);
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_OK);
    const zloom_emit_t emit = {.n = 1};
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_STEP};
    assert_int_equal (zloom_verb_check_pack (&verb, 20, ZLOOM_BYTES_NULL, most), ZLOOM_OK);
    verb.step = (zloom_verb_step_t){.emits = &emit, .emit_count = 1};
    assert_int_equal (zloom_verb_check_pack (&verb, 20, ZLOOM_BYTES_NULL, most), ZLOOM_MALFORMED);
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_OK);
    const size_t rest = ZLOOM_LIMIT_STEP_BYTES - one.size;
    assert_int_equal (zloom_verb_check_pack (&verb, rest, one, most), ZLOOM_OK);
    assert_int_equal (zloom_verb_check_pack (&verb, rest + 1, one, most), ZLOOM_TOO_BIG);
    verb = (zloom_verb_t){.kind = ZLOOM_VERB_ANSWER};
    assert_int_equal (zloom_verb_check_pack (&verb, 20, one, most), ZLOOM_OK);
    zloom_buf_fini (&buf);
}

int
main (void)
{
#define T(name) cmocka_unit_test_setup (name, s_setup)
    const struct CMUnitTest tests[] = {
      T (test_longer_arrays_are_read_as_far_as_known),
      T (test_shorter_arrays_read_as_nil),
      T (test_unknown_verbs_and_codes),
      T (test_numbers_stay_in_63_bits),
      T (test_enumerations_are_closed),
      T (test_a_subscription_says_how_it_is_slow),
      T (test_what_makes_no_sense_is_refused),
      T (test_sizes_are_bounded),
      T (test_texts_for_people_are_made_to_fit),
      T (test_whole_frames_are_bounded),
      T (test_src_covers_the_messages),
      T (test_steps_have_input_or_ids),
      T (test_the_second_frame_fits_the_verb),
    };
#undef T
    return cmocka_run_group_tests (tests, NULL, s_free);
}
