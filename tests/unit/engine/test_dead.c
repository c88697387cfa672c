/* SPDX-License-Identifier: MPL-2.0 */
/* Dead letters: the move, what is asked about them, and the way back. */
#include "patterns/common/history.h"
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define FLOWS 2

typedef struct {
    zloom_engine_flow_t flows[FLOWS];
    rig_t rig;
} dead_rig_t;

static void
s_open (dead_rig_t *self, zloom_confirm_t confirm)
{
    self->flows[0] = rig_flow ("orders", confirm);
    self->flows[1] = rig_flow ("orders-dead", confirm);
    self->flows[0].config.dead_letter = "orders-dead";
    self->flows[0].config.requeues_max = 2;
    rig_open (&self->rig, self->flows, FLOWS);
    rig_hello (&self->rig, 1, "shop", 1, "orders");
    rig_hello (&self->rig, 9, "operator", 9, NULL);
    rig_consumer (&self->rig, 2, "worker", "orders", 1000);
}

/* Send n messages from this id on, and reject them all. */
static void
s_reject (rig_t *rig, uint64_t first_id, uint32_t n)
{
    rig_put_send (rig, 1, first_id, n);
    rig_settle (rig);
    while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
        for (size_t i = 0; i < rig->verb.deliver.run_count; i++) {
            rig_put_settle (rig, 2, 1, rig->verb.deliver.token, rig->verb.deliver.runs[i].seq,
                            rig->verb.deliver.runs[i].n, ZLOOM_VERDICT_REJECT);
        }
    }
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
}

/* Ask and take the last answer. */
static void
s_ask (rig_t *rig, const char *command, zloom_attrs_t *args)
{
    const zloom_verb_t verb = {
      .kind = ZLOOM_VERB_ADMIN,
      .admin = {.request = 5,
                .command = zloom_bytes_text (command),
                .args = args ? zloom_attrs_bytes (args) : ZLOOM_BYTES_NULL}};
    rig_put (rig, 9, &verb, NULL);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    do {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig->verb.answer.request, 5);
    } while (rig->verb.answer.more);
    if (args) {
        zloom_attrs_fini (args);
    }
}

static int64_t
s_number (const rig_t *rig, const char *name)
{
    zloom_attr_t value;
    if (!zloom_attrs_find (rig->verb.answer.result, name, &value)) {
        fail_msg ("no %s in the answer", name);
    }
    assert_int_equal (value.type, ZLOOM_TYPE_INT);
    return value.number;
}

static void
s_expect_moved (const rig_t *rig, int64_t matched, int64_t moved)
{
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    assert_int_equal (s_number (rig, "matched"), matched);
    assert_int_equal (s_number (rig, "moved"), moved);
}

static void
test_a_rejected_message_moves_with_its_history (void **state)
{
    (void) state;
    for (int confirm = ZLOOM_CONFIRM_MEMORY; confirm <= ZLOOM_CONFIRM_DISK; confirm++) {
        dead_rig_t self;
        s_open (&self, (zloom_confirm_t) confirm);
        rig_t *rig = &self.rig;
        s_reject (rig, 1, 3);
        rig_consumer (rig, 3, "undertaker", "orders-dead", 10);
        uint64_t seen = 0;
        while (rig_take (rig, 3, ZLOOM_VERB_DELIVER)) {
            seen += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
            assert_memory_equal (rig->verb.deliver.src[0].producer.data, "shop", 4);
        }
        assert_int_equal (seen, 3);
        rig_expect_none (rig, 2, ZLOOM_VERB_DELIVER);
        rig_close (rig);
    }
}

static void
test_a_move_survives_a_crash_whole (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    s_reject (rig, 1, 2);
    rig_crash (rig);
    rig_consumer (rig, 3, "undertaker", "orders-dead", 10);
    uint64_t seen = 0;
    while (rig_take (rig, 3, ZLOOM_VERB_DELIVER)) {
        seen += zloom_runs_total (rig->verb.deliver.runs, rig->verb.deliver.run_count);
    }
    assert_int_equal (seen, 2);
    rig_consumer (rig, 2, "worker", "orders", 10);
    rig_expect_none (rig, 2, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

static void
s_note_freed (void *data, void *hint)
{
    free (data);
    *(bool *) hint = true;
}

/* Let the newest frame's pack tell when its memory goes. */
static void
s_watch_pack (rig_t *rig, bool *freed)
{
    rig_frame_t *frame = &rig->in[rig->in_count - 1];
    const zloom_bytes_t pack = zloom_blob_bytes (frame->pack);
    uint8_t *copy = zloom_alloc (pack.size);
    memcpy (copy, pack.data, pack.size);
    zloom_blob_unref (&frame->pack);
    frame->pack = zloom_blob_new_extern (copy, pack.size, s_note_freed, freed);
}

/* One of fifty is dead, the others are done: their bytes are nobody's any more. */
static void
test_a_letter_does_not_keep_its_neighbours_in_memory (void **state)
{
    (void) state;
    for (int confirm = ZLOOM_CONFIRM_MEMORY; confirm <= ZLOOM_CONFIRM_DISK; confirm++) {
        dead_rig_t self;
        s_open (&self, (zloom_confirm_t) confirm);
        rig_t *rig = &self.rig;
        bool freed = false;
        rig_put_sized (rig, 1, 1, 50, 100); /* too large to be stored in one record with others */
        s_watch_pack (rig, &freed);
        rig_settle (rig);
        rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
        const zloom_token_t token = rig->verb.deliver.token;
        const uint64_t first = rig->verb.deliver.runs[0].seq;
        rig_put_settle (rig, 2, 1, token, first, 1, ZLOOM_VERDICT_REJECT);
        rig_run (rig, 20 * ZLOOM_NS_PER_MS);
        assert_false (freed);
        rig_put_settle (rig, 2, 1, token, first + 1, 49, ZLOOM_VERDICT_ACK);
        for (uint64_t i = 0; i < 20; i++) {
            /* The engine remembers the packs it looked at last. */
            rig_put_sized (rig, 1, 51 + i, 1, 5000);
        }
        rig_run (rig, 20 * ZLOOM_NS_PER_MS);
        assert_true (freed);
        rig_consumer (rig, 3, "undertaker", "orders-dead", 10);
        rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
        rig_close (rig);
    }
}

static void
test_cold_bytes_are_read_first (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    rig_put_send (rig, 1, 1, 2);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig->verb.deliver.token;
    rig_crash (rig); /* nothing is in memory after it */
    rig_hello (rig, 2, "worker", 2, NULL);
    rig_put_subscribe (rig, 2, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_settle (rig, 2, 1, token, 1, 1, ZLOOM_VERDICT_ACK);
    rig_put_credit (rig, 2, 1, 10);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    assert_int_equal (rig->verb.deliver.runs[0].seq, 2);
    rig_put_settle (rig, 2, 1, rig->verb.deliver.token, 2, 1, ZLOOM_VERDICT_REJECT);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_consumer (rig, 3, "undertaker", "orders-dead", 10);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

static void
test_dlq_show_has_pages_with_history (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    s_reject (rig, 1, 5);
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_int (&args, "max", 3);
    s_ask (rig, "dlq show", &args);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    uint32_t count = 0;
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig->pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 3);
    const int64_t next = s_number (rig, "next");
    zloom_attrs_t more = {0};
    zloom_attrs_put_text (&more, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_int (&more, "from", next);
    s_ask (rig, "dlq show", &more);
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig->pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 2);

    zloom_attrs_t one = {0};
    zloom_attrs_put_text (&one, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_text (&one, "id", zloom_bytes_text ("shop/4"));
    s_ask (rig, "dlq show", &one);
    assert_int_equal (zloom_pack_count (zloom_buf_bytes (&rig->pack), 1 << 20, &count), ZLOOM_OK);
    assert_int_equal (count, 1);
    assert_non_null (
      memmem (rig->verb.answer.result.data, rig->verb.answer.result.size, "rejected", 8));
    rig_close (rig);
}

static void
test_requeue_brings_them_home_until_the_cap (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    s_reject (rig, 1, 3);
    for (int round = 0; round < 3; round++) {
        zloom_attrs_t dry = {0};
        zloom_attrs_put_text (&dry, "flow", zloom_bytes_text ("orders-dead"));
        zloom_attrs_put_int (&dry, "dry_run", 1);
        s_ask (rig, "dlq requeue", &dry);
        s_expect_moved (rig, 3, 0);

        zloom_attrs_t args = {0};
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders-dead"));
        s_ask (rig, "dlq requeue", &args);
        if (round == 2) {
            s_expect_moved (rig, 3, 0);
            assert_int_equal (s_number (rig, "capped"), 3);
            break;
        }
        s_expect_moved (rig, 3, 3);
        uint64_t seen = 0;
        while (rig_take (rig, 2, ZLOOM_VERB_DELIVER)) {
            assert_memory_equal (rig->verb.deliver.src[0].producer.data, "shop", 4);
            const zloom_verb_deliver_t *deliver = &rig->verb.deliver;
            for (size_t i = 0; i < deliver->run_count; i++) {
                seen += deliver->runs[i].n;
                rig_put_settle (rig, 2, 1, deliver->token, deliver->runs[i].seq, deliver->runs[i].n,
                                ZLOOM_VERDICT_REJECT);
            }
            for (size_t i = 0; i < deliver->fact_count; i++) {
                assert_int_equal (deliver->facts[i].attempt, 0);
            }
        }
        assert_int_equal (seen, 3);
        rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    }
    rig_close (rig);
}

static void
test_requeue_obeys_filter_maximum_and_rate (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    s_reject (rig, 1, 10);
    zloom_attrs_t wrong = {0};
    zloom_attrs_put_text (&wrong, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_text (&wrong, "reason", zloom_bytes_text ("crash"));
    s_ask (rig, "dlq requeue", &wrong);
    s_expect_moved (rig, 0, 0);
    zloom_attrs_t two = {0};
    zloom_attrs_put_text (&two, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_text (&two, "reason", zloom_bytes_text ("rejected"));
    zloom_attrs_put_int (&two, "max", 2);
    s_ask (rig, "dlq requeue", &two);
    s_expect_moved (rig, 2, 2);

    zloom_attrs_t slow = {0};
    zloom_attrs_put_text (&slow, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_int (&slow, "rate", 10);
    rig_put_admin (rig, 9, 6, "dlq requeue", &slow);
    rig_run (rig, 550 * ZLOOM_NS_PER_MS);
    rig_expect_none (rig, 9, ZLOOM_VERB_ANSWER);
    rig_run (rig, 300 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
    s_expect_moved (rig, 8, 8);
    rig_close (rig);
}

static void
test_purge_and_ls (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    s_reject (rig, 1, 4);
    s_ask (rig, "dlq ls", NULL);
    assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    const zloom_bytes_t list = rig->verb.answer.result;
    assert_non_null (memmem (list.data, list.size, "orders-dead", 11));
    assert_non_null (memmem (list.data, list.size, "\xa8rejected\x04", 10));
    zloom_attrs_t one = {0};
    zloom_attrs_put_text (&one, "flow", zloom_bytes_text ("orders-dead"));
    zloom_attrs_put_text (&one, "id", zloom_bytes_text ("shop/2"));
    s_ask (rig, "dlq purge", &one);
    s_expect_moved (rig, 1, 1);
    zloom_attrs_t rest = {0};
    zloom_attrs_put_text (&rest, "flow", zloom_bytes_text ("orders-dead"));
    s_ask (rig, "purge", &rest);
    s_expect_moved (rig, 3, 3);
    rig_consumer (rig, 3, "undertaker", "orders-dead", 10);
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

/* More dead at once than one turn moves: the next turn is due now, and not hours ago. */
static void
test_many_moves_are_no_stop_of_the_router (void **state)
{
    (void) state;
    dead_rig_t self;
    s_open (&self, ZLOOM_CONFIRM_DISK);
    rig_t *rig = &self.rig;
    rig_pass (rig, 1000 * ZLOOM_NS_PER_S); /* the machine has been up for a while */
    rig_consumer (rig, 3, "frozen", "orders-dead", 10);
    const uint32_t many = 1000;
    rig_put_send (rig, 1, 1, many);
    rig_settle (rig);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    rig_put_settle (rig, 2, 1, rig->verb.deliver.token, 1, many, ZLOOM_VERDICT_REJECT);
    bool some_left = false;
    for (int i = 0; i < 100; i++) {
        rig_turn (rig);
        assert_true (rig->wake_ns >= rig->now.mono_ns);
        some_left = some_left || rig->wake_ns == rig->now.mono_ns;
    }
    assert_true (some_left);
    /* Nobody has said anything since: whoever is frozen is still found out in time. */
    for (int i = 0; i < 50; i++) {
        rig_put_credit (rig, 1, 9, 1);
        rig_run (rig, 100 * ZLOOM_NS_PER_MS);
    }
    rig_expect (rig, 3, ZLOOM_VERB_BYE);
    assert_int_equal (rig->verb.bye.code, ZLOOM_GONE);
    rig_close (rig);
}

static void
test_dead_letters_wait_while_the_disk_is_full (void **state)
{
    (void) state;
    dead_rig_t self;
    self.flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    self.flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    self.flows[0].config.dead_letter = "orders-dead";
    rig_t *rig = &self.rig;
    rig_init (rig, self.flows, FLOWS);
    zloom_simdisk_capacity (rig->disk, 128u * 1024 * 1024);
    assert_int_equal (rig_start (rig), ZLOOM_OK);
    rig_hello (rig, 1, "shop", 1, "orders");
    zloom_buf_t pack = {0};
    for (uint64_t id = 1; !rig_take (rig, 1, ZLOOM_VERB_REFUSE); id++) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                                   .send = {.flow = 0, .first_id = id, .n = 1, .base_time_ns = 1}};
        rig_pack (&pack, id, 1, 1u << 20);
        rig_put (rig, 1, &verb, &pack);
        rig_run (rig, 10 * ZLOOM_NS_PER_MS);
    }
    zloom_buf_fini (&pack);
    assert_int_equal (rig->verb.refuse.code, ZLOOM_DISK_FULL);
    rig_consumer (rig, 3, "undertaker", "orders-dead", 100);
    rig_consumer (rig, 2, "worker", "orders", 2);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (rig, 2, ZLOOM_VERB_DELIVER);
    const zloom_token_t token = rig->verb.deliver.token;
    const uint64_t seq = rig->verb.deliver.runs[0].seq;
    rig_put_settle (rig, 2, 1, token, seq, 1, ZLOOM_VERDICT_REJECT);
    rig_run (rig, ZLOOM_NS_PER_S);
    rig_expect (rig, 2, ZLOOM_VERB_SETTLED); /* the verdict is taken */
    rig_expect_none (rig, 3, ZLOOM_VERB_DELIVER);
    zloom_simdisk_capacity (rig->disk, 0);
    rig_put_credit (rig, 2, 1, 2);
    rig_put_credit (rig, 3, 1, 100);
    rig_run (rig, 2 * ZLOOM_NS_PER_S);
    rig_expect (rig, 3, ZLOOM_VERB_DELIVER);
    rig_close (rig);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_rejected_message_moves_with_its_history),
      cmocka_unit_test (test_a_move_survives_a_crash_whole),
      cmocka_unit_test (test_a_letter_does_not_keep_its_neighbours_in_memory),
      cmocka_unit_test (test_cold_bytes_are_read_first),
      cmocka_unit_test (test_dlq_show_has_pages_with_history),
      cmocka_unit_test (test_requeue_brings_them_home_until_the_cap),
      cmocka_unit_test (test_requeue_obeys_filter_maximum_and_rate),
      cmocka_unit_test (test_purge_and_ls),
      cmocka_unit_test (test_many_moves_are_no_stop_of_the_router),
      cmocka_unit_test (test_dead_letters_wait_while_the_disk_is_full),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
