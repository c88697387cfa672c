/* SPDX-License-Identifier: MPL-2.0 */
/* Room is asked for all that an event may stage: with a busy disk and a group that is nearly full. */
#include "unit/engine/peers.h"

#define FLOWS 2

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
    self->flows[0].config.dead_letter = "orders-dead";
    self->next_id = 1;
    rig_open (&self->rig, self->flows, FLOWS);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
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

/* The disk is busy, as it does nothing here; the open group is filled until `left` bytes are free. */
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

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_skip_has_room_for_the_mark_that_it_keeps),
      cmocka_unit_test (test_a_hello_that_leaves_a_hole_has_room_for_it),
      cmocka_unit_test (test_acks_have_room_for_the_moves_that_go_along),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
