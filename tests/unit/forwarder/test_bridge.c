/* SPDX-License-Identifier: MPL-2.0 */
/* Each message once, in order: over broken roads, deaths of all three, and logs that come back. */
#include "strait.h"

static void
s_expect (const strait_t *self, uint64_t first, uint64_t last, unsigned times)
{
    for (uint64_t i = first; i <= last; i++) {
        if (self->seen[i] != times) {
            fail_msg ("message %llu came %u times, not %u", (unsigned long long) i, self->seen[i],
                      times);
        }
    }
}

static void
s_send_many (strait_t *self, uint64_t upto)
{
    for (int i = 0; i < 10000 && self->sent < upto; i++) {
        while (self->sent < upto && strait_send (self, 10)) {
        }
        strait_step (self);
    }
    assert_int_equal (self->sent, upto);
}

/* ---- basic ---------------------------------------------------------------------------------- */

static void
test_all_arrive_in_order (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 1);
    s_send_many (&self, 1000);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 1000, 1);
    assert_false (self.disorder);
    strait_close (&self);
}

static void
test_what_is_never_taken_is_rejected_and_the_rest_goes_on (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 1);
    rig_stop (&self.far);
    self.far.max_message_bytes = 200;
    assert_int_equal (rig_start (&self.far), ZLOOM_OK);
    strait_reborn (&self, &self.far);
    for (int i = 0; i < 1000 && self.sent < 30; i++) {
        (void) strait_send (&self, self.sent == 11 ? 400 : 20);
        strait_step (&self);
    }
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 11, 1);
    s_expect (&self, 12, 12, 0);
    s_expect (&self, 13, 30, 1);
    strait_close (&self);
}

/* ---- numbers that do not come --------------------------------------------------------------- */

/* Five have gone over, and somebody else holds the next ten of the outbox. */
static uint32_t
s_steal (strait_t *self)
{
    const zloom_client_options_t options = {.name = "thief"};
    const zloom_subscription_options_t take = {.flow = "out@hub", .prefetch = 10};
    uint32_t handle = 0;
    s_send_many (self, 5);
    strait_rest (self);
    zloom_client_core_leave (self->roads[SOURCE].core);
    strait_step (self);
    zloom_client_core_destroy (&self->roads[SOURCE].core);
    s_connect (self, THIEF, &options, NULL);
    assert_int_equal (zloom_client_core_subscribe (self->roads[THIEF].core, &take, &handle),
                      ZLOOM_OK);
    for (int i = 0; i < 200 && self->sent < 55; i++) {
        (void) strait_send (self, 10);
        strait_step (self);
    }
    for (int i = 0; i < 50; i++) {
        strait_step (self);
    }
    assert_int_equal (zloom_client_core_waiting (self->roads[THIEF].core, handle), 10);
    s_new_bridge (self);
    for (int i = 0; i < 400; i++) {
        strait_step (self);
    }
    /* What is held elsewhere may come yet, and those behind it wait for it. */
    assert_int_equal (zloom_bridge_held (self->bridge), 40);
    return handle;
}

static void
test_a_late_number_is_waited_for (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 6);
    const uint32_t handle = s_steal (&self);
    assert_int_equal (zloom_client_core_unsubscribe (self.roads[THIEF].core, handle), ZLOOM_OK);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 55, 1);
    assert_false (self.disorder);
    strait_close (&self);
}

static void
test_a_settled_number_is_skipped (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 7);
    const uint32_t handle = s_steal (&self);
    const zloom_settlement_t ack = {.delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    const zloom_message_t *message;
    while (zloom_client_core_receive (self.roads[THIEF].core, handle, &message)) {
        assert_int_equal (zloom_client_core_settle (self.roads[THIEF].core, &message, &ack),
                          ZLOOM_OK);
    }
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 5, 1);
    s_expect (&self, 6, 15, 0);
    s_expect (&self, 16, 55, 1);
    strait_close (&self);
}

/* ---- faults --------------------------------------------------------------------------------- */

static bool
s_chance (strait_t *self, uint64_t in)
{
    return zloom_random_below (&self->random, in) == 0;
}

static void
s_hurt (strait_t *self, unsigned *deaths)
{
    for (int i = 0; i < LINKS; i++) {
        if (s_chance (self, 150)) {
            strait_cut (self, i);
        }
    }
    if (s_chance (self, 150)) {
        rig_crash (&self->source);
        strait_reborn (self, &self->source);
        deaths[0]++;
    }
    if (s_chance (self, 150)) {
        rig_crash (&self->far);
        strait_reborn (self, &self->far);
        deaths[1]++;
    }
    if (s_chance (self, 100)) {
        s_new_bridge (self);
        deaths[2]++;
    }
}

static void
test_faults_of_all_kinds (void **state)
{
    (void) state;
    unsigned deaths[3] = {0};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        strait_t self;
        strait_open (&self, seed);
        for (int i = 0; i < 1200 && self.sent < 1500; i++) {
            for (uint64_t n = zloom_random_below (&self.random, 8); n > 0; n--) {
                (void) strait_send (&self, 10);
            }
            strait_step (&self);
            s_hurt (&self, deaths);
        }
        print_message ("seed %llu: %llu messages\n", (unsigned long long) seed,
                       (unsigned long long) self.sent);
        strait_rest (&self);
        strait_look (&self);
        s_expect (&self, 1, self.sent, 1);
        assert_false (self.disorder);
        strait_close (&self);
    }
    print_message ("source %u, far router %u, bridge %u times dead\n", deaths[0], deaths[1],
                   deaths[2]);
    assert_true (deaths[0] > 10 && deaths[1] > 10 && deaths[2] > 10);
}

/* ---- logs that come back -------------------------------------------------------------------- */

/* The router's disk as it was; the bridge lives on. */
static void
s_restore (strait_t *self, rig_t *rig, zloom_simdisk_t *copy)
{
    rig_stop (rig);
    zloom_simdisk_destroy (&rig->disk);
    rig->disk = copy;
    assert_int_equal (rig_start (rig), ZLOOM_OK);
    strait_reborn (self, rig);
}

static void
test_a_restored_source_neither_loses_nor_doubles (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 3);
    s_send_many (&self, 100);
    strait_rest (&self);
    zloom_simdisk_t *copy = zloom_simdisk_copy (self.source.disk);
    s_send_many (&self, 180);
    strait_rest (&self);
    s_restore (&self, &self.source, copy);
    /* The producer's log is gone with it, so another one sends; its messages get old numbers. */
    s_new_shop (&self, "shop-two");
    s_send_many (&self, 250);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 250, 1);
    strait_close (&self);
}

/* What the bridge holds at that time is of the part of the log that is lost. */
static void
test_what_is_held_of_a_lost_log_is_not_carried (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 8);
    s_send_many (&self, 100);
    strait_rest (&self);
    zloom_simdisk_t *copy = zloom_simdisk_copy (self.source.disk);
    self.roads[FAR].mute = true;
    s_send_many (&self, 180);
    for (int i = 0; i < 100; i++) {
        strait_step (&self);
    }
    assert_int_equal (zloom_bridge_held (self.bridge), 80);
    s_restore (&self, &self.source, copy);
    s_new_shop (&self, "shop-two");
    for (int i = 0; i < 200; i++) {
        strait_step (&self); /* the bridge has heard of it */
    }
    self.roads[FAR].mute = false;
    s_send_many (&self, 250);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 100, 1);
    s_expect (&self, 101, 180, 0);
    s_expect (&self, 181, 250, 1);
    strait_close (&self);
}

/* The same over several boots, and with the far router dying after it has taken some. */
static void
test_a_source_restored_over_boots (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 4);
    for (uint64_t i = 1; i <= 4; i++) {
        s_send_many (&self, i * 20);
        strait_rest (&self);
        rig_crash (&self.source);
        strait_reborn (&self, &self.source);
    }
    strait_rest (&self);
    zloom_simdisk_t *copy = zloom_simdisk_copy (self.source.disk);
    for (uint64_t i = 5; i <= 8; i++) {
        s_send_many (&self, i * 20);
        strait_rest (&self);
        rig_crash (&self.source);
        strait_reborn (&self, &self.source);
    }
    strait_rest (&self);
    s_restore (&self, &self.source, copy);
    s_new_shop (&self, "shop-two");
    /* The far router takes some, the source is not told, and far router and bridge die. */
    for (int i = 0; i < 20; i++) {
        (void) strait_send (&self, 10);
        strait_step (&self);
    }
    self.roads[SOURCE].mute = true;
    s_send_many (&self, 200);
    for (int i = 0; i < 40; i++) {
        strait_step (&self);
    }
    self.roads[SOURCE].mute = false;
    assert_true (zloom_client_core_pending (self.roads[SOURCE].core) > 0);
    rig_crash (&self.far);
    strait_reborn (&self, &self.far);
    s_new_bridge (&self);
    s_send_many (&self, 240);
    strait_rest (&self);
    rig_crash (&self.far);
    strait_reborn (&self, &self.far);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 240, 1);
    strait_close (&self);
}

static void
test_a_restored_destination_goes_on_behind_a_hole (void **state)
{
    (void) state;
    strait_t self;
    strait_open (&self, 5);
    s_send_many (&self, 100);
    strait_rest (&self);
    zloom_simdisk_t *copy = zloom_simdisk_copy (self.far.disk);
    s_send_many (&self, 150);
    strait_rest (&self);
    s_restore (&self, &self.far, copy);
    s_send_many (&self, 200);
    strait_rest (&self);
    strait_look (&self);
    s_expect (&self, 1, 100, 1);
    s_expect (&self, 101, 150, 0); /* its disk had them, and has them no more */
    s_expect (&self, 151, 200, 1);
    strait_close (&self);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_all_arrive_in_order),
      cmocka_unit_test (test_what_is_never_taken_is_rejected_and_the_rest_goes_on),
      cmocka_unit_test (test_a_late_number_is_waited_for),
      cmocka_unit_test (test_a_settled_number_is_skipped),
      cmocka_unit_test (test_faults_of_all_kinds),
      cmocka_unit_test (test_a_restored_source_neither_loses_nor_doubles),
      cmocka_unit_test (test_what_is_held_of_a_lost_log_is_not_carried),
      cmocka_unit_test (test_a_source_restored_over_boots),
      cmocka_unit_test (test_a_restored_destination_goes_on_behind_a_hole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
