/* SPDX-License-Identifier: MPL-2.0 */
/* Flows that let go of their oldest when they are full, whoever sends: producers, steps, deaths. */
#include "unit/engine/peers.h"

#include "patterns/bus/bus.h"

enum { IN, OUT, DEAD, NEWS, FLOWS };

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    zloom_token_t token; /* of all that came in, at route 2 */
} overflow_rig_t;

/* `in` with `n` messages, held by a worker at route 2, that sends to out (0) and news (1). */
static void
s_open (overflow_rig_t *self, uint32_t n)
{
    rig_t *rig = &self->rig;
    static const char *const names[] = {"in", "out", "dead", "news"};
    for (size_t i = 0; i < FLOWS; i++) {
        self->flows[i] = rig_flow (names[i], ZLOOM_CONFIRM_DISK);
        self->flows[i].config.on_full = i == IN ? ZLOOM_ON_FULL_BLOCK : ZLOOM_ON_FULL_DROP_OLDEST;
        self->flows[i].config.limit_messages = i == IN ? 1000 : 5;
    }
    self->flows[IN].config.dead_letter = "dead";
    self->flows[NEWS].config.pattern = "bus";
    self->flows[NEWS].pattern = &zloom_bus_pattern;
    rig_open (rig, self->flows, FLOWS);
    rig_hello (rig, 1, "shop", 1, "in");
    rig_put_send (rig, 1, 1, n);
    const zloom_hello_flow_t outs[] = {{.name = zloom_bytes_text ("out"), .next = 1},
                                       {.name = zloom_bytes_text ("news"), .next = 1}};
    rig_put_hello (rig, 2, "worker", 2, outs, 2);
    rig_put_subscribe (rig, 2, 1, "in", ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, 2, 1, n);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    self->token = rig->verb.deliver.token;
    rig_quiet (rig);
}

/* Settle message `settled`, emit n messages to that flow. */
static zloom_err_t
s_step (overflow_rig_t *self, uint64_t settled, uint32_t flow, uint32_t n)
{
    rig_t *rig = &self->rig;
    zloom_buf_t pack = {0};
    const zloom_emit_t emit = {
      .flow = flow, .n = n, .flags = flow == 1 ? ZLOOM_FLAG_TOPIC : 0, .base_time_ns = 5};
    const zloom_settle_run_t run = {
      .first = settled, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_STEP,
                               .step = {.has_handle = true,
                                        .handle = 1,
                                        .token = self->token,
                                        .settles = &run,
                                        .settle_count = 1,
                                        .emits = &emit,
                                        .emit_count = 1}};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.topic =
                                             flow == 1 ? zloom_bytes_text ("a") : ZLOOM_BYTES_NULL,
                                           .body = zloom_bytes_text ("x")};
        zloom_pack_add (&pack, &envelope);
    }
    rig_put (rig, 2, &verb, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
    return rig->verb.settled.step;
}

/* The flow's messages: how many, and which is the first. */
static uint64_t
s_held (rig_t *rig, zloom_route_t route, const char *flow, uint64_t *first)
{
    uint64_t n = 0;
    rig_consumer (rig, route, flow, flow, 1000);
    rig_run (rig, ZLOOM_NS_PER_S);
    while (rig_take (rig, route, ZLOOM_VERB_DELIVER)) {
        *first = n == 0 ? rig->verb.deliver.runs[0].seq : *first;
        n += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
    }
    return n;
}

static void
test_what_steps_emit_keeps_the_limit (void **state)
{
    (void) state;
    overflow_rig_t self;
    uint64_t first = 0;
    s_open (&self, 4);
    assert_int_equal (s_step (&self, 1, 0, 4), ZLOOM_OK);
    assert_int_equal (s_step (&self, 2, 0, 4), ZLOOM_OK);
    assert_int_equal (s_step (&self, 3, 0, 6), ZLOOM_TOO_BIG); /* more than it ever holds */
    assert_int_equal (s_held (&self.rig, 3, "out", &first), 5);
    assert_int_equal (first, 4);
    /* All of it is held by somebody now, so nothing can go: what a worker has done counts. */
    assert_int_equal (s_step (&self, 3, 0, 4), ZLOOM_OK);
    rig_crash (&self.rig);
    assert_int_equal (s_held (&self.rig, 3, "out", &first), 9);
    rig_close (&self.rig);
}

static void
test_what_steps_publish_keeps_the_limit (void **state)
{
    (void) state;
    overflow_rig_t self;
    uint64_t missed = 0;
    s_open (&self, 4);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                               .subscribe = {.handle = 1,
                                             .flow = zloom_bytes_text ("news"),
                                             .mode = ZLOOM_MODE_CONSUME,
                                             .group = zloom_bytes_text ("audit"),
                                             .durable = true}};
    rig_hello (&self.rig, 3, "audit", 3, NULL);
    rig_put (&self.rig, 3, &verb, NULL);
    rig_settle (&self.rig);
    rig_expect (&self.rig, 3, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig_take (&self.rig, 3, ZLOOM_VERB_DELIVER), false);
    assert_int_equal (s_step (&self, 1, 1, 4), ZLOOM_OK);
    assert_int_equal (s_step (&self, 2, 1, 4), ZLOOM_OK);
    assert_int_equal (s_step (&self, 3, 1, 6), ZLOOM_TOO_BIG);
    rig_put_credit (&self.rig, 3, 1, 100);
    rig_run (&self.rig, ZLOOM_NS_PER_S);
    uint64_t heard = 0;
    while (rig_take (&self.rig, 3, ZLOOM_VERB_NONE)) {
        if (self.rig.verb.kind == ZLOOM_VERB_DELIVER) {
            heard += zloom_runs_total (self.rig.verb.deliver.runs, self.rig.verb.deliver.run_count);
        } else if (self.rig.verb.kind == ZLOOM_VERB_GAP) {
            missed += self.rig.verb.gap.count;
        }
    }
    assert_in_range (heard, 1, 5);
    assert_int_equal (heard + missed, 8);
    rig_close (&self.rig);
}

static void
test_dead_letters_keep_the_limit_of_their_flow (void **state)
{
    (void) state;
    overflow_rig_t self;
    uint64_t first = 0;
    s_open (&self, 12);
    rig_put_settle (&self.rig, 2, 1, self.token, 1, 12, ZLOOM_VERDICT_REJECT);
    rig_run (&self.rig, ZLOOM_NS_PER_S);
    assert_int_equal (s_held (&self.rig, 3, "dead", &first), 5);
    assert_int_equal (first, 8);
    rig_close (&self.rig);
}

/* Half of what is there, every second message, given back. */
static void
s_fill_with_holes (rig_t *rig, uint32_t n)
{
    rig_put_send (rig, 1, 1, n);
    rig_hello (rig, 2, "worker", 2, NULL);
    rig_put_subscribe (rig, 2, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_credit (rig, 2, 1, n);
    rig_settle (rig);
    zloom_settle_run_t *runs = zloom_alloc (n * sizeof *runs);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        const zloom_run_t run = rig->verb.deliver.runs[0];
        zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SETTLE,
          .settle = {.handle = 1, .token = rig->verb.deliver.token, .runs = runs}};
        for (uint64_t seq = run.seq; seq < run.seq + run.n; seq += 2) {
            runs[verb.settle.run_count++] = (zloom_settle_run_t){
              .first = seq, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
        }
        rig_put (rig, 2, &verb, NULL);
    }
    free (runs);
    rig_run (rig, 50 * ZLOOM_NS_PER_MS);
    rig_put (rig, 2, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_quiet (rig);
}

/* What goes is told in as many pieces as it lay in: that has to fit the commit, too. */
static void
test_many_single_messages_are_driven_out_of_a_commit_that_is_full (void **state)
{
    (void) state;
    enum { MESSAGES = 60000, SIZE = 88, BESIDE = 20000 };
    zloom_engine_flow_t flows[] = {rig_flow ("orders", ZLOOM_CONFIRM_DISK),
                                   rig_flow ("other", ZLOOM_CONFIRM_DISK)};
    flows[0].config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    flows[0].config.limit_messages = MESSAGES;
    zloom_buf_t pack = {0};
    rig_t rig;
    rig_open (&rig, flows, 2);
    rig_hello (&rig, 1, "shop", 1, "orders");
    rig_hello (&rig, 3, "till", 3, "other");
    s_fill_with_holes (&rig, MESSAGES);
    rig_pack (&pack, 1, MESSAGES, SIZE);
    const size_t beside = ZLOOM_JOURNAL_GROUP_BYTES - pack.size - BESIDE;
    zloom_buf_fini (&pack);
    bool confirmed = false;
    /* As a producer does it: the same again, when it is refused and has credit. */
    for (uint64_t i = 1; i < 100 && !confirmed; i++) {
        rig_put_sized (&rig, 3, i, 1, beside);
        rig_put_sized (&rig, 1, MESSAGES + 1, MESSAGES, SIZE);
        rig_run (&rig, ZLOOM_NS_PER_S / 4);
        confirmed = rig_take (&rig, 1, ZLOOM_VERB_CONFIRM);
        assert_true (confirmed || rig_take (&rig, 1, ZLOOM_VERB_REFUSE));
        assert_int_equal (confirmed ? ZLOOM_FULL : rig.verb.refuse.code, ZLOOM_FULL);
    }
    assert_true (confirmed);
    uint64_t first = 0;
    assert_int_equal (s_held (&rig, 4, "orders", &first), 1000);
    assert_int_equal (first, MESSAGES + 1);
    rig_close (&rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_steps_emit_keeps_the_limit),
      cmocka_unit_test (test_what_steps_publish_keeps_the_limit),
      cmocka_unit_test (test_dead_letters_keep_the_limit_of_their_flow),
      cmocka_unit_test (test_many_single_messages_are_driven_out_of_a_commit_that_is_full),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
