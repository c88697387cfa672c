/* SPDX-License-Identifier: MPL-2.0 */
/* Frames that lie, and what the honest ones see meanwhile: nothing. */
#include <dirent.h>

#include "base/random.h"
#include "support/sample.h"
#include "unit/engine/peers.h"

#define LIAR 5
#define SHOP 1
#define WORKER 2

typedef struct {
    zloom_engine_flow_t flow;
    rig_t rig;
    uint64_t next_id;
    uint64_t received;
} town_t;

static void
s_open (town_t *self)
{
    self->flow = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    rig_open (&self->rig, &self->flow, 1);
    rig_hello (&self->rig, SHOP, "mill", 1, "orders"); /* samples have a shop */
    rig_consumer (&self->rig, WORKER, "baker", "orders", 1u << 20);
    self->next_id = 1;
    self->received = 0;
}

/* A session for the liar, with a subscription and a flow to send to. */
static void
s_admit_liar (town_t *self)
{
    static uint8_t s_nonce = 100;
    rig_t *rig = &self->rig;
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("orders"), .next = 1};
    rig_put_hello (rig, LIAR, "liar", ++s_nonce, &hello, 1);
    rig_put_subscribe (rig, LIAR, 1, "orders", ZLOOM_MODE_TAP);
    rig_turn (rig);
}

/* The honest pair does its work: a message goes through. */
static void
s_check_honest (town_t *self)
{
    rig_t *rig = &self->rig;
    rig_put_send (rig, SHOP, self->next_id, 1);
    rig_settle (rig);
    rig_expect (rig, SHOP, ZLOOM_VERB_CONFIRM);
    assert_int_equal (rig->verb.confirm.upto_id, self->next_id);
    self->next_id++;
    bool mine = false;
    while (rig_take (rig, WORKER, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.src_count; i++) {
            mine = mine || rig->verb.deliver.src[i].producer.size == 4;
        }
        const zloom_verb_deliver_t *deliver = &rig->verb.deliver;
        for (size_t i = 0; i < deliver->run_count; i++) {
            rig_put_settle (rig, WORKER, 1, deliver->token, deliver->runs[i].seq,
                            deliver->runs[i].n, ZLOOM_VERDICT_ACK);
        }
    }
    assert_true (mine);
    rig_settle (rig);
    rig_expect_none (rig, SHOP, ZLOOM_VERB_BYE);
    rig_expect_none (rig, SHOP, ZLOOM_VERB_REFUSE);
    rig_expect_none (rig, WORKER, ZLOOM_VERB_BYE);
    rig_drop_frames (rig);
}

static void
s_lie (town_t *self, zloom_bytes_t verb, zloom_bytes_t pack)
{
    rig_put_bytes (&self->rig, LIAR, verb, pack);
    rig_turn (&self->rig);
}

static void
test_every_sample_mutated (void **state)
{
    (void) state;
    town_t town;
    zloom_random_t random;
    zloom_random_init (&random, 4711);
    s_open (&town);
    DIR *folder = opendir (ZLOOM_TEST_DATA "/wire");
    assert_non_null (folder);
    size_t samples = 0;
    zloom_buf_t sample = {0};
    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 2, 20);
    for (struct dirent *entry; (entry = readdir (folder));) {
        char path[512];
        snprintf (path, sizeof path, "%s/%s", ZLOOM_TEST_DATA "/wire", entry->d_name);
        if (!strstr (entry->d_name, ".hex") || !zloom_sample_load (path, &sample)) {
            continue;
        }
        samples++;
        for (int i = 0; i < 200; i++) {
            zloom_buf_t bent = {0};
            zloom_buf_add (&bent, sample.data, sample.size);
            if (i > 0) {
                bent.data[zloom_random_below (&random, bent.size)] =
                  (uint8_t) zloom_random_next (&random);
            }
            if (i % 3 == 1) {
                bent.size = zloom_random_below (&random, bent.size + 1);
            }
            s_admit_liar (&town);
            s_lie (&town, zloom_buf_bytes (&bent),
                   i % 2 ? zloom_buf_bytes (&pack) : ZLOOM_BYTES_NULL);
            zloom_buf_fini (&bent);
        }
        s_check_honest (&town);
    }
    closedir (folder);
    assert_true (samples >= 20);
    zloom_buf_fini (&sample);
    zloom_buf_fini (&pack);
    rig_close (&town.rig);
}

static void
test_each_wrong_is_named (void **state)
{
    (void) state;
    town_t town;
    s_open (&town);
    rig_t *rig = &town.rig;
    s_admit_liar (&town);
    rig_settle (rig);
    rig_quiet (rig);

    s_lie (&town, zloom_bytes ("\x91\x7f", 2), ZLOOM_BYTES_NULL); /* [127] */
    rig_expect (rig, LIAR, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig->verb.refuse.code, ZLOOM_UNKNOWN_VERB);

    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 1, 10);
    const zloom_verb_t send = {.kind = ZLOOM_VERB_SEND,
                               .send = {.flow = 9, .first_id = 1, .n = 1, .base_time_ns = 1}};
    rig_put (rig, LIAR, &send, &pack);
    rig_turn (rig);
    rig_expect (rig, LIAR, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig->verb.refuse.code, ZLOOM_UNKNOWN_FLOW);

    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG};
    rig_put (rig, LIAR, &pong, &pack);
    rig_turn (rig);
    rig_expect (rig, LIAR, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig->verb.refuse.code, ZLOOM_MALFORMED);

    const zloom_verb_t confirm = {.kind = ZLOOM_VERB_CONFIRM, .confirm = {.upto_id = 5}};
    rig_put (rig, LIAR, &confirm, NULL);
    rig_turn (rig);
    rig_expect (rig, LIAR, ZLOOM_VERB_REFUSE);
    assert_int_equal (rig->verb.refuse.code, ZLOOM_INVALID);

    rig_put_settle (rig, LIAR, 77, (zloom_token_t){1, 1}, 1, 1, ZLOOM_VERDICT_ACK);
    rig_turn (rig);
    rig_expect (rig, LIAR, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.runs[0].code, ZLOOM_STALE);
    rig_expect_none (rig, LIAR, ZLOOM_VERB_BYE);

    s_lie (&town, zloom_bytes ("\xc1", 1), ZLOOM_BYTES_NULL);
    rig_expect (rig, LIAR, ZLOOM_VERB_BYE);
    assert_true (rig->verb.bye.text.size > 0);

    s_admit_liar (&town);
    rig_settle (rig);
    rig_put (rig, LIAR, &pong, NULL);
    rig->in[rig->in_count - 1].malformed = true;
    rig_settle (rig);
    rig_expect (rig, LIAR, ZLOOM_VERB_BYE);
    assert_int_equal (rig->verb.bye.code, ZLOOM_MALFORMED);
    zloom_buf_fini (&pack);
    s_check_honest (&town);
    rig_close (rig);
}

static void
test_nobody_settles_what_is_leased_to_another (void **state)
{
    (void) state;
    town_t town;
    s_open (&town);
    rig_t *rig = &town.rig;
    rig_consumer (rig, LIAR, "liar", "orders", 1);
    rig_put_credit (rig, LIAR, 1, 0);
    rig_put_send (rig, SHOP, town.next_id++, 1);
    rig_settle (rig);
    const bool first = rig_take (rig, WORKER, ZLOOM_VERB_DELIVER);
    if (!first) {
        rig_expect (rig, LIAR, ZLOOM_VERB_DELIVER);
    }
    const zloom_token_t token = rig->verb.deliver.token;
    const uint64_t seq = rig->verb.deliver.runs[0].seq;
    const zloom_route_t other = first ? LIAR : WORKER;
    rig_quiet (rig);
    for (int verdict = ZLOOM_VERDICT_ACK; verdict <= ZLOOM_VERDICT_CRASH; verdict++) {
        rig_put_settle (rig, other, 1, token, seq, 1, (zloom_verdict_t) verdict);
        rig_run (rig, 10 * ZLOOM_NS_PER_MS);
        rig_expect (rig, other, ZLOOM_VERB_SETTLED);
        assert_int_equal (rig->verb.settled.runs[0].code, ZLOOM_STALE);
    }
    rig_put_settle (rig, first ? WORKER : LIAR, 1, token, seq, 1, ZLOOM_VERDICT_ACK);
    rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    rig_expect (rig, first ? WORKER : LIAR, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.runs[0].code, ZLOOM_OK);
    rig_close (rig);
}

static void
test_a_flood_leaves_the_others_their_share (void **state)
{
    (void) state;
    town_t town;
    s_open (&town);
    rig_t *rig = &town.rig;
    s_admit_liar (&town);
    rig_settle (rig);
    rig_quiet (rig);
    for (int i = 0; i < 900; i++) { /* less than a turn takes, more than one session may have */
        rig_put_credit (rig, LIAR, 1, (uint64_t) i);
    }
    rig_put_send (rig, SHOP, town.next_id++, 1);
    rig_turn (rig);
    while (zloom_journal_work (rig->journal)) {
    }
    rig_turn (rig);
    rig_expect (rig, SHOP, ZLOOM_VERB_CONFIRM);
    rig_settle (rig);
    rig_expect_none (rig, LIAR, ZLOOM_VERB_BYE);

    /* More than its part while others are at work: beyond a bound only this one ends. */
    const zloom_verb_t pong = {.kind = ZLOOM_VERB_PONG};
    for (int turn = 0; turn < 400; turn++) {
        for (int i = 0; i < 100; i++) {
            rig_put (rig, SHOP, &pong, NULL);
            rig_put (rig, WORKER, &pong, NULL);
        }
        for (int i = 0; i < 1000; i++) {
            rig_put_credit (rig, LIAR, 1, 1);
        }
        rig_turn (rig);
    }
    rig_expect (rig, LIAR, ZLOOM_VERB_BYE);
    assert_int_equal (rig->verb.bye.code, ZLOOM_TOO_MANY);
    s_check_honest (&town);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_every_sample_mutated),
      cmocka_unit_test (test_each_wrong_is_named),
      cmocka_unit_test (test_nobody_settles_what_is_leased_to_another),
      cmocka_unit_test (test_a_flood_leaves_the_others_their_share),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
