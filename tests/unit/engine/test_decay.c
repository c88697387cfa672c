/* SPDX-License-Identifier: MPL-2.0 */
/* A pack that is damaged on the disk while the router runs: who looks for it is told of it. */
#include "unit/engine/peers.h"
#include "wire/attrs.h"

#define PACKS 3u

static zloom_engine_flow_t s_flows[2];

/* The messages are on the disk alone; every copy of the second one is rotten. */
static void
s_decay (rig_t *rig)
{
    rig_crash (rig);
    size_t size = 0;
    uint8_t *data = zloom_simdisk_content (rig->disk, "/log/hot-0000000001", &size);
    assert_non_null (data);
    size_t found = 0;
    for (uint8_t *at; (at = memmem (data, size, "message number 2", 16)); found++) {
        *at ^= 1;
    }
    assert_true (found > 0);
    rig_hello (rig, 9, "operator", 9, NULL);
}

/* Three messages, each a pack in a group of its own. */
static void
s_fill (rig_t *rig)
{
    rig_open (rig, s_flows, 2);
    rig_hello (rig, 1, "shop", 1, "orders");
    for (uint64_t id = 1; id <= PACKS; id++) {
        char text[32];
        zloom_buf_t pack = {0};
        snprintf (text, sizeof text, "message number %u", (unsigned) id);
        const zloom_envelope_t envelope = {.body = zloom_bytes_text (text)};
        zloom_pack_add (&pack, &envelope);
        const zloom_verb_t verb = {
          .kind = ZLOOM_VERB_SEND,
          .send = {.first_id = id, .n = 1, .base_time_ns = rig->now.wall_ns}};
        rig_put (rig, 1, &verb, &pack);
        rig_settle (rig);
        zloom_buf_fini (&pack);
    }
}

static void
s_open (rig_t *rig)
{
    s_fill (rig);
    s_decay (rig);
}

static void
test_browse_tells_of_it_and_goes_on (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    rig_put_subscribe (&rig, 9, 1, "orders", ZLOOM_MODE_BROWSE);
    rig_put_credit (&rig, 9, 1, 10);
    rig_settle (&rig);
    rig_expect (&rig, 9, ZLOOM_VERB_SUBSCRIBED);
    static const zloom_verb_kind_t kinds[] = {ZLOOM_VERB_DELIVER, ZLOOM_VERB_GAP,
                                              ZLOOM_VERB_DELIVER, ZLOOM_VERB_GAP};
    for (size_t i = 0; i < 4; i++) {
        assert_true (rig_take (&rig, 9, ZLOOM_VERB_NONE));
        assert_int_equal (rig.verb.kind, kinds[i]);
        if (i == 1) {
            assert_int_equal (rig.verb.gap.from, 2);
            assert_int_equal (rig.verb.gap.to, 2);
            assert_int_equal (rig.verb.gap.count, 1);
            assert_true (zloom_bytes_equal (rig.verb.gap.reason, zloom_bytes_text ("damaged")));
        } else if (i == 2) {
            assert_int_equal (rig.verb.deliver.runs[0].seq, 3);
        }
    }
    rig_close (&rig);
}

/* What could not be read is read again for whoever asks later. */
static void
test_what_heals_is_shown_again (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    for (int round = 0; round < 2; round++) {
        rig_put_subscribe (&rig, 9, 1, "orders", ZLOOM_MODE_BROWSE);
        rig_put_credit (&rig, 9, 1, 10);
        rig_settle (&rig);
        unsigned shown = 0;
        while (rig_take (&rig, 9, ZLOOM_VERB_DELIVER)) {
            shown += rig.verb.deliver.runs[0].n;
        }
        assert_int_equal (shown, round == 0 ? 2 : 3);
        rig_quiet (&rig);
        size_t size = 0;
        uint8_t *data = zloom_simdisk_content (rig.disk, "/log/hot-0000000001", &size);
        uint8_t *at = memmem (data, size, "lessage number 2", 16);
        assert_true (round == 1 || at);
        if (at) {
            *at ^= 1;
        }
    }
    rig_close (&rig);
}

/* Ask for a trace, and take the last answer. */
static void
s_trace (rig_t *rig, const char *id, int64_t seq)
{
    zloom_attrs_t args = {0};
    if (id) {
        zloom_attrs_put_text (&args, "id", zloom_bytes_text (id));
    } else {
        zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders"));
        zloom_attrs_put_int (&args, "seq", seq);
    }
    rig_put_admin (rig, 9, 1, "trace", &args);
    rig_run (rig, 20 * ZLOOM_NS_PER_MS);
    do {
        rig_expect (rig, 9, ZLOOM_VERB_ANSWER);
        assert_int_equal (rig->verb.answer.code, ZLOOM_OK);
    } while (rig->verb.answer.more);
}

static bool
s_says (const rig_t *rig, const char *text)
{
    const zloom_bytes_t result = rig->verb.answer.result;
    return memmem (result.data, result.size, text, strlen (text)) != NULL;
}

/* By its number the place is told, as far as it is known; the id stands in what cannot be read. */
static void
test_trace_by_number_has_no_id (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_trace (&rig, NULL, 1);
    assert_true (s_says (&rig, "shop/1"));
    assert_true (s_says (&rig, "ready"));
    s_trace (&rig, NULL, 2);
    assert_false (s_says (&rig, "shop/"));
    assert_true (s_says (&rig, "\xa2id\xc0"));
    rig_close (&rig);
}

static void
test_trace_by_id_goes_on_behind_it (void **state)
{
    (void) state;
    rig_t rig;
    s_open (&rig);
    s_trace (&rig, "shop/2", 0);
    assert_false (s_says (&rig, "shop/2"));
    assert_true (s_says (&rig, "scanned\x02"));
    s_trace (&rig, "shop/3", 0);
    assert_true (s_says (&rig, "shop/3"));
    rig_close (&rig);
}

/* Of three dead letters one is rotten: the others are put back, and the command ends. */
static void
test_dead_letters_behind_it_are_put_back (void **state)
{
    (void) state;
    rig_t rig;
    s_fill (&rig);
    rig_consumer (&rig, 2, "worker", "orders", 10);
    while (rig_take (&rig, 2, ZLOOM_VERB_DELIVER)) {
        const zloom_run_t run = rig.verb.deliver.runs[0];
        rig_put_settle (&rig, 2, 1, rig.verb.deliver.token, run.seq, run.n, ZLOOM_VERDICT_REJECT);
    }
    rig_run (&rig, 20 * ZLOOM_NS_PER_MS);
    s_decay (&rig);
    zloom_attrs_t args = {0};
    zloom_attrs_put_text (&args, "flow", zloom_bytes_text ("orders-dead"));
    rig_put_admin (&rig, 9, 1, "dlq requeue", &args);
    rig_run (&rig, 20 * ZLOOM_NS_PER_MS);
    rig_expect (&rig, 9, ZLOOM_VERB_ANSWER);
    assert_false (rig.verb.answer.more);
    assert_true (s_says (&rig, "matched\x02"));
    assert_true (s_says (&rig, "moved\x02"));
    rig_close (&rig);
}

int
main (void)
{
    s_flows[0] = rig_flow ("orders", ZLOOM_CONFIRM_DISK);
    s_flows[0].config.dead_letter = "orders-dead";
    s_flows[1] = rig_flow ("orders-dead", ZLOOM_CONFIRM_DISK);
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_browse_tells_of_it_and_goes_on),
      cmocka_unit_test (test_what_heals_is_shown_again),
      cmocka_unit_test (test_trace_by_number_has_no_id),
      cmocka_unit_test (test_trace_by_id_goes_on_behind_it),
      cmocka_unit_test (test_dead_letters_behind_it_are_put_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
