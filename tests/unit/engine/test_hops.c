/* SPDX-License-Identifier: MPL-2.0 */
/* A traced message is followed over flows, failures and restarts; others leave nothing. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 3

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of messages 1 to 4, at route 2 */
} hops_t;

static void
s_put_traced (rig_t *rig, zloom_route_t route, uint64_t first_id, uint32_t n, uint32_t flags)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .flow = 0, .first_id = first_id, .n = n, .flags = flags, .base_time_ns = rig->now.wall_ns}};
    rig_pack (&pack, first_id, n, 10);
    rig_put (rig, route, &verb, &pack);
    zloom_buf_fini (&pack);
}

/* All rights, but to this flow, and then not to the router itself. */
static const char *s_hidden;

static bool
s_rights (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    (void) key;
    return right == ZLOOM_RIGHT_ENTER || !s_hidden || (flow && strcmp (flow, s_hidden) != 0);
}

/* Messages 1 and 3 of "in" are traced, 2 and 4 are not; "worker" has all four. */
static void
s_open (hops_t *self)
{
    self->flows[0] = rig_flow ("in", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("out", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("dead", ZLOOM_CONFIRM_DISK);
    self->flows[0].config.dead_letter = "dead";
    rig_t *rig = &self->rig;
    rig_init (rig, self->flows, FLOWS);
    rig->hot_bytes = 64u * 1024 * 1024;
    rig->rights = s_rights;
    s_hidden = NULL;
    assert_int_equal (rig_start (rig), ZLOOM_OK);
    rig_hello (rig, 9, "operator", 9, NULL);
    rig_hello (rig, 1, "shop", 1, "in");
    for (uint64_t id = 1; id <= 4; id++) {
        s_put_traced (rig, 1, id, 1, id % 2 ? (uint32_t) ZLOOM_FLAG_TRACE : 0u);
    }
    const zloom_hello_flow_t out = {.name = zloom_bytes_text ("out"), .next = 1};
    rig_put_hello (rig, 2, "worker", 2, &out, 1);
    rig_put_subscribe (rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, 2, 1, 10);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    self->token = rig->verb.deliver.token;
    rig_quiet (rig);
}

static void
s_ask (rig_t *rig, zloom_attrs_t *args)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 1,
                                         .command = zloom_bytes_text ("trace"),
                                         .args = zloom_attrs_bytes (args)}};
    rig_put (rig, 9, &verb, NULL);
    zloom_attrs_fini (args);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER); /* the trail stands in the first */
}

static unsigned
s_count (const rig_t *rig, const char *text)
{
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    unsigned count = 0;
    const uint8_t *at = rig->verb.answer.result.data;
    const uint8_t *end = at + rig->verb.answer.result.size;
    for (; (at = memmem (at, (size_t) (end - at), text, strlen (text))); at++) {
        count++;
    }
    return count;
}

/* How often a text stands in the answer about an id. */
static unsigned
s_told (rig_t *rig, const char *id, const char *text)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "id", zloom_bytes_text (id));
    s_ask (rig, &args);
    const unsigned count = s_count (rig, text);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    return count;
}

static void
s_ask_number (rig_t *rig, const char *flow, int64_t seq)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    zloom_attrs_put_int (&args, "seq", seq);
    s_ask (rig, &args);
}

static void
s_put_started (hops_t *self, uint64_t seq)
{
    const zloom_run_t run = {seq, 1};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STARTED,
      .started = {.handle = 1, .token = self->token, .runs = &run, .run_count = 1}};
    rig_put (&self->rig, 2, &verb, NULL);
}

/* Ack messages 1 to 4 and emit one for each, as a client says steps that go together. */
static void
s_put_group (hops_t *self, const uint64_t from[4])
{
    zloom_buf_t pack = {0};
    zloom_emit_t emits[4];
    for (int i = 0; i < 4; i++) {
        emits[i] = (zloom_emit_t){.n = 1, .base_time_ns = 5, .from = from[i]};
    }
    const zloom_settle_run_t run = {
      .first = 1, .n = 4, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = self->token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = emits,
                                        .emit_count = 4}};
    rig_pack (&pack, 100, 4, 10);
    rig_put (&self->rig, 2, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (&self->rig);
    rig_expect (&self->rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (self->rig.verb.settled.step, ZLOOM_OK);
}

static void
test_what_happens_to_it_is_noted (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    assert_int_equal (s_told (rig, "shop/1", "handed out"), 1);
    assert_int_equal (s_told (rig, "shop/1", "begun"), 0);
    s_put_started (&self, 1);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "begun"), 1);
    rig_put_settle (rig, 2, 1, self.token, 1, 1, ZLOOM_VERDICT_RETRY);
    rig_put_settle (rig, 2, 1, self.token, 1, 1, ZLOOM_VERDICT_REJECT); /* STALE: no row */
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "verdict"), 1);
    assert_int_equal (s_told (rig, "shop/1", "retry"), 1);
    rig_put_settle (rig, 2, 1, self.token, 3, 1, ZLOOM_VERDICT_ACK);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/3", "acked"), 1);
    assert_int_equal (s_told (rig, "shop/1", "acked"), 0);
    /* The others: nothing at all. */
    assert_int_equal (s_told (rig, "shop/2", "handed out"), 0);
    assert_int_equal (s_told (rig, "shop/4", "stored"), 0);
    rig_close (rig);
}

static void
test_emits_are_followed_by_what_they_came_of (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    s_put_group (&self, (const uint64_t[4]){2, 3, 1, 0});
    assert_int_equal (s_told (rig, "shop/3", "/out/2"), 1);
    assert_int_equal (s_told (rig, "shop/3", "/out/"), 1);
    assert_int_equal (s_told (rig, "shop/1", "/out/3"), 1);
    assert_int_equal (s_told (rig, "shop/1", "emitted"), 1);
    assert_int_equal (s_told (rig, "shop/2", "/out/"), 0);
    rig_consumer (rig, 3, "ledger", "out", 10);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "ledger"), 2); /* in its row, and as who has it */
    rig_close (rig);
}

/* Whoever may read a flow is told nothing of the others that its messages came from or went to. */
static void
test_of_flows_that_one_may_not_read_nothing_is_told (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    s_put_group (&self, (const uint64_t[4]){2, 3, 1, 0});
    s_ask_number (rig, "in", 1);
    assert_int_equal (s_count (rig, "/out/3"), 1);
    s_hidden = "out";
    s_ask_number (rig, "in", 1);
    assert_int_equal (s_count (rig, "/out/"), 0);
    assert_int_equal (s_count (rig, "\xa3out"), 0);
    assert_int_equal (s_count (rig, "handed out"), 1);
    s_hidden = "in";
    s_ask_number (rig, "out", 3);
    assert_int_equal (s_count (rig, "emitted"), 1);
    assert_int_equal (s_count (rig, "\xa2in"), 0);
    assert_int_equal (s_count (rig, "shop/1"), 0);
    s_ask_number (rig, "in", 1);
    assert_int_equal (rig->verb.answer.code, ZLOOM_FORBIDDEN);
    rig_close (rig);
}

static void
test_a_step_with_one_input_need_not_say (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    zloom_buf_t pack = {0};
    const zloom_emit_t emit = {.n = 2, .base_time_ns = 5};
    const zloom_settle_run_t run = {
      .first = 3, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = self.token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = &emit,
                                        .emit_count = 1}};
    rig_pack (&pack, 100, 2, 10);
    rig_put (rig, 2, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/3", "/out/1"), 1);
    assert_int_equal (s_told (rig, "shop/3", "/out/2"), 1);
    rig_close (rig);
}

static void
test_a_dead_letter_is_the_next_hop (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    rig_put_settle (rig, 2, 1, self.token, 1, 4, ZLOOM_VERDICT_REJECT);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "reject"), 1);
    assert_int_equal (s_told (rig, "shop/1", "moved"), 1);
    assert_int_equal (s_told (rig, "shop/1", "from_flow\xa2in"), 1);
    assert_int_equal (s_told (rig, "shop/2", "from_flow"), 0);
    rig_close (rig);
}

static void
test_a_worker_that_is_gone_is_noted (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE};
    rig_put (rig, 2, &bye, NULL);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "taken back"), 1);
    rig_consumer (rig, 3, "second", "in", 10);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/1", "handed out"), 2);
    rig_close (rig);
}

static void
test_it_outlives_a_crash (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    s_put_started (&self, 3);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_crash (rig);
    rig_hello (rig, 9, "operator", 10, NULL);
    assert_int_equal (s_told (rig, "shop/1", "handed out"), 1);
    assert_int_equal (s_told (rig, "shop/1", "begun"), 0);
    assert_int_equal (s_told (rig, "shop/3", "begun"), 1);
    assert_int_equal (s_told (rig, "shop/3", "router restarted"), 1);
    rig_consumer (rig, 3, "second", "in", 10);
    rig_settle (rig);
    assert_int_equal (s_told (rig, "shop/3", "handed out"), 2);
    rig_close (rig);
}

/* The log went round, and what it began with was given back: the trail stands in snapshots. */
static void
test_it_outlives_its_segments (void **state)
{
    (void) state;
    hops_t self;
    s_open (&self);
    rig_t *rig = &self.rig;
    rig_hello (rig, 4, "bulk", 4, "out");
    rig_consumer (rig, 5, "eater", "out", 1000);
    for (uint64_t id = 1; id <= 44; id++) {
        rig_put_sized (rig, 4, id, 1, 3u * 1024 * 1024);
        rig_settle (rig);
        rig_expect (rig, 5, ZLOOM_VERB_DELIVER);
        rig_put_settle (rig, 5, 1, rig->verb.deliver.token, id, 1, ZLOOM_VERDICT_ACK);
        rig_settle (rig);
        rig_quiet (rig);
    }
    zloom_journal_stats_t stats;
    zloom_journal_stats (rig->journal, &stats);
    assert_true (stats.reclaimed_segments > 4);
    rig_crash (rig);
    rig_hello (rig, 9, "operator", 10, NULL);
    assert_int_equal (s_told (rig, "shop/1", "handed out"), 1);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_happens_to_it_is_noted),
      cmocka_unit_test (test_emits_are_followed_by_what_they_came_of),
      cmocka_unit_test (test_of_flows_that_one_may_not_read_nothing_is_told),
      cmocka_unit_test (test_a_step_with_one_input_need_not_say),
      cmocka_unit_test (test_a_dead_letter_is_the_next_hop),
      cmocka_unit_test (test_a_worker_that_is_gone_is_noted),
      cmocka_unit_test (test_it_outlives_a_crash),
      cmocka_unit_test (test_it_outlives_its_segments),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
