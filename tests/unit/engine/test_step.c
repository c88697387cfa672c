/* SPDX-License-Identifier: MPL-2.0 */
/* STEP: all of it or nothing, once; what is emitted to memory leaves with its group. */
#include "unit/engine/peers.h"

#define FLOWS 3

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of messages 1 to 4, at route 2 */
} step_rig_t;

static void
s_open (step_rig_t *self, int64_t out_limit)
{
    self->flows[0] = rig_flow ("in", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("out", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("quick", ZLOOM_CONFIRM_MEMORY);
    self->flows[1].config.limit_messages = out_limit;
    rig_t *rig = &self->rig;
    rig_open (rig, self->flows, FLOWS);
    rig_hello (rig, 1, "shop", 1, "in");
    rig_put_send (rig, 1, 1, 4);
    const zloom_hello_flow_t outs[] = {{.name = zloom_bytes_text ("out"), .next = 1},
                                       {.name = zloom_bytes_text ("quick"), .next = 1}};
    rig_put_hello (rig, 2, "worker", 2, outs, 2);
    rig_put_subscribe (rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, 2, 1, 10);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    self->token = rig->verb.deliver.token;
    rig_consumer (rig, 3, "ledger", "out", 1000);
    rig_consumer (rig, 4, "screen", "quick", 1000);
    rig_quiet (rig);
}

/* Settle message `first` of the input and emit n to each of the flows in `emits`. */
static void
s_put_step (step_rig_t *self, uint64_t first, const uint32_t *emits, size_t emit_count, uint32_t n)
{
    zloom_buf_t pack = {0};
    zloom_emit_t list[4];
    for (size_t i = 0; i < emit_count; i++) {
        list[i] = (zloom_emit_t){.flow = emits[i], .n = n, .base_time_ns = 5};
    }
    const zloom_settle_run_t run = {
      .first = first, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = self->token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = list,
                                        .emit_count = emit_count}};
    rig_pack (&pack, 100, (uint32_t) (emit_count * n), 10);
    rig_put (&self->rig, 2, &verb, emit_count * n > 0 ? &pack : NULL);
    zloom_buf_fini (&pack);
}

static const uint32_t s_both[] = {0, 1};

static void
test_a_step_settles_and_emits_in_one_group (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    s_put_step (&self, 2, s_both, 2, 3);
    rig_turn (rig);
    rig_expect_none (rig, 2, ZLOOM_VERB_SETTLED);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    rig_expect_none (rig, 4, ZLOOM_VERB_DELIVER); /* memory, but of a disk step */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_true (rig->verb.settled.is_step);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    assert_int_equal (rig->verb.settled.runs[0].first, 2);
    rig_expect_none (rig, 2, ZLOOM_VERB_SETTLED);
    rig_expect (rig, 4, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.runs[0].n, 3);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.runs[0].n, 3);
    assert_int_equal (rig->verb.deliver.src[0].first_id, 1);
    assert_int_equal (rig->verb.deliver.src[0].base_time_ns, 5);
    char log_id[40];
    for (size_t i = 0; i < ZLOOM_LOG_ID_BYTES; i++) {
        snprintf (log_id + 2 * i, 3, "%02x", zloom_journal_log_id (rig->journal)[i]);
    }
    const zloom_bytes_t producer = rig->verb.deliver.src[0].producer;
    assert_int_equal (producer.size, 36);
    assert_memory_equal (producer.data, log_id, 32);
    assert_memory_equal (producer.data + 32, "/out", 4);
    rig_close (rig);
}

static void
test_a_step_is_done_once (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    s_put_step (&self, 2, s_both, 1, 1);
    s_put_step (&self, 2, s_both, 1, 1);
    rig_turn (rig);
    rig_expect_none (rig, 2, ZLOOM_VERB_SETTLED); /* both answers tell of the open group */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_SETTLED);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.runs[0].n, 1);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

static void
test_a_step_over_a_crash_is_done_once (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    s_put_step (&self, 2, s_both, 1, 1);
    rig_settle (rig);
    rig_crash (rig);
    const zloom_hello_flow_t outs[] = {{.name = zloom_bytes_text ("out"), .next = 1}};
    rig_put_hello (rig, 2, "worker", 2, outs, 1);
    rig_put_subscribe (rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_settle (rig);
    s_put_step (&self, 2, s_both, 1, 1); /* its answer was lost */
    s_put_step (&self, 3, s_both, 1, 1); /* it was under way when the router died */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_SETTLED);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_consumer (rig, 3, "ledger", "out", 1000);
    uint64_t seen = 0;
    while (rig_take (rig, 3, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
    }
    assert_int_equal (seen, 2);
    rig_close (rig);
}

static void
test_a_refused_step_changes_nothing_and_keeps_the_lease (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 4);
    rig_t *rig = &self.rig;
    s_put_step (&self, 1, s_both, 2, 5); /* out holds 4 */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_true (rig->verb.settled.is_step);
    assert_int_equal (rig->verb.settled.step, ZLOOM_TOO_BIG);
    assert_int_equal (rig->verb.settled.runs[0].first, 1);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    rig_expect_none (rig, 4, ZLOOM_VERB_DELIVER);
    rig_expect (rig, 2, ZLOOM_VERB_CREDIT);
    s_put_step (&self, 1, s_both, 2, 2); /* the lease is still there */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    rig_expect (rig, 4, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

static void
test_wrong_steps_are_refused_by_name (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    const uint32_t nowhere[] = {7};
    s_put_step (&self, 1, nowhere, 1, 1);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_UNKNOWN_FLOW);

    const zloom_token_t held = self.token;
    self.token.number += 100;
    s_put_step (&self, 1, s_both, 1, 1);
    self.token = held;
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_STALE);

    const zloom_state_t kept = {zloom_bytes_text ("key"), zloom_bytes_text ("value")};
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_STEP,
      .step = {.has_handle = true, .handle = 1, .token = held, .state = &kept, .state_count = 1}};
    rig_put (rig, 2, &verb, NULL);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_UNSUPPORTED);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    s_put_step (&self, 1, s_both, 1, 1); /* nothing was lost by all this */
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_close (rig);
}

static void
s_put_listing (rig_t *rig, uint64_t number, uint64_t first_id, const char *mark)
{
    zloom_buf_t pack = {0};
    const zloom_emit_t emit = {
      .flow = 0, .n = 2, .base_time_ns = 5, .first_id = first_id, .mark = zloom_bytes_text (mark)};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.token = {0, number}, .emits = &emit, .emit_count = 1}};
    rig_pack (&pack, first_id, 2, 10);
    rig_put (rig, 1, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_SETTLED);
    assert_true (!rig->verb.settled.has_handle);
    assert_int_equal (rig->verb.settled.token.number, number);
}

static void
test_a_listing_is_a_step_without_input (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    s_put_listing (rig, 1, 5, "page 1");
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    s_put_listing (rig, 2, 9, "page 3"); /* page 2 is missing */
    assert_int_equal (rig->verb.settled.step, ZLOOM_OUT_OF_ORDER);
    rig_hello (rig, 1, "shop", 1, "in");
    assert_int_equal (rig->verb.welcome.flows[0].high, 6);
    assert_memory_equal (rig->verb.welcome.flows[0].mark.data, "page 1", 6);
    rig_close (rig);
}

/* The answer was lost: the same step again takes nothing in, and is answered all the same. */
static void
test_a_listing_that_is_repeated_is_answered (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 1000);
    rig_t *rig = &self.rig;
    s_put_listing (rig, 1, 5, "page 1");
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_run (rig, ZLOOM_NS_PER_S / 2); /* the log is at rest */
    s_put_listing (rig, 2, 5, "page 1");
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_close (rig);
}

/* A worker that came first and does nothing has all the credit: steps of others fit too. */
static void
test_a_newcomer_gets_credit_for_a_step (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 10);
    rig_t *rig = &self.rig;
    rig_run (rig, ZLOOM_NS_PER_S / 2);
    const zloom_hello_flow_t out = {.name = zloom_bytes_text ("out"), .next = 1};
    rig_put_hello (rig, 5, "newcomer", 5, &out, 1);
    rig_run (rig, 2 * ZLOOM_NS_PER_S);
    uint64_t credit = 0;
    while (rig_take (rig, 5, ZLOOM_VERB_CREDIT)) {
        credit = rig->verb.credit.messages;
    }
    assert_true (credit >= 8);
    rig_close (rig);
}

/* What a step lacked is what its sender gets, as soon as there is room, whoever else has some. */
static void
test_a_step_without_credit_gets_as_much_as_it_needs (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 4);
    rig_t *rig = &self.rig;
    const uint32_t out[] = {0};
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("out"), .next = 1};
    rig_put_hello (rig, 5, "idle", 5, &hello, 1);
    rig_settle (rig);
    s_put_step (&self, 1, out, 1, 3);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    rig_put_settle (rig, 3, 1, rig->verb.deliver.token, 1, 3, ZLOOM_VERDICT_ACK);
    rig_settle (rig);
    rig_quiet (rig);
    s_put_step (&self, 2, out, 1, 4);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_NO_CREDIT);
    rig_expect (rig, 2, ZLOOM_VERB_CREDIT);
    assert_int_equal (rig->verb.credit.messages, 3 + 4 + 4); /* done, refused, to come */
    s_put_step (&self, 2, out, 1, 4);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    assert_int_equal (rig->verb.settled.step, ZLOOM_OK);
    rig_close (rig);
}

/*
 * Three senders share a flow of four: one does nothing with its grant, one sends all the time, and
 * a worker's steps emit two at a time. Whatever it is told, it does what a peer should: it waits
 * until its credit covers a step, says it, and after a refusal says it again.
 */
static void
test_steps_get_through_a_small_flow_that_others_use (void **state)
{
    (void) state;
    step_rig_t self;
    s_open (&self, 4);
    rig_t *rig = &self.rig;
    const uint32_t out[] = {0};
    const zloom_hello_flow_t hello = {.name = zloom_bytes_text ("out"), .next = 1};
    rig_put_hello (rig, 5, "idle", 5, &hello, 1);
    rig_put_hello (rig, 6, "busy", 6, &hello, 1);
    uint64_t sent = 0;
    uint64_t settled = 0; /* by the ledger */
    uint64_t may_send = 0;
    uint64_t may_emit = 4; /* it was there first */
    uint64_t emitted = 0;  /* said, done or refused */
    uint32_t done = 0;
    bool said = false;
    for (int i = 0; i < 600 && done < 4; i++) {
        rig_run (rig, 10 * ZLOOM_NS_PER_MS);
        while (rig_take (rig, 2, ZLOOM_VERB_CREDIT)) {
            may_emit = rig->verb.credit.id == 0 ? rig->verb.credit.messages : may_emit;
        }
        while (rig_take (rig, 6, ZLOOM_VERB_CREDIT)) {
            may_send = rig->verb.credit.messages;
        }
        while (rig_take (rig, 2, ZLOOM_VERB_SETTLED)) {
            done += rig->verb.settled.step == ZLOOM_OK ? 1 : 0;
            said = false;
        }
        while (rig_take (rig, 6, ZLOOM_VERB_REFUSE)) {
            sent = rig->verb.refuse.from_id - 1; /* comes again from there */
        }
        if (!said && may_emit >= emitted + 2) {
            s_put_step (&self, 1 + done, out, 1, 2);
            emitted += 2;
            said = true;
        }
        if (sent < may_send) {
            rig_put_send (rig, 6, ++sent, 1);
        }
        while (rig_take (rig, 3, ZLOOM_VERB_DELIVER)) {
            const zloom_run_t run = rig->verb.deliver.runs[0];
            rig_put_settle (rig, 3, 1, rig->verb.deliver.token, run.seq, run.n, ZLOOM_VERDICT_ACK);
            settled += run.n;
        }
    }
    assert_int_equal (done, 4);
    assert_true (settled >= 50);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_step_settles_and_emits_in_one_group),
      cmocka_unit_test (test_a_step_is_done_once),
      cmocka_unit_test (test_a_step_over_a_crash_is_done_once),
      cmocka_unit_test (test_a_refused_step_changes_nothing_and_keeps_the_lease),
      cmocka_unit_test (test_wrong_steps_are_refused_by_name),
      cmocka_unit_test (test_a_listing_is_a_step_without_input),
      cmocka_unit_test (test_a_listing_that_is_repeated_is_answered),
      cmocka_unit_test (test_a_newcomer_gets_credit_for_a_step),
      cmocka_unit_test (test_steps_get_through_a_small_flow_that_others_use),
      cmocka_unit_test (test_a_step_without_credit_gets_as_much_as_it_needs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
