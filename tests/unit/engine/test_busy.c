/* SPDX-License-Identifier: MPL-2.0 */
/* Commands and traces while the disk is busy and the open group is full: they wait for room. */
#include "unit/engine/fanout.h"
#include "wire/attrs.h"

typedef struct {
    zloom_engine_flow_t flows[5];
    rig_t rig;
    uint64_t next_id; /* of the filler */
} busy_t;

static void
s_begin (busy_t *self)
{
    *self = (busy_t){.next_id = 1};
    self->flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("bulk", ZLOOM_CONFIRM_DISK);
    self->flows[3] = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    self->flows[4] = fanout_flow ("events");
    self->flows[4].config.confirm = ZLOOM_CONFIRM_DISK;
    self->flows[0].config.dead_letter = "orders-dead";
    rig_open (&self->rig, self->flows, 5);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_hello (&self->rig, 3, "filler", 3, "bulk");
    rig_hello (&self->rig, 8, "screen", 8, NULL);
    rig_hello (&self->rig, 9, "operator", 9, NULL);
}

/* The disk does nothing from now on, and less than this is left in the open group. */
static void
s_fill_up (busy_t *self, uint64_t left)
{
    rig_put_sized (&self->rig, 3, self->next_id++, 1, 100);
    rig_turn (&self->rig); /* under way */
    for (uint64_t step = 1u << 20; step >= 256; step /= 2) {
        while (zloom_journal_room (self->rig.journal, 1, left + step + 150, true) == ZLOOM_OK) {
            rig_put_sized (&self->rig, 3, self->next_id++, 1, (size_t) step);
            rig_turn (&self->rig);
        }
    }
    assert_int_equal (zloom_journal_room (self->rig.journal, 1, left + 8192, true), ZLOOM_AGAIN);
    rig_quiet (&self->rig);
}

static void
s_put_ask (busy_t *self, zloom_route_t route, const char *command, const char *flow,
           const char *name, const char *text)
{
    zloom_attrs_t args = {0};
    if (flow) {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    }
    if (name) {
        zloom_attrs_put_text (&args, name, zloom_bytes_text (text));
    }
    rig_put_admin (&self->rig, route, 5, command, &args);
    rig_turn (&self->rig);
}

/* The disk works again: the one answer to what was asked. */
static void
s_answered (busy_t *self)
{
    rig_expect_none (&self->rig, 9, ZLOOM_VERB_ANSWER);
    rig_run (&self->rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (&self->rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (self->rig.verb.answer.code, ZLOOM_OK);
    assert_false (self->rig.verb.answer.more);
    rig_expect_none (&self->rig, 9, ZLOOM_VERB_ANSWER);
}

static int64_t
s_number (const busy_t *self, const char *name)
{
    zloom_attr_t value = {.number = -1};
    assert_true (zloom_attrs_find (self->rig.verb.answer.result, name, &value));
    return value.number;
}

static bool
s_says (const busy_t *self, const char *text)
{
    const zloom_bytes_t result = self->rig.verb.answer.result;
    return memmem (result.data, result.size, text, strlen (text)) != NULL;
}

static bool
s_is_draining (busy_t *self)
{
    s_put_ask (self, 8, "stats", "orders", NULL, NULL);
    rig_settle (&self->rig);
    bool draining = false;
    bool more = true;
    while (more) {
        rig_expect (&self->rig, 8, ZLOOM_VERB_ANSWER);
        draining = draining || s_says (self, "\xa8"
                                             "draining\xc3");
        more = self->rig.verb.answer.more;
    }
    return draining;
}

static void
s_refused_draining (busy_t *self, uint64_t id, bool refused)
{
    rig_put_send (&self->rig, 1, id, 1);
    rig_turn (&self->rig);
    if (refused) {
        rig_expect (&self->rig, 1, ZLOOM_VERB_REFUSE);
        assert_int_equal (self->rig.verb.refuse.code, ZLOOM_DRAINING);
    } else {
        rig_expect_none (&self->rig, 1, ZLOOM_VERB_REFUSE);
    }
}

/* A flow drains from the moment on in which that is recorded, and no longer when the end is. */
static void
test_drain_and_resume_wait_for_room (void **state)
{
    (void) state;
    busy_t self;
    s_begin (&self);
    s_fill_up (&self, 2600);
    s_put_ask (&self, 9, "drain", "orders", NULL, NULL);
    s_refused_draining (&self, 1, false); /* it waits behind the disk as well */
    s_answered (&self);
    assert_true (s_is_draining (&self));
    s_fill_up (&self, 2600);
    s_put_ask (&self, 9, "resume", "orders", NULL, NULL);
    s_refused_draining (&self, 2, true);
    s_answered (&self);
    assert_false (s_is_draining (&self));
    rig_close (&self.rig);
}

static void
test_a_group_ends_when_there_is_room (void **state)
{
    (void) state;
    busy_t self;
    s_begin (&self);
    s_fill_up (&self, 2600);
    s_put_ask (&self, 9, "group drop", "events", "group", "ledger");
    s_answered (&self);
    rig_close (&self.rig);
}

/* Three messages that were rejected. */
static void
s_reject (busy_t *self)
{
    rig_consumer (&self->rig, 2, "worker", "orders", 10);
    rig_put_send (&self->rig, 1, 1, 3);
    rig_settle (&self->rig);
    rig_expect (&self->rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (&self->rig, 2, 1, self->rig.verb.deliver.token, 1, 3, ZLOOM_VERDICT_REJECT);
    rig_settle (&self->rig);
    rig_quiet (&self->rig);
}

static void
test_dead_letters_are_thrown_away_when_there_is_room (void **state)
{
    (void) state;
    busy_t self;
    s_begin (&self);
    s_reject (&self);
    s_fill_up (&self, 2600);
    s_put_ask (&self, 9, "dlq purge", "orders-dead", NULL, NULL);
    s_answered (&self);
    assert_int_equal (s_number (&self, "moved"), 3);
    rig_close (&self.rig);
}

static void
test_dead_letters_are_put_back_when_there_is_room (void **state)
{
    (void) state;
    busy_t self;
    s_begin (&self);
    s_reject (&self);
    s_fill_up (&self, 2600);
    s_put_ask (&self, 9, "dlq requeue", "orders-dead", NULL, NULL);
    rig_expect_none (&self.rig, 2, ZLOOM_VERB_DELIVER);
    s_answered (&self);
    assert_int_equal (s_number (&self, "moved"), 3);
    rig_expect (&self.rig, 2, ZLOOM_VERB_DELIVER);
    rig_close (&self.rig);
}

/* It has said BYE and cannot go yet: it is shown nothing more, and is no session to be paused. */
static void
test_who_cannot_go_yet_looks_no_more (void **state)
{
    (void) state;
    busy_t self;
    s_begin (&self);
    rig_hello (&self.rig, 4, "till", 4, "quick");
    rig_consumer (&self.rig, 2, "leaves", "orders", 0);
    rig_put_subscribe (&self.rig, 2, 2, "quick", ZLOOM_MODE_TAP);
    rig_put_credit (&self.rig, 2, 2, 100);
    rig_put_send (&self.rig, 4, 1, 1);
    rig_settle (&self.rig);
    rig_expect (&self.rig, 2, ZLOOM_VERB_DELIVER);
    s_fill_up (&self, 2600);
    rig_put (&self.rig, 2, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_turn (&self.rig);
    rig_put_send (&self.rig, 4, 2, 1);
    rig_turn (&self.rig);
    rig_turn (&self.rig);
    assert_false (self.rig.forgotten[2]);
    rig_expect_none (&self.rig, 2, ZLOOM_VERB_DELIVER);
    s_put_ask (&self, 9, "peer pause", NULL, "peer", "leaves");
    s_answered (&self);
    assert_int_equal (s_number (&self, "sessions"), 0);
    assert_true (self.rig.forgotten[2]);
    rig_close (&self.rig);
}

/* ---- traces --------------------------------------------------------------------------------- */

/* 4,000 traced messages go out while the open group has no room for what is to be told of them. */
static void
test_a_trace_waits_for_room (void **state)
{
    (void) state;
    busy_t self;
    zloom_buf_t pack = {0};
    s_begin (&self);
    const zloom_verb_t send = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .first_id = 1, .n = 4000, .flags = ZLOOM_FLAG_TRACE, .base_time_ns = self.rig.now.wall_ns}};
    rig_pack (&pack, 1, 4000, 10);
    rig_put (&self.rig, 1, &send, &pack);
    zloom_buf_fini (&pack);
    rig_consumer (&self.rig, 2, "worker", "orders", 0);
    rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS);
    s_fill_up (&self, 100000);
    rig_put_credit (&self.rig, 2, 1, 4000);
    rig_turn (&self.rig);
    rig_expect (&self.rig, 2, ZLOOM_VERB_DELIVER);
    rig_run (&self.rig, 20 * ZLOOM_NS_PER_MS); /* the disk works again */
    rig_crash (&self.rig);
    rig_hello (&self.rig, 9, "operator", 10, NULL);
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders"));
    zloom_attrs_put_int (&args, "seq", 4000);
    rig_put_admin (&self.rig, 9, 5, "trace", &args);
    s_answered (&self);
    assert_true (s_says (&self, "handed out"));
    assert_true (s_says (&self, "router restarted"));
    rig_close (&self.rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_drain_and_resume_wait_for_room),
      cmocka_unit_test (test_a_group_ends_when_there_is_room),
      cmocka_unit_test (test_dead_letters_are_thrown_away_when_there_is_room),
      cmocka_unit_test (test_dead_letters_are_put_back_when_there_is_room),
      cmocka_unit_test (test_who_cannot_go_yet_looks_no_more),
      cmocka_unit_test (test_a_trace_waits_for_room),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
