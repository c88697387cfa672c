/* SPDX-License-Identifier: MPL-2.0 */
/* Long ways that an honest peer goes, with what the world does to it meanwhile. */
#include "unit/engine/peers.h"

#define MESSAGES 10000u
#define PACK 10u
#define MESSAGE_BYTES 8000u
#define MIB ((uint64_t) 1024 * 1024)

/* A producer that pipelines all that its credit allows. */
typedef struct {
    uint64_t next;
    uint64_t confirmed;
    uint64_t granted;
    uint64_t granted_bytes;
    uint64_t used;
    uint64_t used_bytes;
    uint64_t refusals;
    bool blocked;
} producer_t;

static void
s_hear (rig_t *rig, producer_t *self)
{
    while (rig_take (rig, 1, ZLOOM_VERB_NONE)) {
        const zloom_verb_t *verb = &rig->verb;
        if (verb->kind == ZLOOM_VERB_CREDIT) {
            self->blocked = false;
            self->granted = verb->credit.messages;
            self->granted_bytes = verb->credit.bytes;
        } else if (verb->kind == ZLOOM_VERB_CONFIRM) {
            assert_true (verb->confirm.upto_id > self->confirmed);
            assert_true (verb->confirm.upto_id < self->next);
            self->confirmed = verb->confirm.upto_id;
        } else if (verb->kind == ZLOOM_VERB_REFUSE) {
            assert_true (verb->refuse.from_id > self->confirmed);
            self->next = verb->refuse.from_id;
            self->blocked = true;
            self->refusals++;
        } else {
            assert_int_equal (verb->kind, ZLOOM_VERB_PING);
            rig_put (rig, 1, &(zloom_verb_t){.kind = ZLOOM_VERB_PONG}, NULL);
        }
    }
}

static void
s_speak (rig_t *rig, producer_t *self)
{
    zloom_buf_t pack = {0};
    while (!self->blocked && self->next <= MESSAGES && self->used + PACK <= self->granted &&
           self->used_bytes < self->granted_bytes) {
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SEND,
          .send = {.first_id = self->next, .n = PACK, .base_time_ns = rig->now.wall_ns}};
        rig_pack (&pack, self->next, PACK, MESSAGE_BYTES);
        rig_put (rig, 1, &verb, &pack);
        self->next += PACK;
        self->used += PACK;
        self->used_bytes += pack.size;
    }
    zloom_buf_fini (&pack);
}

static void
s_pass (rig_t *rig, producer_t *self, int rounds)
{
    for (int i = 0; i < rounds && self->confirmed < MESSAGES; i++) {
        s_hear (rig, self);
        s_speak (rig, self);
        rig_run (rig, 100 * ZLOOM_NS_PER_MS);
    }
    s_hear (rig, self);
}

/* Read the flow to its end: each number once, in its order. */
static void
s_read_all (rig_t *rig)
{
    rig_consumer (rig, 2, "worker", "orders", MESSAGES);
    uint64_t next = 1;
    for (int i = 0; i < 1000 && next <= MESSAGES; i++) {
        while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
            const zloom_verb_deliver_t *deliver = &rig->verb.deliver;
            for (size_t k = 0; k < deliver->src_count; k++) {
                assert_int_equal (deliver->src[k].first_id, next);
                next += deliver->src[k].n;
            }
            assert_int_equal (deliver->run_count, 1);
            rig_put_settle (rig, 2, 1, deliver->token, deliver->runs[0].seq, deliver->runs[0].n,
                            ZLOOM_VERDICT_ACK);
        }
        rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    }
    assert_int_equal (next, MESSAGES + 1);
}

static void
test_ten_thousand_sends_over_a_full_disk (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    producer_t producer = {.next = 1};
    rig_init (&rig, &flow, 1);
    zloom_simdisk_capacity (rig.disk, 96 * MIB);
    assert_int_equal (rig_start (&rig), ZLOOM_OK);
    rig_hello (&rig, 1, "shop", 1, "orders");
    s_pass (&rig, &producer, 100);
    const uint64_t before = producer.confirmed;
    assert_true (before > 0 && before < MESSAGES);
    s_pass (&rig, &producer, 20); /* the disk is full, and nothing is lost by asking */
    assert_int_equal (producer.confirmed, before);
    zloom_simdisk_capacity (rig.disk, 0);
    s_pass (&rig, &producer, 200);
    assert_int_equal (producer.confirmed, MESSAGES);
    rig_crash (&rig);
    s_read_all (&rig);
    rig_close (&rig);
}

/* One floods, one does not read, one says what is not so: the honest ones see their confirms. */
static void
test_a_flood_a_stall_and_a_liar (void **state)
{
    (void) state;
    const zloom_engine_flow_t flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_t rig;
    rig_open (&rig, &flow, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_consumer (&rig, 2, "worker", "orders", 1000);
    rig_hello (&rig, 3, "flood", 3, "orders");
    rig_consumer (&rig, 4, "stalled", "orders", 1000);
    rig_hello (&rig, 5, "liar", 5, "orders");
    rig_put_subscribe (&rig, 5, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_settle (&rig);
    rig_quiet (&rig);
    rig.broken[4] = ZLOOM_AGAIN;
    uint64_t seen = 0;
    for (uint64_t id = 1; id <= 200; id++) {
        for (int i = 0; i < 300; i++) {
            rig_put (&rig, 3, &(zloom_verb_t){.kind = ZLOOM_VERB_PING}, NULL);
        }
        rig_put_settle (&rig, 5, 1, (zloom_token_t){id, id}, 1, UINT32_MAX, ZLOOM_VERDICT_ACK);
        rig_put_settle (&rig, 5, 1, (zloom_token_t){zloom_journal_boot (rig.journal).random, id},
                        id, 1, ZLOOM_VERDICT_REJECT);
        rig_put_send (&rig, 1, id, 1);
        for (int i = 0; i < 4; i++) {
            rig_turn (&rig);
            while (zloom_journal_work (rig.journal)) {
            }
        }
        rig_turn (&rig);
        rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);
        assert_int_equal (rig.verb.confirm.upto_id, id);
        while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
            seen += rig.verb.deliver.runs[0].n;
            rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, rig.verb.deliver.runs[0].seq,
                            rig.verb.deliver.runs[0].n, ZLOOM_VERDICT_ACK);
        }
        rig_pass (&rig, ZLOOM_NS_PER_MS);
        rig_turn (&rig);
        rig_drop_frames (&rig); /* all were taken in; what was said is of no interest */
    }
    assert_true (seen >= 199);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_ten_thousand_sends_over_a_full_disk),
      cmocka_unit_test (test_a_flood_a_stall_and_a_liar),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
