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
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
