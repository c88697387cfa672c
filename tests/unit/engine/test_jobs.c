/* SPDX-License-Identifier: MPL-2.0 */
/* Commands that take more than a turn: what they look at, where they stop, and what they say. */
#include "patterns/common/history.h"
#include "unit/engine/peers.h"
#include "wire/attrs.h"

static zloom_engine_flow_t s_flows[2];

static void
s_open (rig_t *rig)
{
    rig_open (rig, s_flows, 2);
    rig_hello (rig, 1, "shop", 1, "orders");
    rig_hello (rig, 9, "operator", 9, NULL);
}

/* Send n messages from this id on, and reject them all. */
static void
s_reject (rig_t *rig, uint64_t first_id, uint32_t n)
{
    rig_consumer (rig, 2, "worker", "orders", 100000);
    rig_put_send (rig, 1, first_id, n);
    rig_settle (rig);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            rig_put_settle (rig, 2, 1, rig->verb.deliver.token, rig->verb.deliver.runs[i].seq,
                            rig->verb.deliver.runs[i].n, ZLOOM_VERDICT_REJECT);
        }
    }
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_quiet (rig);
}

/* Ask about the dead letters; up to two numbers go along. */
static void
s_put_ask (rig_t *rig, uint64_t request, const char *command, const char *name, int64_t number,
           const char *text_name, const char *text)
{
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders-dead"));
    if (name) {
        zloom_attrs_put_int (&args, name, number);
    }
    if (text_name) {
        zloom_attrs_put_text (&args, text_name, zloom_bytes_text (text));
    }
    rig_put_admin (rig, 9, request, command, &args);
}

/* Ask, and take the last answer. */
static void
s_ask (rig_t *rig, const char *command, const char *name, int64_t number, const char *text_name,
       const char *text)
{
    s_put_ask (rig, 5, command, name, number, text_name, text);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    do {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig->verb.answer.request, 5);
    } while (rig->verb.answer.more);
}

static bool
s_says (const rig_t *rig, const char *text)
{
    const zloom_bytes_t result = rig->verb.answer.result;
    return memmem (result.data, result.size, text, strlen (text)) != NULL;
}

static void
test_a_dry_run_purges_nothing (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 4);
    s_ask (&rig, "dlq purge", "dry_run", 1, NULL, NULL);
    assert_int_equal (rig_number (&rig, "matched"), 4);
    assert_int_equal (rig_number (&rig, "moved"), 0);
    s_ask (&rig, "dlq purge", NULL, 0, NULL, NULL);
    assert_int_equal (rig_number (&rig, "moved"), 4);
    s_ask (&rig, "dlq purge", NULL, 0, NULL, NULL);
    assert_int_equal (rig_number (&rig, "matched"), 0);
    rig_close (&rig);
}

/* What was sent to the flow itself never died: it has no history and no home. */
static void
test_a_message_that_never_died_is_told_apart (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 2);
    rig_hello (&rig, 3, "hand", 3, "orders-dead");
    rig_put_send (&rig, 3, 1, 1);
    rig_settle (&rig);
    s_ask (&rig, "dlq ls", NULL, 0, NULL, NULL);
    assert_true (s_says (&rig, "\xa5other\x01"));
    assert_true (s_says (&rig, "\xa8rejected\x02"));
    s_ask (&rig, "dlq requeue", NULL, 0, NULL, NULL);
    assert_int_equal (rig_number (&rig, "matched"), 3);
    assert_int_equal (rig_number (&rig, "moved"), 2);
    assert_int_equal (rig_number (&rig, "refused"), 1);
    s_ask (&rig, "dlq purge", NULL, 0, "reason", "rejected");
    assert_int_equal (rig_number (&rig, "matched"), 0);
    rig_close (&rig);
}

static void
test_an_id_that_is_none_and_one_of_another (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 2);
    s_ask (&rig, "dlq show", NULL, 0, "id", "no id at all");
    assert_int_equal (rig.verb.answer.code, ZLOOM_INVALID);
    s_ask (&rig, "dlq purge", NULL, 0, "id", "till/1"); /* the number is one of shop's */
    assert_int_equal (rig_number (&rig, "matched"), 0);
    s_ask (&rig, "dlq purge", NULL, 0, "id", "shop/3");
    assert_int_equal (rig_number (&rig, "matched"), 0);
    s_ask (&rig, "dlq purge", NULL, 0, "id", "shop/2");
    assert_int_equal (rig_number (&rig, "matched"), 1);
    rig_close (&rig);
}

static void
test_a_page_ends_by_its_bytes (void **state)
{
    (void) state;
    rig_t rig;
    zloom_buf_t pack = {0};
    s_open (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 100);
    for (uint64_t id = 1; id <= 3; id++) {
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SEND,
          .send = {.flow = 0, .first_id = id, .n = 1, .base_time_ns = rig.now.wall_ns}};
        rig_pack (&pack, id, 1, 700u * 1024);
        rig_put (&rig, 1, &verb, &pack);
        rig_settle (&rig);
        rig_expect (&rig, 2, ZLOOM_VERB_DELIVER);
        rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, rig.verb.deliver.runs[0].seq, 1,
                        ZLOOM_VERDICT_REJECT);
        rig_run (&rig, 20 * ZLOOM_NS_PER_MS);
    }
    zloom_buf_fini (&pack);
    uint32_t count = 0;
    s_ask (&rig, "dlq show", NULL, 0, NULL, NULL);
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig.pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 2); /* with the second it is a MiB */
    s_ask (&rig, "dlq show", "from", rig_number (&rig, "next"), NULL, NULL);
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig.pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 1);
    rig_close (&rig);
}

/* More than a turn's piece, and more than one answer to the one who waits. */
static void
test_a_long_walk_tells_how_far_it_is (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 600);
    s_ask (&rig, "dlq ls", NULL, 0, NULL, NULL);
    assert_true (s_says (&rig, "\xa8rejected\xcd\x02\x58"));
    s_put_ask (&rig, 5, "dlq requeue", "rate", 100, NULL, NULL);
    uint64_t told = 0;
    int64_t moved = 0;
    bool more = true;
    for (int i = 0; i < 10; i++) { /* who waits says so */
        rig_run (&rig, ZLOOM_NS_PER_S);
        rig_put (&rig, 9, &(zloom_verb_t){.kind = ZLOOM_VERB_PONG}, NULL);
    }
    while (rig_take (&rig, 9, ZLOOM_VERB_ANSWER)) {
        assert_int_equal (rig.verb.answer.request, 5);
        assert_true (rig_number (&rig, "moved") > moved);
        moved = rig_number (&rig, "moved");
        more = rig.verb.answer.more;
        told++;
    }
    assert_false (more);
    assert_int_equal (moved, 600);
    assert_in_range (told, 5, 7); /* once a second, and the end */
    rig_close (&rig);
}

static void
test_who_leaves_takes_its_requests_along (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 100);
    s_put_ask (&rig, 5, "dlq requeue", "rate", 1, NULL, NULL);
    rig_run (&rig, 3 * ZLOOM_NS_PER_S);
    const zloom_verb_t bye = {.kind = ZLOOM_VERB_BYE};
    rig_put (&rig, 9, &bye, NULL);
    rig_run (&rig, 100 * ZLOOM_NS_PER_S);
    rig_hello (&rig, 9, "operator", 10, NULL);
    s_ask (&rig, "dlq requeue", "dry_run", 1, NULL, NULL);
    assert_in_range (rig_number (&rig, "matched"), 95, 98);
    rig_close (&rig);
}

static void
test_only_so_many_requests_are_under_way (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 200);
    for (uint64_t request = 0; request < 65; request++) {
        s_put_ask (&rig, request, "dlq requeue", "rate", 1, NULL, NULL);
    }
    rig_settle (&rig);
    unsigned refused = 0;
    while (rig_take (&rig, 9, ZLOOM_VERB_ANSWER)) {
        refused += rig.verb.answer.code == ZLOOM_TOO_MANY;
    }
    assert_int_equal (refused, 1);
    rig_close (&rig);
}

static void
test_arguments_without_names_or_of_another_type (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 3);
    const uint8_t map[] = {0x81, 0x01, 0x02}; /* a name that is a number */
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ADMIN,
                               .admin = {.request = 5,
                                         .command = zloom_bytes_text ("stats"),
                                         .args = zloom_bytes (map, sizeof map)}};
    rig_put (&rig, 9, &verb, NULL);
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_int_equal (rig.verb.answer.code, ZLOOM_MALFORMED);
    /* A text where a number is meant, a number where a text is: as if it were not there. */
    s_ask (&rig, "dlq show", NULL, 0, "max", "1");
    uint32_t count = 0;
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig.pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 3);
    s_ask (&rig, "dlq show", "reason", 1, NULL, NULL);
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig.pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 3);
    rig_close (&rig);
}

/* Letters that come while one looks are for the next look. */
static void
test_what_comes_after_the_question_is_left_alone (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_reject (&rig, 1, 3);
    s_put_ask (&rig, 5, "dlq purge", "rate", 2, NULL, NULL);
    rig_turn (&rig);
    rig_put_send (&rig, 1, 4, 3);
    rig_settle (&rig);
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, rig.verb.deliver.runs[0].seq,
                        rig.verb.deliver.runs[0].n, ZLOOM_VERDICT_REJECT);
    }
    rig_run (&rig, 2 * ZLOOM_NS_PER_S);
    int64_t moved = 0;
    bool more = true;
    while (rig_take (&rig, 9, ZLOOM_VERB_ANSWER)) {
        moved = rig_number (&rig, "moved");
        more = rig.verb.answer.more;
    }
    assert_false (more);
    assert_int_equal (moved, 3);
    s_ask (&rig, "dlq purge", "dry_run", 1, NULL, NULL);
    assert_int_equal (rig_number (&rig, "matched"), 3);
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    s_flows[0].config.dead_letter = "orders-dead";
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_dry_run_purges_nothing),
      cmocka_unit_test (test_a_message_that_never_died_is_told_apart),
      cmocka_unit_test (test_an_id_that_is_none_and_one_of_another),
      cmocka_unit_test (test_a_page_ends_by_its_bytes),
      cmocka_unit_test (test_a_long_walk_tells_how_far_it_is),
      cmocka_unit_test (test_who_leaves_takes_its_requests_along),
      cmocka_unit_test (test_only_so_many_requests_are_under_way),
      cmocka_unit_test (test_arguments_without_names_or_of_another_type),
      cmocka_unit_test (test_what_comes_after_the_question_is_left_alone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
