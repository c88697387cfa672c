/* SPDX-License-Identifier: MPL-2.0 */
/* Events at their largest, while the open commit is as full as it may be when they come. */
#include "unit/engine/peers.h"

#include "patterns/bus/bus.h"
#include "wire/attrs.h"

enum { ORDERS, OTHER, FLOWS };

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
    uint64_t filled; /* ids that the till has sent */
} full_rig_t;

static void
s_open (full_rig_t *self, const char *name, const char *key)
{
    *self = (full_rig_t){0};
    self->flows[ORDERS] = rig_flow (name, ZLOOM_CONFIRM_DISK);
    self->flows[ORDERS].config.failures_max = 100;
    self->flows[ORDERS].config.key = key;
    self->flows[OTHER] = rig_flow ("other", ZLOOM_CONFIRM_DISK);
    rig_open (&self->rig, self->flows, FLOWS);
    rig_hello (&self->rig, 1, "shop", 1, name);
    rig_hello (&self->rig, 3, "till", 3, "other");
    rig_settle (&self->rig);
    rig_quiet (&self->rig);
}

/* So much comes from the till that an empty commit has about `left` bytes left. */
static void
s_fill (full_rig_t *self, size_t left)
{
    const size_t all = ZLOOM_JOURNAL_GROUP_BYTES - left;
    const size_t heads = 1024; /* ... of both, from above */
    rig_put_sized (&self->rig, 3, ++self->filled, 1, ZLOOM_LIMIT_MESSAGE_BYTES - 1024);
    rig_put_sized (&self->rig, 3, ++self->filled, 1, all - ZLOOM_LIMIT_MESSAGE_BYTES - heads);
}

/* n messages of no bytes to the flow, from this id on, each with a key of its own. */
static void
s_send (rig_t *rig, uint64_t first_id, uint32_t n)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < n; i++) {
        const zloom_envelope_t envelope = {.key = zloom_bytes (&i, sizeof i),
                                           .body = zloom_bytes ("", 0)};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_SEND,
      .send = {
        .first_id = first_id, .n = n, .flags = ZLOOM_FLAG_KEY, .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &verb, &pack);
    rig_settle (rig);
    zloom_buf_fini (&pack);
}

/* Ack all that comes to route 2, or every second message of it; returns how many came. */
static uint64_t
s_ack (rig_t *rig, bool all)
{
    uint64_t n = 0;
    zloom_settle_run_t *runs = zloom_alloc (ZLOOM_QUEUE_LEASE_MESSAGES * sizeof *runs);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SETTLE,
          .settle = {.handle = 1, .token = rig->verb.deliver.token, .runs = runs}};
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            const zloom_run_t run = rig->verb.deliver.runs[i];
            n += run.n;
            for (uint64_t seq = run.seq; seq < run.seq + run.n; seq++) {
                if (all || seq % 2 == 0) {
                    runs[verb.settle.run_count++] = (zloom_settle_run_t){
                      .first = seq, .n = 1, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
                }
            }
        }
        rig_put (rig, 2, &verb, NULL);
        rig_settle (rig);
    }
    free (runs);
    rig_run (rig, 50 * ZLOOM_NS_PER_MS);
    return n;
}

/* One run of a SETTLE is many in the journal when what was handed out has holes. */
static void
test_what_is_acked_lies_apart (void **state)
{
    (void) state;
    enum { MESSAGES = 8192, BEFORE = 65536 }; /* larger numbers are longer */
    full_rig_t self;
    rig_t *rig = &self.rig;
    s_open (&self, "orders", "/id"); /* hand-outs are large with keys */
    s_send (rig, 1, BEFORE);
    rig_consumer (rig, 2, "worker", "orders", 2 * BEFORE);
    assert_int_equal (s_ack (rig, true), BEFORE);
    s_send (rig, BEFORE + 1, MESSAGES);
    assert_int_equal (s_ack (rig, false), MESSAGES);
    rig_put (rig, 2, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_quiet (rig);
    rig_consumer (rig, 4, "other", "orders", MESSAGES);
    rig_expect (rig, 4, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.run_count, MESSAGES / 2);
    const zloom_token_t token = rig->verb.deliver.token;
    s_fill (&self, 20000);
    rig_put_settle (rig, 4, 1, token, BEFORE + 1, MESSAGES, ZLOOM_VERDICT_ACK);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_expect (rig, 4, ZLOOM_VERB_SETTLED);
    rig_close (rig);
}

/* ---- histories ------------------------------------------------------------------------------- */

/* Fail each of those that route 2 was handed, by itself; `reason` is as long as one may be. */
static void
s_fail_each (full_rig_t *self, char letter, size_t left)
{
    rig_t *rig = &self->rig;
    char reason[ZLOOM_LIMIT_NAME_BYTES + 1] = {0};
    char text[256 + 1] = {0};
    memset (reason, letter, ZLOOM_LIMIT_NAME_BYTES);
    memset (text, letter, 256);
    zloom_settle_run_t *runs = zloom_alloc (1000 * sizeof *runs);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLE,
                         .settle = {.handle = 1, .token = rig->verb.deliver.token, .runs = runs}};
    const zloom_run_t run = rig->verb.deliver.runs[0];
    for (uint32_t i = 0; i < run.n; i++) {
        runs[verb.settle.run_count++] = (zloom_settle_run_t){
          .first = run.seq + i,
          .n = 1,
          .verdict = ZLOOM_VERDICT_RETRY,
          .cause = {
            .reason = zloom_bytes_text (reason), .exit = -1, .text = zloom_bytes_text (text)}};
    }
    if (left > 0) {
        s_fill (self, left);
    }
    rig_put (rig, 2, &verb, NULL);
    free (runs);
    rig_run (rig, 50 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED);
}

static void
test_what_fails_has_failed_for_many_reasons (void **state)
{
    (void) state;
    enum { MESSAGES = 150 };
    char name[121] = {0};
    full_rig_t self;
    memset (name, 'n', sizeof name - 1);
    s_open (&self, name, "/id");
    s_send (&self.rig, 1, MESSAGES);
    rig_consumer (&self.rig, 2, "worker", name, 100000);
    for (const char *letter = "abcdefghijkl"; *letter; letter++) {
        s_fail_each (&self, *letter, 0);
    }
    s_fail_each (&self, 'b', 700000);
    rig_close (&self.rig);
}

/* ---- a HELLO --------------------------------------------------------------------------------- */

/* From `late` at route 5: one message with a mark as long as one may be. */
static void
s_mark (rig_t *rig)
{
    static uint8_t mark[ZLOOM_LIMIT_MARK_BYTES];
    zloom_buf_t pack = {0};
    rig_pack (&pack, 1, 1, 10);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = 1,
                                        .n = 1,
                                        .mark = zloom_bytes (mark, sizeof mark),
                                        .base_time_ns = rig->now.wall_ns}};
    rig_hello (rig, 5, "late", 5, "other");
    rig_settle (rig);
    rig_put (rig, 5, &verb, &pack);
    rig_settle (rig);
    rig_expect (rig, 5, ZLOOM_VERB_CONFIRM);
    zloom_buf_fini (&pack);
    rig_put (rig, 5, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_quiet (rig);
}

/* Small packs that are stored as one are not in the commit yet; who goes on behind what is known of
 * it has its mark written anew. */
static void
test_a_hello_comes_behind_small_packs (void **state)
{
    (void) state;
    full_rig_t self;
    rig_t *rig = &self.rig;
    s_open (&self, "orders", NULL);
    s_mark (rig);
    s_fill (&self, 5400);
    rig_put_sized (rig, 1, 1, 1, 2900);
    const zloom_hello_flow_t again = {.name = zloom_bytes_text ("other"), .next = 10};
    rig_put_hello (rig, 5, "late", 6, &again, 1);
    rig_settle (rig);
    rig_expect (rig, 1, ZLOOM_VERB_CONFIRM);
    rig_expect (rig, 5, ZLOOM_VERB_BYE); /* it says it again */
    rig_put_hello (rig, 5, "late", 6, &again, 1);
    rig_settle (rig);
    rig_expect (rig, 5, ZLOOM_VERB_WELCOME);
    assert_int_equal (rig->verb.welcome.flows[0].high, 9);
    rig_close (rig);
}

/* ---- a key that many groups wait for --------------------------------------------------------- */

enum { GROUPS = 140, EVENT_BYTES = 64000 };

/* A bus with groups of which the first are stuck at the same large event. */
static void
s_stick (rig_t *rig, const zloom_engine_flow_t *flows, zloom_route_t stuck)
{
    rig_open (rig, flows, 2);
    rig_hello (rig, 1, "shop", 1, "news");
    rig_hello (rig, 2, "operator", 2, NULL);
    for (zloom_route_t route = 10; route < 10 + GROUPS; route++) {
        char name[16];
        snprintf (name, sizeof name, "group-%u", (unsigned) route);
        rig_hello (rig, route, name, (uint8_t) route, NULL);
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                                   .subscribe = {.handle = 1,
                                                 .flow = zloom_bytes_text ("news"),
                                                 .mode = ZLOOM_MODE_CONSUME,
                                                 .group = zloom_bytes_text (name),
                                                 .durable = true}};
        rig_put (rig, route, &verb, NULL);
        rig_put_credit (rig, route, 1, 10);
    }
    zloom_buf_t pack = {0};
    char *body = zloom_alloc (EVENT_BYTES);
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("paid"),
                                       .key = zloom_bytes_text ("a"),
                                       .body = zloom_bytes (body, EVENT_BYTES)};
    zloom_pack_add (&pack, &envelope);
    const zloom_verb_t send = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = 1,
                                        .n = 1,
                                        .flags = ZLOOM_FLAG_TOPIC | ZLOOM_FLAG_KEY,
                                        .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &send, &pack);
    rig_settle (rig);
    zloom_buf_fini (&pack);
    free (body);
    for (zloom_route_t route = 10; route < 10 + GROUPS; route++) {
        rig_expect (rig, route, ZLOOM_VERB_DELIVER);
        rig_put_settle (rig, route, 1, rig->verb.deliver.token, rig->verb.deliver.runs[0].seq, 1,
                        route < 10 + stuck ? ZLOOM_VERDICT_RETRY : ZLOOM_VERDICT_ACK);
    }
    rig_run (rig, 50 * ZLOOM_NS_PER_MS);
    rig_quiet (rig);
}

static zloom_err_t
s_release (rig_t *rig)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("news"));
    zloom_attrs_put_bytes (&args, "key", zloom_bytes_text ("a"));
    zloom_attrs_put_int (&args, "skip", 1);
    rig_put_admin (rig, 2, 5, "flow release", &args);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_expect (rig, 2, ZLOOM_VERB_ANSWER);
    return rig->verb.answer.code;
}

static void
s_skip (zloom_route_t stuck)
{
    zloom_engine_flow_t flows[] = {rig_flow ("news", ZLOOM_CONFIRM_DISK),
                                   rig_flow ("dead", ZLOOM_CONFIRM_DISK)};
    flows[0].config.pattern = "bus";
    flows[0].pattern = &zloom_bus_pattern;
    flows[0].config.key = "/id";
    flows[0].config.order = ZLOOM_ORDER_STRICT;
    flows[0].config.failures_max = 1;
    flows[0].config.dead_letter = "dead";
    rig_t rig;
    s_stick (&rig, flows, stuck);
    assert_int_equal (s_release (&rig), ZLOOM_OK);
    assert_int_equal (s_release (&rig), ZLOOM_NOT_FOUND);
    rig_consumer (&rig, 3, "clerk", "dead", 1000);
    rig_run (&rig, ZLOOM_NS_PER_S);
    uint64_t n = 0;
    while (rig_take (&rig, 3, ZLOOM_VERB_DELIVER)) {
        n += zloom_runs_total (rig.verb.deliver.runs, rig.verb.deliver.run_count);
    }
    assert_int_equal (n, stuck);
    rig_close (&rig);
}

/* It dies in each of them: one after the other, for together they are more than a commit. */
static void
test_a_key_is_skipped_in_many_groups (void **state)
{
    (void) state;
    s_skip (GROUPS);
    s_skip (128); /* as many as let go in one event: those behind them have nothing to free */
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_is_acked_lies_apart),
      cmocka_unit_test (test_what_fails_has_failed_for_many_reasons),
      cmocka_unit_test (test_a_hello_comes_behind_small_packs),
      cmocka_unit_test (test_a_key_is_skipped_in_many_groups),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
