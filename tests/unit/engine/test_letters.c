/* SPDX-License-Identifier: MPL-2.0 */
/* Dead letters that do not go home: no home, no right, no room there; and how old they are. */
#include "patterns/bus/bus.h"
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 3

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
} letters_t;

/* What nobody has a right to, beside the flows' own: PUBLISH to orders, ADMINISTER of orders. */
static bool s_may_publish, s_may_administer;

static bool
s_rights (void *arg, const char *key, zloom_right_t right, const char *flow)
{
    (void) arg;
    (void) key;
    const bool orders = flow && strcmp (flow, "orders") == 0;
    return !orders || (right == ZLOOM_RIGHT_PUBLISH      ? s_may_publish
                       : right == ZLOOM_RIGHT_ADMINISTER ? s_may_administer
                                                         : true);
}

static void
s_open (letters_t *self)
{
    self->flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self->flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    self->flows[2] = rig_flow ("bulk", ZLOOM_CONFIRM_DISK);
    self->flows[0].config.dead_letter = "orders-dead";
    s_may_publish = s_may_administer = true;
    rig_init (&self->rig, self->flows, FLOWS);
    self->rig.rights = s_rights;
}

static void
s_start (letters_t *self)
{
    assert_int_equal (rig_start (&self->rig), ZLOOM_OK);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_hello (&self->rig, 9, "operator", 9, NULL);
}

/* Send n messages from this id on, and reject them all; the worker leaves then. */
static void
s_reject (rig_t *rig, uint64_t first_id, uint32_t n)
{
    rig_consumer (rig, 2, "worker", "orders", 1000);
    rig_put_send (rig, 1, first_id, n);
    rig_settle (rig);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            rig_put_settle (rig, 2, 1, rig->verb.deliver.token, rig->verb.deliver.runs[i].seq,
                            rig->verb.deliver.runs[i].n, ZLOOM_VERDICT_REJECT);
        }
    }
    rig_put (rig, 2, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_quiet (rig);
}

static void
s_put_ask (rig_t *rig, const char *command, const char *flow, int64_t rate)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text (flow));
    if (rate > 0) {
        zloom_attrs_put_int (&args, "rate", rate);
    }
    rig_put_admin (rig, 9, 5, command, &args);
}

/* Ask, and take the last answer. */
static zloom_err_t
s_ask (rig_t *rig, const char *command, const char *flow)
{
    s_put_ask (rig, command, flow, 0);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    do {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    } while (rig->verb.answer.more);
    return rig->verb.answer.code;
}

static bool
s_says (zloom_bytes_t bytes, const char *text)
{
    return bytes.size > 0 && memmem (bytes.data, bytes.size, text, strlen (text)) != NULL;
}

/* ---- no home -------------------------------------------------------------------------------- */

static void
test_a_home_that_has_left_the_recipe (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    s_start (&self);
    s_reject (&self.rig, 1, 3);
    assert_int_equal (zloom_engine_reload (self.rig.engine, &self.flows[1], 2, self.rig.now),
                      ZLOOM_OK);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "matched"), 3);
    assert_int_equal (rig_number (&self.rig, "refused"), 3);
    assert_int_equal (rig_number (&self.rig, "moved"), 0);
    /* It comes back into the recipe, and so do they. */
    assert_int_equal (zloom_engine_reload (self.rig.engine, self.flows, 3, self.rig.now), ZLOOM_OK);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "moved"), 3);
    rig_close (&self.rig);
}

/* What was put back waits at home: there is no other home to put it back to. */
static void
test_what_is_at_home_stays_there (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    s_start (&self);
    s_reject (&self.rig, 1, 2);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "moved"), 2);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "refused"), 2);
    assert_int_equal (rig_number (&self.rig, "moved"), 0);
    rig_close (&self.rig);
}

/* ---- no right, no room ---------------------------------------------------------------------- */

static void
test_who_may_administer_the_home_puts_back (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    s_start (&self);
    s_reject (&self.rig, 1, 2);
    s_may_publish = s_may_administer = false;
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "refused"), 2);
    assert_int_equal (rig_number (&self.rig, "moved"), 0);
    s_may_administer = true;
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "refused"), 0);
    assert_int_equal (rig_number (&self.rig, "moved"), 2);
    rig_close (&self.rig);
}

/* The flow has room for two of three: the command ends there, and says why. */
static void
test_a_home_without_room (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    self.flows[0].config.limit_messages = 3;
    s_start (&self);
    s_reject (&self.rig, 1, 3);
    rig_put_send (&self.rig, 1, 4, 1);
    rig_settle (&self.rig);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_FULL);
    assert_true (s_says (self.rig.verb.answer.text, "orders"));
    assert_int_equal (rig_number (&self.rig, "moved"), 2);
    assert_int_equal (rig_number (&self.rig, "matched"), 2);
    rig_close (&self.rig);
}

/* Send until the disk has no room for one more of that size. */
static void
s_fill_disk (rig_t *rig, zloom_route_t route, const char *name, size_t size)
{
    rig_hello (rig, route, name, (uint8_t) route, "bulk");
    for (uint64_t id = 1; !rig_take (rig, route, ZLOOM_VERB_REFUSE); id++) {
        rig_put_sized (rig, route, id, 1, size);
        rig_run (rig, 10 * ZLOOM_NS_PER_MS);
        rig_put (rig, 9, &(zloom_verb_t){.kind = ZLOOM_VERB_PONG}, NULL);
    }
    assert_int_equal (rig->verb.refuse.code, ZLOOM_DISK_FULL);
}

static void
test_a_full_disk_ends_it_with_the_reason (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    zloom_simdisk_capacity (self.rig.disk, 128u * 1024 * 1024);
    s_start (&self);
    s_reject (&self.rig, 1, 3);
    s_fill_disk (&self.rig, 3, "large", 1u << 20);
    s_fill_disk (&self.rig, 4, "small", 4096);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_DISK_FULL);
    assert_true (s_says (self.rig.verb.answer.text, "disk"));
    assert_int_equal (rig_number (&self.rig, "moved"), 0);
    zloom_simdisk_capacity (self.rig.disk, 0);
    rig_run (&self.rig, 2 * ZLOOM_NS_PER_S);
    assert_int_equal (s_ask (&self.rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (&self.rig, "moved"), 3);
    rig_close (&self.rig);
}

/* ---- clocks --------------------------------------------------------------------------------- */

/* The clock went back between the two: the older one is the second. */
static void
test_the_oldest_is_so_by_its_time (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    s_start (&self);
    s_reject (&self.rig, 1, 1);
    self.rig.now.wall_ns -= 60 * ZLOOM_NS_PER_S;
    s_reject (&self.rig, 2, 1);
    self.rig.now.wall_ns += 100 * ZLOOM_NS_PER_S;
    assert_int_equal (s_ask (&self.rig, "dlq ls", "orders-dead"), ZLOOM_OK);
    /* 100,000 ms and a few: 0x000186a0; by the first it is 40,000 */
    assert_true (s_says (self.rig.verb.answer.result, "oldest_ms\xce\x00\x01\x86"));
    rig_close (&self.rig);
}

/* A router that stood still does not put back in one go what it would have in all that time. */
static void
test_a_rate_is_not_caught_up (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    s_start (&self);
    s_reject (&self.rig, 1, 200);
    s_put_ask (&self.rig, "dlq requeue", "orders-dead", 10);
    rig_run (&self.rig, 350 * ZLOOM_NS_PER_MS);
    rig_expect_none (&self.rig, 9, ZLOOM_VERB_ANSWER);
    rig_pass (&self.rig, 15 * ZLOOM_NS_PER_S);
    rig_put (&self.rig, 9, &(zloom_verb_t){.kind = ZLOOM_VERB_PONG}, NULL);
    rig_settle (&self.rig);
    rig_expect (&self.rig, 9, ZLOOM_VERB_ANSWER);
    assert_true (self.rig.verb.answer.more);
    assert_in_range (rig_number (&self.rig, "moved"), 4, 6);
    rig_run (&self.rig, 1100 * ZLOOM_NS_PER_MS);
    rig_expect (&self.rig, 9, ZLOOM_VERB_ANSWER);
    assert_in_range (rig_number (&self.rig, "moved"), 14, 17);
    rig_close (&self.rig);
}

/* ---- groups of a bus ------------------------------------------------------------------------ */

static void
s_put_group (rig_t *rig, zloom_route_t route, const char *name, bool durable)
{
    rig_hello (rig, route, name, (uint8_t) route, NULL);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SUBSCRIBE,
                               .subscribe = {.handle = 1,
                                             .flow = zloom_bytes_text ("orders"),
                                             .group = zloom_bytes_text ("ledger"),
                                             .durable = durable}};
    rig_put (rig, route, &verb, NULL);
    rig_put_credit (rig, route, 1, 10);
    rig_settle (rig);
    rig_expect (rig, route, ZLOOM_VERB_SUBSCRIBED);
    assert_int_equal (rig->verb.subscribed.code, ZLOOM_OK);
}

/* A group was dropped after its letter had died; who only listens under its name is not it. */
static void
test_a_listener_is_not_the_group_of_its_name (void **state)
{
    (void) state;
    letters_t self;
    s_open (&self);
    self.flows[0].config.pattern = "bus";
    self.flows[0].pattern = &zloom_bus_pattern;
    s_start (&self);
    rig_t *rig = &self.rig;
    s_put_group (rig, 2, "worker", true);
    zloom_buf_t pack = {0};
    const zloom_envelope_t envelope = {.topic = zloom_bytes_text ("order.paid"),
                                       .body = zloom_bytes_text ("x")};
    zloom_pack_add (&pack, &envelope);
    const zloom_verb_t send = {
      .kind = ZLOOM_VERB_SEND,
      .send = {.first_id = 1, .n = 1, .flags = ZLOOM_FLAG_TOPIC, .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &send, &pack);
    zloom_buf_fini (&pack);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (rig, 2, 1, rig->verb.deliver.token, rig->verb.deliver.runs[0].seq, 1,
                    ZLOOM_VERDICT_REJECT);
    rig_put (rig, 2, &(zloom_verb_t){.kind = ZLOOM_VERB_BYE}, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders"));
    zloom_attrs_put_text (&args, "group", zloom_bytes_text ("ledger"));
    rig_put_admin (rig, 9, 5, "group drop", &args);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    s_put_group (rig, 3, "screen", false);
    assert_int_equal (s_ask (rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (rig, "refused"), 1);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    /* Nor when the whole bus has left the recipe. */
    assert_int_equal (zloom_engine_reload (rig->engine, &self.flows[1], 2, rig->now), ZLOOM_OK);
    assert_int_equal (s_ask (rig, "dlq requeue", "orders-dead"), ZLOOM_OK);
    assert_int_equal (rig_number (rig, "refused"), 1);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_home_that_has_left_the_recipe),
      cmocka_unit_test (test_what_is_at_home_stays_there),
      cmocka_unit_test (test_who_may_administer_the_home_puts_back),
      cmocka_unit_test (test_a_home_without_room),
      cmocka_unit_test (test_a_full_disk_ends_it_with_the_reason),
      cmocka_unit_test (test_the_oldest_is_so_by_its_time),
      cmocka_unit_test (test_a_rate_is_not_caught_up),
      cmocka_unit_test (test_a_listener_is_not_the_group_of_its_name),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
