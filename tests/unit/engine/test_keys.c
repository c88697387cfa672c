/* SPDX-License-Identifier: MPL-2.0 */
/* Keyed flows behind the wire: order over failures, keys shown and freed by hand, a restart. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

typedef struct {
    zloom_engine_flow_t flows[2];
    rig_t rig;
} keys_t;

static void
s_open (keys_t *self, zloom_order_t order)
{
    self->flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    self->flows[0].config.key = "/customer";
    self->flows[0].config.order = order;
    self->flows[0].config.failures_max = 1;
    self->flows[0].config.dead_letter = "orders-dead";
    rig_open (&self->rig, self->flows, 2);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_hello (&self->rig, 9, "operator", 9, NULL);
    rig_consumer (&self->rig, 2, "worker", "orders", 1000);
    /* Who only takes hears of keys as well: their order is its to keep. */
    assert_true (zloom_bytes_equal (self->rig.verb.subscribed.key, zloom_bytes_text ("/customer")));
}

/* A message for each letter of `keys`. */
static void
s_send (rig_t *rig, uint64_t first_id, const char *keys)
{
    zloom_buf_t pack = {0};
    const uint32_t n = (uint32_t) strlen (keys);
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.key = zloom_bytes (keys + i, 1),
                                           .body = zloom_bytes ("body", 4)};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .first_id = first_id, .n = n, .base_time_ns = rig->now.wall_ns, .flags = ZLOOM_FLAG_KEY}};
    rig_put (rig, 1, &verb, &pack);
    rig_settle (rig);
    zloom_buf_fini (&pack);
}

/* Numbers that come to the worker now, as a string of digits, with the last token. */
static void
s_take (rig_t *rig, char text[64], zloom_token_t *token)
{
    size_t count = 0;
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        *token = rig->verb.deliver.token;
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            for (uint32_t n = 0; n < rig->verb.deliver.runs[i].n; n++) {
                text[count++] = (char) ('0' + rig->verb.deliver.runs[i].seq + n);
            }
        }
    }
    text[count] = '\0';
}

static const zloom_verb_answer_t *
s_ask (rig_t *rig, const char *command, const char *key, bool skip)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders"));
    if (key) {
        zloom_attrs_put_bytes (&args, "key", zloom_bytes_text (key));
        zloom_attrs_put_int (&args, "skip", skip);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_attrs_bytes (&args)}};
    rig_put (rig, 9, &verb, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    zloom_attrs_fini (&args);
    return &rig->verb.answer;
}

/* The bytes of the answer hold this text somewhere. */
static bool
s_tells (const zloom_verb_answer_t *answer, const char *text)
{
    return memmem (answer->result.data, answer->result.size, text, strlen (text)) != NULL;
}

static void
test_a_stuck_key_is_shown_and_freed_by_hand (void **state)
{
    (void) state;
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_token_t token;
    char text[64];
    s_open (&self, ZLOOM_ORDER_STRICT);
    s_send (rig, 1, "aab");
    s_take (rig, text, &token);
    assert_string_equal (text, "123");
    rig_put_settle (rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_RETRY);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_STALE); /* 2 comes behind 1 again */
    assert_int_equal (rig->verb.stale.runs[0].seq, 2);
    const zloom_verb_answer_t *answer = s_ask (rig, "flow parked", NULL, false);
    assert_int_equal (answer->code, ZLOOM_OK);
    assert_true (s_tells (answer, "stuck"));
    answer = s_ask (rig, "flow release", "b", false);
    assert_int_equal (answer->code, ZLOOM_NOT_FOUND);
    answer = s_ask (rig, "flow release", "a", false);
    assert_int_equal (answer->code, ZLOOM_OK);
    s_take (rig, text, &token);
    assert_string_equal (text, "1"); /* once more, and alone */
    rig_put_settle (rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_RETRY);
    rig_settle (rig);
    answer = s_ask (rig, "flow release", "a", true);
    assert_int_equal (answer->code, ZLOOM_OK);
    s_take (rig, text, &token);
    assert_string_equal (text, "2"); /* without it */
    answer = s_ask (rig, "flow parked", NULL, false);
    assert_false (s_tells (answer, "stuck"));
    rig_close (rig);
}

static void
test_a_flow_without_keys_has_none_to_free (void **state)
{
    (void) state;
    keys_t self;
    s_open (&self, ZLOOM_ORDER_SKIP);
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_bytes (&args, "key", zloom_bytes_text ("a"));
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text ("flow release"),
                                         .args = zloom_attrs_bytes (&args)}};
    rig_put (&self.rig, 9, &verb, NULL);
    rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (&self.rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (self.rig.verb.answer.code, ZLOOM_INVALID);
    zloom_attrs_fini (&args);
    rig_close (&self.rig);
}

/* What was stored with its time and its place keeps both over a crash of the router. */
static void
test_the_order_of_keys_outlives_a_crash (void **state)
{
    (void) state;
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_token_t token;
    char text[64];
    s_open (&self, ZLOOM_ORDER_SKIP);
    s_send (rig, 1, "aab");
    s_take (rig, text, &token);
    rig_put_settle (rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_crash (rig);
    rig_consumer (rig, 2, "other", "orders", 1000);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect_none (rig, 2, ZLOOM_VERB_DELIVER); /* who held them may come back */
    rig_run (rig, 3 * ZLOOM_NS_PER_S);
    s_take (rig, text, &token);
    assert_string_equal (text, "23");
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_stuck_key_is_shown_and_freed_by_hand),
      cmocka_unit_test (test_a_flow_without_keys_has_none_to_free),
      cmocka_unit_test (test_the_order_of_keys_outlives_a_crash),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
