/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A worker that holds very much dies, and the next one comes: no turn may take long for it. The
 * bound is far from what is reached, so that a slow machine passes and what goes over all messages
 * for each of them does not.
 */
#include <time.h>

#include "unit/engine/peers.h"

/* Instrumented code is slower by an amount that depends on the compiler: there it is for the ways
 * that are gone, not for the time. */
#if defined(__SANITIZE_ADDRESS__) || defined(ZLOOM_TEST_SAMPLE)
enum { PACK = 8192, PACKS = 4 };
#else
enum { PACK = 65536, PACKS = 4 };
#endif

#define LONGEST_NS (2 * ZLOOM_NS_PER_S)

static int64_t
s_cpu_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t) now.tv_sec * ZLOOM_NS_PER_S + now.tv_nsec;
}

/* As rig_settle, with a bound for each turn. */
static void
s_settle (rig_t *rig)
{
    bool worked = true;
    while (worked || rig->wake_ns <= rig->now.mono_ns) {
        const int64_t begin_ns = s_cpu_ns ();
        rig_turn (rig);
        assert_true (s_cpu_ns () - begin_ns < LONGEST_NS);
        worked = false;
        while (zloom_journal_work (rig->journal)) {
            worked = true;
        }
    }
}

static void
s_send (rig_t *rig, uint64_t first_id)
{
    zloom_buf_t pack = {0};
    for (uint32_t i = 0; i < PACK; i++) {
        const zloom_envelope_t envelope = {.key = zloom_bytes (&i, sizeof i),
                                           .body = zloom_bytes ("", 0)};
        zloom_pack_add (&pack, &envelope);
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SEND,
                               .send = {.first_id = first_id,
                                        .n = PACK,
                                        .flags = ZLOOM_FLAG_KEY,
                                        .base_time_ns = rig->now.wall_ns}};
    rig_put (rig, 1, &verb, &pack);
    s_settle (rig);
    zloom_buf_fini (&pack);
}

/* It takes all there is, and begins with every hand-out, or with every second one. */
static void
s_begin_work (rig_t *rig, bool all)
{
    rig_consumer (rig, 2, "worker", "orders", PACK * PACKS);
    rig_settle (rig);
    for (int i = 0; rig_take (rig, 2, ZLOOM_VERB_DELIVER); i++) {
        zloom_run_t *runs = zloom_alloc (rig->verb.deliver.run_count * sizeof *runs);
        memcpy (runs, rig->verb.deliver.runs, rig->verb.deliver.run_count * sizeof *runs);
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_STARTED,
                                   .started = {.handle = 1,
                                               .token = rig->verb.deliver.token,
                                               .runs = runs,
                                               .run_count = rig->verb.deliver.run_count}};
        if (all || i % 2 == 1) {
            rig_put (rig, 2, &verb, NULL);
        }
        free (runs);
    }
    rig_settle (rig);
}

static void
s_die_and_go_on (const char *key, bool all)
{
    zloom_engine_flow_t flows[] = {rig_flow ("orders", ZLOOM_CONFIRM_DISK)};
    flows[0].config.key = key;
    rig_t rig;
    rig_open (&rig, flows, 1);
    rig_hello (&rig, 1, "shop", 1, "orders");
    for (uint64_t i = 0; i < PACKS; i++) {
        s_send (&rig, i * PACK + 1);
    }
    s_begin_work (&rig, all);
    rig_hello (&rig, 9, "supervisor", 9, NULL);
    const uint8_t nonce[ZLOOM_NONCE_BYTES] = {2};
    const zloom_verb_t gone = {.kind = ZLOOM_VERB_GONE,
                               .gone = {.name = zloom_bytes_text ("worker"),
                                        .nonce = zloom_bytes (nonce, sizeof nonce),
                                        .exit = -1,
                                        .signal = 11}};
    rig_put (&rig, 9, &gone, NULL);
    s_settle (&rig);
    rig_hello (&rig, 4, "next", 4, NULL);
    rig_put_subscribe (&rig, 4, 1, "orders", ZLOOM_MODE_CONSUME);
    rig_put_credit (&rig, 4, 1, PACK);
    s_settle (&rig);
    rig_expect (&rig, 4, ZLOOM_VERB_DELIVER);
    rig_close (&rig);
}

static void
test_many_messages_are_suspect (void **state)
{
    (void) state;
    s_die_and_go_on (NULL, true);
}

static void
test_many_messages_of_many_keys_are_suspect (void **state)
{
    (void) state;
    s_die_and_go_on ("/id", true);
}

static void
test_many_messages_come_back_before_others_of_their_keys (void **state)
{
    (void) state;
    s_die_and_go_on ("/id", false);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_many_messages_are_suspect),
      cmocka_unit_test (test_many_messages_of_many_keys_are_suspect),
      cmocka_unit_test (test_many_messages_come_back_before_others_of_their_keys),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
