/* SPDX-License-Identifier: MPL-2.0 */
/* Dedup behind the wire: room is asked for what is stored, not for what might be. */
#include "unit/engine/peers.h"

#define MANY 20000u

typedef struct {
    zloom_engine_flow_t flow;
    rig_t rig;
} ids_t;

static void
s_open (ids_t *self)
{
    self->flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self->flow.config.dedup = true;
    self->flow.config.dedup_window_ns = 600 * ZLOOM_NS_PER_S;
    self->flow.config.dedup_max = 1000000;
    rig_open (&self->rig, &self->flow, 1);
}

/* Messages whose ids are the numbers from `first` on, every `step`-th. */
static void
s_put_ids (rig_t *rig, zloom_route_t route, uint64_t first, uint32_t n, uint64_t step)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t id = first + i * step;
        const zloom_envelope_t envelope = {.id = zloom_bytes (&id, sizeof id)};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.first_id = 1, .n = n, .base_time_ns = rig->now.wall_ns, .flags = ZLOOM_FLAG_ID}};
    rig_put (rig, route, &verb, &pack);
    rig_settle (rig);
    zloom_buf_fini (&pack);
}

/* How many there are, counted by who takes them all. */
static uint64_t
s_count (ids_t *self)
{
    rig_t *rig = &self->rig;
    uint64_t count = 0;
    rig_consumer (rig, 5, "counter", "orders", 1000000);
    for (int rounds = 0; rounds < 100; rounds++) {
        while (rig_take (rig, 5, ZLOOM_VERB_DELIVER)) {
            count += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
        }
        rig_settle (rig);
    }
    return count;
}

/* Very many in one pack are stored, and known to whoever sends them again. */
static void
test_a_large_pack_with_ids_is_taken (void **state)
{
    (void) state;
    ids_t self;
    s_open (&self);
    rig_hello (&self.rig, 1, "shop", 1, "orders");
    s_put_ids (&self.rig, 1, 1, MANY, 1);
    rig_expect (&self.rig, 1, ZLOOM_VERB_CONFIRM);
    assert_int_equal (self.rig.verb.confirm.upto_id, MANY);
    rig_hello (&self.rig, 2, "web", 2, "orders");
    s_put_ids (&self.rig, 2, 1, MANY, 1);
    rig_expect (&self.rig, 2, ZLOOM_VERB_CONFIRM);
    assert_int_equal (self.rig.verb.confirm.upto_id, MANY);
    assert_int_equal (s_count (&self), MANY);
    rig_close (&self.rig);
}

/* One that falls into more pieces than a commit holds is refused, and nothing of it stays. */
static void
test_a_pack_that_falls_into_too_many_pieces_is_too_big (void **state)
{
    (void) state;
    ids_t self;
    s_open (&self);
    rig_hello (&self.rig, 1, "shop", 1, "orders");
    s_put_ids (&self.rig, 1, 2, MANY, 2);
    rig_expect (&self.rig, 1, ZLOOM_VERB_CONFIRM);
    rig_hello (&self.rig, 2, "web", 2, "orders");
    s_put_ids (&self.rig, 2, 1, 2 * MANY, 1); /* every second one is known */
    rig_expect (&self.rig, 2, ZLOOM_VERB_REFUSE);
    assert_int_equal (self.rig.verb.refuse.code, ZLOOM_TOO_BIG);
    assert_int_equal (s_count (&self), MANY);
    rig_close (&self.rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_large_pack_with_ids_is_taken),
      cmocka_unit_test (test_a_pack_that_falls_into_too_many_pieces_is_too_big),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
