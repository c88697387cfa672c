/* SPDX-License-Identifier: MPL-2.0 */
/* PING says what was delivered, PONG what has come: a hole ends a session, slowness does not. */
#include "unit/engine/peers.h"

typedef struct {
    zloom_engine_flow_t flow;
    rig_t rig;
} beats_t;

static void
s_open (beats_t *self)
{
    self->flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_open (&self->rig, &self->flow, 1);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_consumer (&self->rig, 2, "worker", "orders", 100);
}

/* One delivery more; its number. */
static uint64_t
s_deliver (rig_t *rig, uint64_t id)
{
    rig_put_send (rig, 1, id, 1);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    return rig->verb.deliver.delivery_no;
}

/* The producer is heard of; the worker is silent for so long that it is asked once more. */
static uint64_t
s_ping (rig_t *rig)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_PING};
    for (int i = 0; i < 40; i++) {
        rig_put (rig, 1, &verb, NULL);
        rig_run (rig, 100 * ZLOOM_NS_PER_MS);
        if (rig_take (rig, 2, ZLOOM_VERB_PING)) {
            assert_int_equal (rig->verb.ping.beat_count, 1);
            return rig->verb.ping.beats[0].delivery_no;
        }
    }
    fail_msg ("no PING came");
    return 0;
}

static void
s_pong (rig_t *rig, uint64_t delivery_no)
{
    const zloom_beat_t beat = {1, delivery_no};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_PONG, .pong = {.beats = &beat, .beat_count = 1}};
    rig_put (rig, 2, &verb, NULL);
    rig_settle (rig);
}

/* It was asked twice before it answered: what it says to the second was no answer to the third. */
static void
test_a_slow_answer_is_held_against_its_own_question (void **state)
{
    (void) state;
    beats_t self;
    rig_t *rig = &self.rig;
    s_open (&self);
    const uint64_t first = s_deliver (rig, 1);
    assert_int_equal (s_ping (rig), first);
    assert_int_equal (s_ping (rig), first);
    s_pong (rig, first); /* to the first; the second is on its way with the same number */
    const uint64_t second = s_deliver (rig, 2);
    assert_int_equal (s_ping (rig), second);
    s_pong (rig, first);
    rig_expect_none (rig, 2, ZLOOM_VERB_BYE);
    s_pong (rig, second);
    rig_expect_none (rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (s_ping (rig), second); /* all were answered: the next counts again */
    s_pong (rig, first);
    rig_expect (rig, 2, ZLOOM_VERB_BYE);
    rig_close (rig);
}

static void
test_what_did_not_come_ends_the_session (void **state)
{
    (void) state;
    beats_t self;
    rig_t *rig = &self.rig;
    s_open (&self);
    const uint64_t last = s_deliver (rig, 1);
    assert_int_equal (s_ping (rig), last);
    s_pong (rig, last - 1);
    rig_expect (rig, 2, ZLOOM_VERB_BYE);
    assert_int_equal (rig->verb.bye.code, ZLOOM_NOT_FOUND);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_slow_answer_is_held_against_its_own_question),
      cmocka_unit_test (test_what_did_not_come_ends_the_session),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
