/* SPDX-License-Identifier: MPL-2.0 */
/* One message is found among many packs of many flows, by id and by number. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 3u

static zloom_engine_flow_t s_flows[FLOWS];
static const char *const s_names[FLOWS] = {"first", "orders", "quick"};

static void
s_put_trace (rig_t *rig, const char *id, const char *flow, int64_t seq)
{
    zloom_attrs_t args = {0};
    if (id) {
        zloom_attrs_put_text (&args, "id", zloom_bytes_text (id));
    }
    if (flow) {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    }
    if (seq > 0) {
        zloom_attrs_put_int (&args, "seq", seq);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_ADMIN,
      .admin = {.request = 1,
                .command = zloom_bytes_text ("trace"),
                .args = args.count ? zloom_attrs_bytes (&args) : ZLOOM_BYTES_NULL}};
    rig_put (rig, 9, &verb, NULL);
    zloom_attrs_fini (&args);
    rig_run (rig, 50 * ZLOOM_NS_PER_MS);
}

/* How often a text stands in all answers of one request. */
static unsigned
s_take (rig_t *rig, const char *text)
{
    unsigned count = 0;
    bool more = true;
    while (more) {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
        const zloom_bytes_t result = rig->verb.answer.result;
        const uint8_t *at = result.data;
        const uint8_t *end = result.data + result.size;
        while ((at = memmem (at, (size_t) (end - at), text, strlen (text)))) {
            at++;
            count++;
        }
        more = rig->verb.answer.more;
    }
    return count;
}

static void
s_open (rig_t *rig)
{
    rig_open (rig, s_flows, FLOWS);
    rig_hello (rig, 9, "operator", 9, NULL);
    rig_hello (rig, 1, "shop", 1, "orders");
    for (uint64_t pack = 0; pack < 200; pack++) {
        rig_put_send (rig, 1, 1 + pack * 3, 3);
        rig_run (rig, ZLOOM_NS_PER_MS);
    }
    rig_settle (rig);
}

static void
test_found_by_its_id (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_put_trace (&rig, "shop/500", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa3seq\xcd\x01\xf4"), 1); /* number 500, once */
    s_put_trace (&rig, "shop/601", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa3seq"), 0);
    s_put_trace (&rig, "shop/601", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa4high\xcd\x02\x58"), 1); /* taken up to 600 */
    s_put_trace (&rig, "shop", NULL, 0);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    rig_close (&rig);
}

static void
test_who_has_it_is_told (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "charge", "orders", 10);
    rig_settle (&rig);
    s_put_trace (&rig, NULL, "orders", 7);
    assert_int_equal (s_take (&rig, "leased"), 1);
    s_put_trace (&rig, "shop/7", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa6"
                                    "charge"),
                      1);
    s_put_trace (&rig, "shop/12", NULL, 0);
    assert_int_equal (s_take (&rig, "ready"), 1);
    s_put_trace (&rig, NULL, "orders", 601);
    assert_int_equal (s_take (&rig, "never given"), 1);
    rig_close (&rig);
}

static void
test_it_takes_an_id_or_a_number (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_put_trace (&rig, NULL, NULL, 0);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    s_put_trace (&rig, NULL, "orders", 0);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    rig_close (&rig);
}

/* One that failed waits: when it goes on is told, and what came of it so far. */
static void
test_one_that_waits_is_told_with_its_past (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "charge", "orders", 10);
    rig_settle (&rig);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const uint64_t seq = rig.verb.deliver.runs[0].seq;
    const zloom_settle_run_t run = {.first = seq,
                                    .n = 1,
                                    .verdict = ZLOOM_VERDICT_RETRY,
                                    .delay_ms = 60000,
                                    .cause = {.reason = zloom_bytes_text ("failures"),
                                              .exit = 3,
                                              .text = zloom_bytes_text ("no such street")}};
    const zloom_verb_t settle = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = rig.verb.deliver.token, .runs = &run, .run_count = 1}};
    rig_put (&rig, 2, &settle, NULL);
    rig_settle (&rig);
    s_put_trace (&rig, NULL, "orders", (int64_t) seq);
    assert_int_equal (s_take (&rig, "no such street"), 1);
    s_put_trace (&rig, NULL, "orders", (int64_t) seq);
    assert_int_equal (s_take (&rig, "waiting"), 1);
    rig_close (&rig);
}

/* Of a pack some are settled: those are not where the others still are. */
static void
test_what_is_settled_is_not_found_among_its_neighbours (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "charge", "orders", 3);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, 2, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    s_put_trace (&rig, "shop/2", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa3seq"), 0);
    s_put_trace (&rig, "shop/3", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa3seq\x03"), 1);
    rig_close (&rig);
}

/* The time has come, and the turn that hands it out has only begun. */
static void
test_what_is_due_now_waits_no_more (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_consumer (&rig, 2, "charge", "orders", 1);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_settle_run_t run = {
      .first = 1, .n = 1, .verdict = ZLOOM_VERDICT_RETRY, .delay_ms = 1000, .cause = {.exit = -1}};
    const zloom_verb_t settle = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = rig.verb.deliver.token, .runs = &run, .run_count = 1}};
    rig_put (&rig, 2, &settle, NULL);
    rig_settle (&rig);
    rig_pass (&rig, 1500 * ZLOOM_NS_PER_MS);
    s_put_trace (&rig, NULL, "orders", 1);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    const zloom_bytes_t result = rig.verb.answer.result;
    assert_non_null (memmem (result.data, result.size, "due_ms\x00", 7));
    rig_close (&rig);
}

/* Two flows hold it; one leaves the recipe, empty, and knows nothing to tell any more. */
static void
test_a_flow_that_left_is_not_looked_at (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_hello (&rig, 3, "shop", 1, "quick");
    rig_put_send (&rig, 3, 1, 1);
    rig_consumer (&rig, 2, "charge", "quick", 1);
    rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
    const uint64_t seq = rig.verb.deliver.runs[0].seq;
    const zloom_token_t token = rig.verb.deliver.token;
    s_put_trace (&rig, "shop/1", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa5quick"), 2); /* it holds it, and has taken it */
    rig_put_settle (&rig, 2, 1, token, seq, 1, ZLOOM_VERDICT_ACK);
    rig_settle (&rig);
    s_put_trace (&rig, "shop/1", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa5quick"), 1);
    assert_int_equal (zloom_engine_reload (rig.engine, s_flows, 2, rig.now), ZLOOM_OK);
    s_put_trace (&rig, "shop/1", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa5quick"), 0);
    rig_close (&rig);
}

/* A message of the same number in more flows than are told of. */
static void
test_of_many_copies_a_hundred_are_told (void **state)
{
    (void) state;
    enum { MANY = 105, HELLO = 50 };
    static zloom_engine_flow_t flows[MANY];
    static char names[MANY][16];
    zloom_hello_flow_t hello[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf (names[i], sizeof names[i], "flow-%u", i);
        flows[i] = rig_flow (names[i], ZLOOM_CONFIRM_DISK);
        hello[i] = (zloom_hello_flow_t){.name = zloom_bytes_text (names[i]), .next = 1};
    }
    rig_t rig;
    rig_open (&rig, flows, MANY);
    rig_hello (&rig, 9, "operator", 9, NULL);
    for (uint32_t i = 0; i < MANY; i++) {
        zloom_buf_t pack = {0};
        if (i % HELLO == 0) { /* as many as one HELLO may name */
            rig_put_hello (&rig, 1, "shop", 1, hello + i, i + HELLO > MANY ? MANY - i : HELLO);
            rig_settle (&rig);
        }
        rig_pack (&pack, 1, 1, 10);
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SEND,
          .send = {.flow = i % HELLO, .first_id = 1, .n = 1, .base_time_ns = rig.now.wall_ns}};
        rig_put (&rig, 1, &verb, &pack);
        rig_settle (&rig);
        zloom_buf_fini (&pack);
    }
    unsigned taken = 0;
    while (rig_take (&rig, 1, ZLOOM_VERB_CONFIRM)) {
        taken++;
    }
    assert_int_equal (taken, MANY);
    s_put_trace (&rig, "shop/1", NULL, 0);
    assert_int_equal (s_take (&rig, "\xa3seq\x01"), 100);
    rig_close (&rig);
}

int
main (void)
{
    for (unsigned i = 0; i < FLOWS; i++) {
        s_flows[i] = rig_flow (s_names[i], i < 2 ? ZLOOM_CONFIRM_DISK : ZLOOM_CONFIRM_MEMORY);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_found_by_its_id),
      cmocka_unit_test (test_who_has_it_is_told),
      cmocka_unit_test (test_it_takes_an_id_or_a_number),
      cmocka_unit_test (test_one_that_waits_is_told_with_its_past),
      cmocka_unit_test (test_what_is_settled_is_not_found_among_its_neighbours),
      cmocka_unit_test (test_what_is_due_now_waits_no_more),
      cmocka_unit_test (test_a_flow_that_left_is_not_looked_at),
      cmocka_unit_test (test_of_many_copies_a_hundred_are_told),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
