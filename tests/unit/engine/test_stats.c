/* SPDX-License-Identifier: MPL-2.0 */
/* Stats of many flows and many sessions come in pages, and say what was steered. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 70u
#define SESSIONS 260u

static zloom_engine_flow_t s_flows[FLOWS];
static char s_names[FLOWS][16];

static void
s_put_ask (rig_t *rig, const char *command, const char *flow)
{
    zloom_attrs_t args = {0};
    if (flow) {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    }
    rig_put_admin (rig, 9, 1, command, &args);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
}

/* How often this text stands in a result. */
static unsigned
s_count (zloom_bytes_t result, const char *text)
{
    unsigned count = 0;
    const uint8_t *at = result.data;
    const uint8_t *end = result.data + result.size;
    while (at && (at = memmem (at, (size_t) (end - at), text, strlen (text)))) {
        at++;
        count++;
    }
    return count;
}

/* All answers of one request: how many pages, and how often `text` stands in all of them. */
static unsigned
s_take_all (rig_t *rig, const char *text, unsigned *pages)
{
    unsigned count = 0;
    bool more = true;
    for (*pages = 0; more; ++*pages) {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
        count += s_count (rig->verb.answer.result, text);
        more = rig->verb.answer.more;
    }
    return count;
}

static void
test_many_flows_are_told_in_pages (void **state)
{
    (void) state;
    rig_t rig;
    unsigned pages = 0;
    rig_open (&rig, s_flows, FLOWS);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_put_ask (&rig, "flow ls", NULL);
    assert_int_equal (s_take_all (&rig,
                                  "\xa7"
                                  "flow-",
                                  &pages),
                      FLOWS);
    assert_int_equal (pages, 2);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig,
                                  "\xa7"
                                  "flow-",
                                  &pages),
                      FLOWS);
    assert_int_equal (pages, 4); /* the router, two of flows, one of sessions */
    s_put_ask (&rig, "stats", "flow-65");
    assert_int_equal (s_take_all (&rig,
                                  "\xa7"
                                  "flow-65",
                                  &pages),
                      1);
    /* One that left the recipe is not told of any more. */
    assert_int_equal (zloom_engine_reload (rig.engine, s_flows, FLOWS - 3, rig.now), ZLOOM_OK);
    s_put_ask (&rig, "flow ls", NULL);
    assert_int_equal (s_take_all (&rig,
                                  "\xa7"
                                  "flow-",
                                  &pages),
                      FLOWS - 3);
    rig_close (&rig);
}

static void
test_many_sessions_are_told_in_pages (void **state)
{
    (void) state;
    rig_t rig;
    unsigned pages = 0;
    rig_open (&rig, s_flows, 1);
    /* Roads are few in the rig; each peer leaves none behind but its session. */
    for (unsigned i = 0; i < SESSIONS; i++) {
        char name[16];
        snprintf (name, sizeof name, "peer-%03u", i);
        rig_put_hello (&rig, 100 + i, name, (uint8_t) i, NULL, 0);
    }
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig,
                                  "\xa8"
                                  "peer-",
                                  &pages),
                      SESSIONS);
    assert_int_equal (pages, 4); /* the router, its flow, two of sessions */
    rig_close (&rig);
}

static void
test_stats_say_what_was_steered (void **state)
{
    (void) state;
    rig_t rig;
    unsigned pages = 0;
    rig_open (&rig, s_flows, 1);
    rig_hello (&rig, 9, "operator", 9, NULL);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig,
                                  "\xa8"
                                  "draining\xc3",
                                  &pages),
                      0);
    s_put_ask (&rig, "drain", s_names[0]);
    rig_quiet (&rig);
    s_put_ask (&rig, "stats", s_names[0]);
    assert_int_equal (s_take_all (&rig,
                                  "\xa8"
                                  "draining\xc3",
                                  &pages),
                      1);
    s_put_ask (&rig, "resume", s_names[0]);
    s_put_ask (&rig, "pause", s_names[0]);
    rig_quiet (&rig);
    s_put_ask (&rig, "stats", s_names[0]);
    assert_int_equal (s_take_all (&rig,
                                  "\xa6"
                                  "paused\xc3",
                                  &pages),
                      1);
    rig_close (&rig);
}

static void
s_put_pong (rig_t *rig, const char *name, int64_t number)
{
    zloom_attrs_t report = {0};
    zloom_attrs_put_int (&report, name, number);
    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG,
                               .pong = {.report = zloom_attrs_bytes (&report)}};
    rig_put (rig, 1, &pong, NULL);
    zloom_attrs_fini (&report);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
}

static unsigned
s_refused_once (rig_t *rig, const char *flow)
{
    unsigned pages = 0;
    s_put_ask (rig, "stats", flow);
    return s_take_all (rig, "refused\x01", &pages);
}

static zloom_err_t
s_refused_send (rig_t *rig, uint64_t id)
{
    rig_put_send (rig, 1, id, 1);
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_REFUSE);
    return rig->verb.refuse.code;
}

/* What the door refuses is counted as what the flow refuses; who waits for room is not refused. */
static void
test_refused_sends_are_counted (void **state)
{
    (void) state;
    zloom_engine_flow_t flows[] = {rig_flow ("keyed", ZLOOM_CONFIRM_MEMORY),
                                   rig_flow ("small", ZLOOM_CONFIRM_MEMORY)};
    rig_t rig;
    flows[0].config.key = "/customer";
    rig_init (&rig, flows, 2);
    rig.memory_limit_bytes = 1u << 20;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_hello (&rig, 1, "shop", 1, "keyed");
    assert_int_equal (s_refused_once (&rig, "keyed"), 0);
    assert_int_equal (s_refused_send (&rig, 1), ZLOOM_NO_KEY);
    assert_int_equal (s_refused_once (&rig, "keyed"), 1);
    rig_hello (&rig, 1, "shop", 2, "small");
    rig_put_sized (&rig, 1, 1, 1, 900000);
    rig_put_sized (&rig, 1, 2, 1, 900000);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig.verb.refuse.code, ZLOOM_FULL);
    assert_int_equal (s_refused_once (&rig, "small"), 0);
    rig_close (&rig);
}

static void
test_what_a_peer_reports_is_shown (void **state)
{
    (void) state;
    rig_t rig;
    unsigned pages = 0;
    rig_open (&rig, s_flows, 1);
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_consumer (&rig, 1, "charge", s_names[0], 7);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig, "in_hand", &pages), 0);
    s_put_pong (&rig, "in_hand", 5);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig, "in_hand\x05", &pages), 1);
    /* The newest counts, and the consumer's credit is that of its flow. */
    s_put_pong (&rig, "in_hand", 6);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig, "in_hand\x06", &pages), 1);
    s_put_ask (&rig, "stats", s_names[0]);
    assert_int_equal (s_take_all (&rig, "credit\x07", &pages), 1);
    rig_close (&rig);
}

static void
test_a_report_that_is_no_map_is_refused (void **state)
{
    (void) state;
    rig_t rig;
    rig_open (&rig, s_flows, 1);
    rig_consumer (&rig, 1, "charge", s_names[0], 7);
    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG,
                               .pong = {.report = zloom_bytes_text ("\xa3yes")}};
    rig_put (&rig, 1, &pong, NULL);
    rig_run (&rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 1, ZLOOM_VERB_BYE);
    assert_int_equal (rig.verb.bye.code, ZLOOM_MALFORMED);
    rig_close (&rig);
}

/* An idle router's last sync was long ago, and one that does not end has no duration yet. */
static void
test_syncs_have_an_age (void **state)
{
    (void) state;
    rig_t rig;
    unsigned pages = 0;
    rig_init (&rig, s_flows, 1);
    rig.heartbeat_ns = 60 * ZLOOM_NS_PER_S;
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_hello (&rig, 1, "shop", 1, s_names[0]);
    rig_put_send (&rig, 1, 1, 1);
    rig_turn (&rig);
    rig_pass (&rig, 100 * ZLOOM_NS_PER_MS); /* the disk does nothing meanwhile */
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig, "syncing_ms\x64", &pages), 1);
    rig_run (&rig, 6 * ZLOOM_NS_PER_S); /* it attests, and rests */
    s_put_ask (&rig, "stats", NULL);
    /* 0x1700 and more ms: nearly six seconds */
    assert_int_equal (s_take_all (&rig, "last_sync_age_ms\xcd\x17", &pages), 1);
    s_put_ask (&rig, "stats", NULL);
    assert_int_equal (s_take_all (&rig, "syncing_ms\xcd", &pages), 0);
    rig_close (&rig);
}

/* A flow that it asked for and was refused is none that it sends to. */
static void
test_a_session_sends_to_what_it_was_given (void **state)
{
    (void) state;
    const zloom_hello_flow_t hello[] = {{.name = zloom_bytes_text ("nowhere"), .next = 1},
                                        {.name = zloom_bytes_text (s_names[0]), .next = 1}};
    rig_t rig;
    unsigned pages = 0;
    rig_open (&rig, s_flows, 1);
    rig_hello (&rig, 9, "operator", 9, NULL);
    rig_put_hello (&rig, 1, "shop", 1, hello, 2);
    rig_settle (&rig);
    rig_expect (&rig, 1, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig.verb.welcome.flows[0].code, ZLOOM_UNKNOWN_FLOW);
    s_put_ask (&rig, "stats", NULL);
    /* sends: one pair, [flow-00, …] */
    assert_int_equal (s_take_all (&rig,
                                  "sends\x91\x92\xa7"
                                  "flow-00",
                                  &pages),
                      1);
    rig_close (&rig);
}

int
main (void)
{
    for (unsigned i = 0; i < FLOWS; i++) {
        snprintf (s_names[i], sizeof s_names[i], "flow-%02u", i);
        s_flows[i] = rig_flow (s_names[i], ZLOOM_CONFIRM_DISK);
    }
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_many_flows_are_told_in_pages),
      cmocka_unit_test (test_many_sessions_are_told_in_pages),
      cmocka_unit_test (test_stats_say_what_was_steered),
      cmocka_unit_test (test_refused_sends_are_counted),
      cmocka_unit_test (test_what_a_peer_reports_is_shown),
      cmocka_unit_test (test_syncs_have_an_age),
      cmocka_unit_test (test_a_report_that_is_no_map_is_refused),
      cmocka_unit_test (test_a_session_sends_to_what_it_was_given),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
