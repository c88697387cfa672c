/* SPDX-License-Identifier: MPL-2.0 */
/* Room is asked for all that an event may stage: a busy disk, a group that is nearly full. */
#include "unit/engine/peers.h"

#define FLOWS 3

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of messages 1 to 64, at route 2 */
    uint64_t next_id;    /* of the filler */
} room_rig_t;

static void
s_open (room_rig_t *self)
{
    self->flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("plain", ZLOOM_CONFIRM_DISK);
    self->flows[2].config.failures_max = 100;
    self->flows[0].config.dead_letter = "orders-dead";
    self->next_id = 1;
    rig_open (&self->rig, self->flows, FLOWS);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_hello (&self->rig, 4, "yard", 4, "plain");
    rig_hello (&self->rig, 3, "filler", 3, "orders-dead");
}

static void
s_put_send (rig_t *rig, zloom_route_t route, uint64_t first_id, uint32_t n, size_t size,
            zloom_bytes_t mark)
{
    zloom_buf_t pack = {0};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .flow = 0, .first_id = first_id, .n = n, .base_time_ns = rig->now.wall_ns, .mark = mark}};
    if (size > 0) {
        rig_pack (&pack, first_id, n, size);
    }
    rig_put (rig, route, &verb, size > 0 ? &pack : NULL);
    zloom_buf_fini (&pack);
}

/* Take `size` bytes and some of the room that is left in the open group. */
static void
s_fill (room_rig_t *self, uint64_t size)
{
    s_put_send (&self->rig, 3, self->next_id++, 1, (size_t) size, ZLOOM_BYTES_NULL);
    rig_turn (&self->rig);
}

static bool
s_has_room (const room_rig_t *self, uint64_t bytes)
{
    return zloom_journal_room (self->rig.journal, 1, bytes, true) == ZLOOM_OK;
}

/* The disk is busy, as it does nothing here; the open group is filled until so much is left. */
static void
s_fill_up (room_rig_t *self, uint64_t left)
{
    s_fill (self, 100); /* under way from now on */
    for (uint64_t step = 1u << 20; step >= 256; step /= 2) {
        while (s_has_room (self, left + step + 150)) {
            s_fill (self, step);
        }
    }
    assert_true (s_has_room (self, left / 2));
    assert_false (s_has_room (self, left + 8192));
}

static void
test_a_skip_has_room_for_the_mark_that_it_keeps (void **state)
{
    (void) state;
    room_rig_t self;
    s_open (&self);
    uint8_t mark[ZLOOM_LIMIT_MARK_BYTES] = {1};
    uint64_t id = 1;
    s_put_send (&self.rig, 1, id++, 1, 10, zloom_bytes (mark, sizeof mark));
    rig_settle (&self.rig);
    for (uint64_t left = 2600; left <= 4100; left += 250) {
        s_fill_up (&self, left);
        s_put_send (&self.rig, 1, id++, 1, 0, ZLOOM_BYTES_NULL);
        rig_turn (&self.rig);
        rig_settle (&self.rig);
        rig_expect (&self.rig, 1, ZLOOM_VERB_CONFIRM);
        rig_quiet (&self.rig);
    }
    rig_close (&self.rig);
}

/* Its producer and its hole: two records, one with the mark. */
static void
test_a_hello_that_leaves_a_hole_has_room_for_it (void **state)
{
    (void) state;
    room_rig_t self;
    s_open (&self);
    uint8_t mark[ZLOOM_LIMIT_MARK_BYTES] = {1};
    s_put_send (&self.rig, 1, 1, 1, 10, zloom_bytes (mark, sizeof mark));
    rig_settle (&self.rig);
    for (uint64_t left = 2600; left <= 4100; left += 250) {
        s_fill_up (&self, left);
        const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 10 * left};
        rig_put_hello (&self.rig, 1, "shop", 1, &hello, 1);
        rig_turn (&self.rig);
        rig_settle (&self.rig);
        rig_quiet (&self.rig);
    }
    rig_close (&self.rig);
}

/* Acks alone write little, but what waits for its way to the dead letters goes along. */
static void
test_acks_have_room_for_the_moves_that_go_along (void **state)
{
    (void) state;
    room_rig_t self;
    s_open (&self);
    rig_consumer (&self.rig, 2, "worker", "orders", 1000);
    s_put_send (&self.rig, 1, 1, 400, 7000, ZLOOM_BYTES_NULL);
    rig_settle (&self.rig);
    zloom_token_t token = {0, 0};
    while (rig_take (&self.rig, 2, ZLOOM_VERB_DELIVER)) {
        if (self.rig.verb.deliver.runs[0].seq == 1) {
            token = self.rig.verb.deliver.token;
        }
    }
    s_fill_up (&self, 1u << 20); /* too little for the timers that move dead letters */
    rig_put_settle (&self.rig, 2, 1, token, 1, 100, ZLOOM_VERDICT_REJECT);
    rig_turn (&self.rig);
    s_fill_up (&self, 20000);
    rig_put_settle (&self.rig, 2, 1, token, 101, 1, ZLOOM_VERDICT_ACK);
    rig_turn (&self.rig);
    rig_settle (&self.rig);
    rig_close (&self.rig);
}

/* RETRY for n messages from `first` on; `i` makes the cause another one. */
static void
s_put_retry (rig_t *rig, zloom_token_t token, uint64_t first, uint32_t n, uint32_t reason,
             uint32_t i)
{
    char name[16];
    char text[250];
    memset (text, 'x', sizeof text);
    snprintf (name, sizeof name, "reason-%u", reason);
    snprintf (text, sizeof text, "%u", i);
    const zloom_settle_run_t run = {.first = first,
                                    .n = n,
                                    .verdict = ZLOOM_VERDICT_RETRY,
                                    .cause = {.reason = zloom_bytes_text (name),
                                              .exit = -1,
                                              .text = zloom_bytes (text, sizeof text)}};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SETTLE,
      .settle = {.handle = 1, .token = token, .runs = &run, .run_count = 1}};
    rig_put (rig, 2, &verb, NULL);
}

/* What failed before is told again with all that is known of it. */
static void
test_retries_have_room_for_their_histories (void **state)
{
    (void) state;
    room_rig_t self;
    rig_t *rig = &self.rig;
    s_open (&self);
    rig_consumer (rig, 2, "worker", "plain", 64);
    s_put_send (rig, 4, 1, 64, 10, ZLOOM_BYTES_NULL);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    for (uint32_t i = 0; i < 64; i++) {
        s_put_retry (rig, rig->verb.deliver.token, 1 + i, 1, 0, i);
    }
    rig_settle (rig);
    for (uint32_t reason = 1; reason < 10; reason++) {
        rig_put_credit (rig, 2, 1, 64 * (reason + 1));
        rig_settle (rig);
        if (reason == 9) {
            s_fill_up (&self, 80000);
        }
        rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
        assert_int_equal (rig->verb.deliver.runs[0].n, 64);
        s_put_retry (rig, rig->verb.deliver.token, 1, 64, reason, 0);
        rig_turn (rig);
    }
    rig_settle (rig);
    rig_close (rig);
}

/* Ack every second message of what was delivered. */
static void
s_ack_odd (rig_t *rig)
{
    static zloom_settle_run_t s_runs[4096];
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        size_t count = 0;
        const zloom_run_t *run = &rig->verb.deliver.runs[0];
        for (uint64_t seq = run->seq | 1; seq < run->seq + run->n; seq += 2) {
            s_runs[count++] = (zloom_settle_run_t){
              .first = seq, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
        }
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SETTLE,
          .settle = {
            .handle = 1, .token = rig->verb.deliver.token, .runs = s_runs, .run_count = count}};
        rig_put (rig, 2, &verb, NULL);
    }
    rig_settle (rig);
}

/* No lease is that long: such an ack is not believed, and it costs no more than others. */
static void
test_a_late_ack_of_everything_is_stale (void **state)
{
    (void) state;
    room_rig_t self;
    s_open (&self);
    rig_consumer (&self.rig, 2, "worker", "plain", 1000000);
    s_put_send (&self.rig, 4, 1, 40000, 10, ZLOOM_BYTES_NULL);
    rig_settle (&self.rig);
    const zloom_token_t token = {zloom_journal_boot (self.rig.journal).random, 1};
    s_ack_odd (&self.rig);
    rig_run (&self.rig, ZLOOM_NS_PER_S);
    rig_crash (&self.rig);
    rig_hello (&self.rig, 3, "filler", 3, "orders-dead");
    rig_hello (&self.rig, 2, "worker", 2, NULL);
    rig_put_subscribe (&self.rig, 2, 1, "plain", ZLOOM_MODE_CONSUME);
    rig_settle (&self.rig);
    s_fill_up (&self, 20000);
    rig_put_settle (&self.rig, 2, 1, token, 1, 40000, ZLOOM_VERDICT_ACK);
    rig_turn (&self.rig);
    rig_settle (&self.rig);
    rig_run (&self.rig, ZLOOM_NS_PER_S);
    rig_expect (&self.rig, 2, ZLOOM_VERB_SETTLED);
    for (size_t i = 0; i < self.rig.verb.settled.run_count; i++) {
        assert_int_not_equal (self.rig.verb.settled.runs[i].code, ZLOOM_OK);
    }
    rig_close (&self.rig);
}

static void
test_who_is_ending_without_room_is_handed_nothing (void **state)
{
    (void) state;
    room_rig_t self = {0};
    s_open (&self);
    rig_t *rig = &self.rig;
    rig_put_send (rig, 1, 1, 2);
    rig_settle (rig);
    rig_consumer (rig, 2, "leaves", "orders", 0);
    rig_consumer (rig, 5, "stays", "orders", 0);
    s_fill_up (&self, UINT64_C (1) << 20); /* enough to hand out, not to take leases back */
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE, .bye = {.code = ZLOOM_OK}};
    rig_put_credit (rig, 2, 1, 10);
    rig_put (rig, 2, &bye, NULL);
    rig_put_credit (rig, 5, 1, 10);
    rig_turn (rig);
    assert_false (rig->forgotten[2]); /* its end waits */
    rig_expect (rig, 5, ZLOOM_VERB_DELIVER);
    assert_int_equal (zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count), 2);
    rig_settle (rig);
    assert_true (rig->forgotten[2]);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_skip_has_room_for_the_mark_that_it_keeps),
      cmocka_unit_test (test_a_hello_that_leaves_a_hole_has_room_for_it),
      cmocka_unit_test (test_acks_have_room_for_the_moves_that_go_along),
      cmocka_unit_test (test_retries_have_room_for_their_histories),
      cmocka_unit_test (test_a_late_ack_of_everything_is_stale),
      cmocka_unit_test (test_who_is_ending_without_room_is_handed_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
