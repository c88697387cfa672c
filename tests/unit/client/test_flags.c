/* SPDX-License-Identifier: MPL-2.0 */
/* What a message asks for: its key (brought, or found in its body), due, expiry, priority, id. */
#include "unit/client/desk.h"

static const char *const s_flows[] = {"orders", "paid"};
static const zloom_client_flow_t s_lines[] = {{.name = "orders"}, {.name = "paid"}};
static const zloom_client_options_t s_options = {
  .name = "shop", .flows = s_lines, .flow_count = 2, .pack_messages = 4};
static const zloom_settlement_t s_ack = {.verdict = ZLOOM_VERDICT_ACK,
                                         .delay_ms = ZLOOM_DELAY_UNSET};

/* "orders" is keyed, "paid" is not; there is credit. */
static int
s_setup (void **state)
{
    desk_t *desk = s_desk (&s_options);
    *state = desk;
    desk->key_pointer = "/customer_id";
    s_begin (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_say_credit (desk, 11, 100);
    return 0;
}

static zloom_err_t
s_send_envelope (desk_t *desk, const char *flow, const zloom_envelope_t *envelope)
{
    return zloom_client_core_send (desk->core, flow, envelope, ZLOOM_BYTES_NULL, desk->now, NULL);
}

/* The i-th message of the frame that was taken last. */
static zloom_envelope_t
s_sent (const desk_t *desk, int i)
{
    zloom_pack_iter_t iter = zloom_pack_iter (zloom_buf_bytes (&desk->pack_bytes));
    zloom_bytes_t bytes = ZLOOM_BYTES_NULL;
    zloom_envelope_t envelope;
    for (int at = 0; at <= i; at++) {
        assert_true (zloom_pack_next (&iter, &bytes));
    }
    assert_int_equal (zloom_envelope_decode (bytes, &envelope), ZLOOM_OK);
    return envelope;
}

static void
s_assert_key (const desk_t *desk, int i, const char *key)
{
    const zloom_envelope_t envelope = s_sent (desk, i);
    assert_non_null (envelope.key.data);
    assert_true (zloom_bytes_equal (envelope.key, zloom_bytes_text (key)));
}

static void
test_the_key_is_found_in_the_body (void **state)
{
    desk_t *desk = *state;
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":\"c-7\"}"), ZLOOM_OK);
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":42}"), ZLOOM_OK);
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":\"\"}"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.n, 3);
    assert_int_equal (verb->send.flags, ZLOOM_FLAG_KEY);
    s_assert_key (desk, 0, "c-7");
    s_assert_key (desk, 1, "42");
    s_assert_key (desk, 2, "");
}

static void
test_a_key_that_is_brought_wins (void **state)
{
    desk_t *desk = *state;
    const zloom_envelope_t envelope = {.key = zloom_bytes_text ("mine"),
                                       .body = zloom_bytes_text ("{\"customer_id\":\"c-7\"}")};
    const zloom_envelope_t text = {.key = zloom_bytes_text ("mine"),
                                   .body = zloom_bytes_text ("no JSON")};
    assert_int_equal (s_send_envelope (desk, "orders", &envelope), ZLOOM_OK);
    assert_int_equal (s_send_envelope (desk, "orders", &text), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    s_expect (desk, ZLOOM_VERB_SEND);
    s_assert_key (desk, 0, "mine");
    s_assert_key (desk, 1, "mine");
}

/* Nothing goes out, no id is used: the caller can mend it, or leave it out. */
static void
test_a_body_without_key_is_refused_before_anything_is_sent (void **state)
{
    desk_t *desk = *state;
    assert_int_equal (s_send (desk, "orders", "{\"cents\":1}"), ZLOOM_NO_KEY);
    assert_non_null (strstr (zloom_note (), "orders"));
    assert_non_null (strstr (zloom_note (), "/customer_id"));
    assert_non_null (strstr (zloom_note (), "nothing there"));
    assert_int_equal (s_send (desk, "orders", "plain"), ZLOOM_NO_KEY);
    assert_int_equal (zloom_client_core_unconfirmed (desk->core, NULL), 0);
    s_expect_nothing (desk);
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":1}"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    s_expect_send (desk, 1, 1);
}

static void
test_a_key_over_the_limit_is_too_big (void **state)
{
    desk_t *desk = *state;
    char body[ZLOOM_LIMIT_KEY_BYTES + 64];
    snprintf (body, sizeof body, "{\"customer_id\":\"%0*d\"}", ZLOOM_LIMIT_KEY_BYTES, 7);
    assert_int_equal (s_send (desk, "orders", body), ZLOOM_OK);
    snprintf (body, sizeof body, "{\"customer_id\":\"%0*d\"}", ZLOOM_LIMIT_KEY_BYTES + 1, 7);
    assert_int_equal (s_send (desk, "orders", body), ZLOOM_TOO_BIG);
    assert_non_null (strstr (zloom_note (), "key"));
}

static void
test_a_flow_without_keys_looks_into_no_body (void **state)
{
    desk_t *desk = *state;
    assert_int_equal (s_send (desk, "paid", "no JSON"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SEND)->send.flags, 0);
    assert_null (s_sent (desk, 0).key.data);
}

/* The key pointer is the session's: a router that came back may have another recipe. */
static void
test_a_new_welcome_names_the_key_anew (void **state)
{
    desk_t *desk = *state;
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    desk->key_pointer = "/shop";
    s_say_welcome (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":1,\"shop\":\"s-1\"}"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    s_expect (desk, ZLOOM_VERB_SEND);
    s_assert_key (desk, 0, "s-1");
}

/* The same of a topic: what names none gets the flow's only one, and no other flow's. */
static void
test_the_one_topic_of_a_flow_is_put_into_what_names_none (void **state)
{
    desk_t *desk = *state;
    const zloom_envelope_t own = {.topic = zloom_bytes_text ("own"),
                                  .key = zloom_bytes_text ("k"),
                                  .body = zloom_bytes_text ("a")};
    s_say_bye (desk, ZLOOM_NOT_FOUND);
    s_lay_road (desk);
    s_expect (desk, ZLOOM_VERB_HELLO);
    desk->topic = "happened";
    s_say_welcome (desk, s_flows, 2, 0);
    s_say_credit (desk, 10, 100);
    s_say_credit (desk, 11, 100);
    assert_int_equal (s_send (desk, "orders", "{\"customer_id\":1}"), ZLOOM_OK);
    assert_int_equal (s_send_envelope (desk, "orders", &own), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.flags, ZLOOM_FLAG_KEY | ZLOOM_FLAG_TOPIC);
    assert_true (zloom_bytes_equal (s_sent (desk, 0).topic, zloom_bytes_text ("happened")));
    assert_true (zloom_bytes_equal (s_sent (desk, 1).topic, zloom_bytes_text ("own")));
    assert_int_equal (s_send (desk, "paid", "b"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SEND)->send.flags, 0);
    assert_null (s_sent (desk, 0).topic.data);
}

static void
test_what_is_set_is_announced (void **state)
{
    desk_t *desk = *state;
    const zloom_envelope_t due = {.has_due = true, .due_ms = 500, .body = zloom_bytes_text ("a")};
    const zloom_envelope_t rest = {.has_expires = true,
                                   .expires_ms = 60000,
                                   .has_priority = true,
                                   .id = zloom_bytes_text ("order-1"),
                                   .body = zloom_bytes_text ("b")};
    assert_int_equal (s_send_envelope (desk, "paid", &due), ZLOOM_OK);
    assert_int_equal (s_send_envelope (desk, "paid", &rest), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.flags,
                      ZLOOM_FLAG_DUE | ZLOOM_FLAG_EXPIRES | ZLOOM_FLAG_PRIORITY | ZLOOM_FLAG_ID);
    assert_int_equal (s_sent (desk, 0).due_ms, 500);
    assert_false (s_sent (desk, 0).has_priority);
    assert_true (s_sent (desk, 1).has_priority);
    assert_int_equal (s_sent (desk, 1).priority, 0);
    /* The next pack announces for itself alone. */
    assert_int_equal (s_send (desk, "paid", "c"), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    assert_int_equal (s_expect (desk, ZLOOM_VERB_SEND)->send.flags, 0);
}

/* A message that joins a pack later is due later: its time counts from the pack's base. */
static void
test_times_count_from_when_each_was_sent (void **state)
{
    desk_t *desk = *state;
    const zloom_envelope_t envelope = {.has_due = true,
                                       .due_ms = 500,
                                       .has_expires = true,
                                       .expires_ms = 1000,
                                       .body = zloom_bytes_text ("a")};
    const int64_t base_ns = desk->now.wall_ns;
    assert_int_equal (s_send_envelope (desk, "paid", &envelope), ZLOOM_OK);
    desk->now.wall_ns += 20 * ZLOOM_NS_PER_MS + 1;
    assert_int_equal (s_send_envelope (desk, "paid", &envelope), ZLOOM_OK);
    zloom_client_core_push (desk->core);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_SEND);
    assert_int_equal (verb->send.base_time_ns, base_ns);
    assert_int_equal (s_sent (desk, 0).due_ms, 500);
    assert_int_equal (s_sent (desk, 1).due_ms, 521);
    assert_int_equal (s_sent (desk, 1).expires_ms, 1021);
}

/* Emits go the same way as sends: key, flags and times. */
static void
test_emits_are_treated_as_sends (void **state)
{
    desk_t *desk = *state;
    const zloom_subscription_options_t take = {.flow = "in", .prefetch = 8};
    const zloom_message_t *message = NULL;
    uint32_t handle = 0;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_CREDIT);
    s_say_deliver (desk, handle, 1, 1, 1, 1);
    assert_true (zloom_client_core_receive (desk->core, 0, &message));
    zloom_step_t *step = zloom_client_core_step (desk->core);
    assert_int_equal (zloom_step_settle (step, message, &s_ack), ZLOOM_OK);
    const zloom_envelope_t plain = {.body = zloom_bytes_text ("{\"cents\":1}")};
    assert_int_equal (zloom_step_emit (step, "orders", &plain, desk->now), ZLOOM_NO_KEY);
    const zloom_envelope_t keyed = {
      .has_due = true, .due_ms = 500, .body = zloom_bytes_text ("{\"customer_id\":\"c-7\"}")};
    assert_int_equal (zloom_step_emit (step, "orders", &keyed, desk->now), ZLOOM_OK);
    desk->now.wall_ns += 20 * ZLOOM_NS_PER_MS;
    assert_int_equal (zloom_step_emit (step, "orders", &keyed, desk->now), ZLOOM_OK);
    assert_int_equal (zloom_step_emit (step, "paid", &plain, desk->now), ZLOOM_OK);
    uint64_t id = 0;
    assert_int_equal (zloom_client_core_commit (desk->core, &step, &id), ZLOOM_OK);
    const zloom_verb_t *verb = s_expect (desk, ZLOOM_VERB_STEP);
    assert_int_equal (verb->step.emit_count, 2);
    assert_int_equal (verb->step.emits[0].flags, ZLOOM_FLAG_KEY | ZLOOM_FLAG_DUE);
    assert_int_equal (verb->step.emits[1].flags, 0);
    s_assert_key (desk, 1, "c-7");
    assert_int_equal (s_sent (desk, 0).due_ms, 500);
    assert_int_equal (s_sent (desk, 1).due_ms, 520);
}

/* What the sender asked for is told to who takes the message, in times of the clock. */
static void
test_a_message_tells_what_its_sender_asked_for (void **state)
{
    desk_t *desk = *state;
    const zloom_subscription_options_t take = {.flow = "in", .prefetch = 8};
    uint32_t handle = 0;
    assert_int_equal (zloom_client_core_subscribe (desk->core, &take, &handle), ZLOOM_OK);
    s_expect (desk, ZLOOM_VERB_SUBSCRIBE);
    s_say_subscribed (desk, handle, ZLOOM_OK);
    const zloom_envelope_t envelopes[] = {
      {.has_due = true,
       .due_ms = 1500,
       .has_expires = true,
       .expires_ms = 2000,
       .has_priority = true,
       .priority = 9},
      {.body = zloom_bytes_text ("plain")},
      {.has_expires = true, .expires_ms = INT64_MAX},
    };
    s_say_deliver_envelopes (desk, handle, envelopes, 3);
    const zloom_message_t *message = NULL;
    assert_true (zloom_client_core_receive (desk->core, 0, &message));
    assert_int_equal (message->due_wall_ns, message->sent_wall_ns + 1500 * ZLOOM_NS_PER_MS);
    assert_int_equal (message->expires_wall_ns, message->sent_wall_ns + 2000 * ZLOOM_NS_PER_MS);
    assert_true (message->has_priority);
    assert_int_equal (message->priority, 9);
    assert_true (zloom_client_core_receive (desk->core, 0, &message));
    assert_int_equal (message->due_wall_ns, 0);
    assert_int_equal (message->expires_wall_ns, 0);
    assert_false (message->has_priority);
    assert_true (zloom_client_core_receive (desk->core, 0, &message));
    assert_true (message->expires_wall_ns == INT64_MAX);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_the_key_is_found_in_the_body, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_key_that_is_brought_wins, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_body_without_key_is_refused_before_anything_is_sent,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_key_over_the_limit_is_too_big, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_flow_without_keys_looks_into_no_body, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_a_new_welcome_names_the_key_anew, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_the_one_topic_of_a_flow_is_put_into_what_names_none,
                                       s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_what_is_set_is_announced, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_times_count_from_when_each_was_sent, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_emits_are_treated_as_sends, s_setup, s_teardown),
      cmocka_unit_test_setup_teardown (test_a_message_tells_what_its_sender_asked_for, s_setup,
                                       s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
