/* SPDX-License-Identifier: MPL-2.0 */
/* Keyed flows behind the wire: order over failures, keys shown and freed by hand, a restart. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"
#include "wire/encode.h"

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

/* Ask about the flow, with more words. */
static const zloom_verb_answer_t *
s_ask_with (rig_t *rig, const char *command, zloom_attrs_t *args)
{
    zloom_attrs_put_text (args, "flow", zloom_bytes_text ("orders"));
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text (command),
                                         .args = zloom_attrs_bytes (args)}};
    rig_put (rig, 9, &verb, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    zloom_attrs_fini (args);
    return &rig->verb.answer;
}

static const zloom_verb_answer_t *
s_ask (rig_t *rig, const char *command, const char *key, bool skip)
{
    zloom_attrs_t args = {0};
    if (key) {
        zloom_attrs_put_bytes (&args, "key", zloom_bytes_text (key));
        zloom_attrs_put_int (&args, "skip", skip);
    }
    return s_ask_with (rig, command, &args);
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

/* Fail what was handed out as `first`, with these words. */
static void
s_fail (rig_t *rig, zloom_token_t token, uint64_t first, const char *why)
{
    const zloom_settle_run_t run = {.first = first,
                                    .n = 1,
                                    .verdict = ZLOOM_VERDICT_RETRY,
                                    .delay_ms = ZLOOM_DELAY_UNSET,
                                    .cause = {.reason = zloom_bytes_text ("failures"),
                                              .exit = -1,
                                              .text = zloom_bytes_text (why)}};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = token, .runs = &run, .run_count = 1}};
    rig_put (rig, 2, &verb, NULL);
    rig_settle (rig);
}

static int64_t
s_next (const zloom_verb_answer_t *answer)
{
    zloom_attr_t value = {.number = -2};
    assert_true (zloom_attrs_find (answer->result, "next", &value));
    return value.number;
}

static void
test_stuck_keys_are_told_in_pages_with_their_reasons (void **state)
{
    (void) state;
    static const char *const why[] = {"card expired", "no such street", "empty basket"};
    keys_t self;
    rig_t *rig = &self.rig;
    s_open (&self, ZLOOM_ORDER_STRICT);
    s_send (rig, 1, "abc");
    for (uint64_t failed = 0; failed < 3;) {
        rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
        const zloom_token_t token = rig->verb.deliver.token;
        const uint64_t first = rig->verb.deliver.runs[0].seq;
        const uint64_t n = rig->verb.deliver.runs[0].n;
        for (uint64_t i = 0; i < n; i++, failed++) {
            s_fail (rig, token, first + i, why[first + i - 1]);
        }
    }
    /* Each once, in whatever order; two of them on the first page. */
    unsigned told[3] = {0, 0, 0};
    unsigned first_page = 0;
    zloom_attrs_t two = {0};
    zloom_attrs_put_int (&two, "max", 2);
    const zloom_verb_answer_t *answer = s_ask_with (rig, "flow parked", &two);
    for (size_t i = 0; i < 3; i++) {
        told[i] += s_tells (answer, why[i]);
        first_page += told[i];
    }
    assert_int_equal (first_page, 2);
    zloom_attrs_t rest = {0};
    zloom_attrs_put_int (&rest, "from", s_next (answer));
    answer = s_ask_with (rig, "flow parked", &rest);
    for (size_t i = 0; i < 3; i++) {
        told[i] += s_tells (answer, why[i]);
        assert_int_equal (told[i], 1);
    }
    assert_int_equal (s_next (answer), -1);
    zloom_attrs_t none = {0};
    bool due = s_tells (s_ask_with (rig, "stats", &none), "due_ms\xff"); /* -1: by itself, none */
    while (!due && rig->verb.answer.more) {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        due = s_tells (&rig->verb.answer, "due_ms\xff");
    }
    assert_true (due);
    rig_close (rig);
}

static void
test_a_parked_key_is_told_as_such (void **state)
{
    (void) state;
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_token_t token;
    char text[64];
    s_open (&self, ZLOOM_ORDER_PARK);
    s_send (rig, 1, "aab");
    s_take (rig, text, &token);
    s_fail (rig, token, 1, "card expired");
    rig_run (rig, ZLOOM_NS_PER_S);
    assert_true (s_tells (s_ask (rig, "flow parked", NULL, false), "parked"));
    assert_int_equal (s_ask (rig, "flow release", "a", false)->code, ZLOOM_OK);
    assert_false (s_tells (s_ask (rig, "flow parked", NULL, false), "parked"));
    rig_close (rig);
}

static void
test_the_key_to_free_has_to_be_named (void **state)
{
    (void) state;
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_token_t token;
    char text[64];
    s_open (&self, ZLOOM_ORDER_STRICT);
    s_send (rig, 1, "a");
    s_take (rig, text, &token);
    s_fail (rig, token, 1, "card expired");
    assert_int_equal (s_ask (rig, "flow release", NULL, false)->code, ZLOOM_INVALID);
    zloom_attrs_t number = {0};
    zloom_attrs_put_int (&number, "key", 7);
    assert_int_equal (s_ask_with (rig, "flow release", &number)->code, ZLOOM_INVALID);
    zloom_attrs_t words = {0}; /* a client without bytes says it as text */
    zloom_attrs_put_text (&words, "key", zloom_bytes_text ("a"));
    zloom_attrs_put_text (&words, "skip", zloom_bytes_text ("no number: as if it were not there"));
    assert_int_equal (s_ask_with (rig, "flow release", &words)->code, ZLOOM_OK);
    s_take (rig, text, &token);
    assert_string_equal (text, "1");
    rig_close (rig);
}

/* Another client says yes where zloom says 1. */
static void
test_a_key_is_skipped_by_yes (void **state)
{
    (void) state;
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_token_t token;
    char text[64];
    s_open (&self, ZLOOM_ORDER_STRICT);
    s_send (rig, 1, "aa");
    s_take (rig, text, &token);
    s_fail (rig, token, 1, "card expired");
    zloom_buf_t args = {0};
    zloom_encode_map (&args, 3);
    zloom_encode_string (&args, "flow");
    zloom_encode_string (&args, "orders");
    zloom_encode_string (&args, "key");
    zloom_encode_string (&args, "a");
    zloom_encode_string (&args, "skip");
    zloom_encode_bool (&args, true);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text ("flow release"),
                                         .args = zloom_buf_bytes (&args)}};
    rig_put (rig, 9, &verb, NULL);
    zloom_buf_fini (&args);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    s_take (rig, text, &token);
    assert_string_equal (text, "2"); /* without the first */
    rig_close (rig);
}

/* However many are asked for: a page has a thousand, and the next one begins behind it. */
static void
test_a_page_of_keys_has_its_end (void **state)
{
    (void) state;
    enum { KEYS = 1100 };
    keys_t self;
    rig_t *rig = &self.rig;
    zloom_buf_t pack = {0};
    s_open (&self, ZLOOM_ORDER_STRICT);
    rig_put_credit (rig, 2, 1, 10 * KEYS);
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];
        const int size = snprintf (key, sizeof key, "k%u", i);
        const zloom_envelope_t envelope = {.key = zloom_bytes (key, (size_t) size),
                                           .body = zloom_bytes_text ("body")};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .first_id = 1, .n = KEYS, .base_time_ns = rig->now.wall_ns, .flags = ZLOOM_FLAG_KEY}};
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            rig_put_settle (rig, 2, 1, rig->verb.deliver.token, rig->verb.deliver.runs[i].seq,
                            rig->verb.deliver.runs[i].n, ZLOOM_VERDICT_RETRY);
        }
    }
    rig_settle (rig);
    zloom_attrs_t many = {0};
    zloom_attrs_put_int (&many, "max", 100000);
    const zloom_verb_answer_t *answer = s_ask_with (rig, "flow parked", &many);
    assert_true (s_tells (answer, "keys\xdc\x03\xe8")); /* 1000 */
    zloom_attrs_t rest = {0};
    zloom_attrs_put_int (&rest, "from", s_next (answer));
    answer = s_ask_with (rig, "flow parked", &rest);
    assert_true (s_tells (answer, "keys\xdc\x00\x64")); /* 100 */
    assert_int_equal (s_next (answer), -1);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_stuck_key_is_shown_and_freed_by_hand),
      cmocka_unit_test (test_a_flow_without_keys_has_none_to_free),
      cmocka_unit_test (test_the_order_of_keys_outlives_a_crash),
      cmocka_unit_test (test_stuck_keys_are_told_in_pages_with_their_reasons),
      cmocka_unit_test (test_a_parked_key_is_told_as_such),
      cmocka_unit_test (test_the_key_to_free_has_to_be_named),
      cmocka_unit_test (test_a_key_is_skipped_by_yes),
      cmocka_unit_test (test_a_page_of_keys_has_its_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
