/* SPDX-License-Identifier: MPL-2.0 */
/* A bus at its edges: full while somebody still reads, short of bytes, damaged, paused. */
#include "unit/bus/hall_say.h"

/* Who looks for the last of each topic, and waits for the disk, makes no publisher wait. */
static void
full_bus_waits_for_nobody_who_looks_for_the_last (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 8;
    config.limit_messages = 8;
    config.on_full = ZLOOM_ON_FULL_REJECT;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a");
    hall_publish (hall, "b b b b b b b");
    hall_dispatch (hall);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_LAST});
    hall_credit (hall, 1, 100);
    hall->cold_from = 5;
    hall_dispatch (hall); /* it has looked at 1 to 4, and waits for the rest */
    hall_expect (hall, 1, "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal (hall_publish (hall, "c c"), ZLOOM_OK);
        hall_dispatch (hall);
    }
    hall->cold_from = 0;
    hall_simple (hall, ZLOOM_EVENT_FETCHED);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "8-14"); /* as if it had come a little later */
    hall_destroy (hall);
}

/* ... and is not lost over it: what came since, and went before it had looked, it is told of. */
static void
who_looks_for_the_last_is_overtaken_by_a_full_bus (void **state)
{
    (void) state;
    zloom_flow_config_t config = hall_config (ZLOOM_CONFIRM_MEMORY);
    config.retain_messages = 8;
    config.limit_messages = 8;
    hall_t *hall = hall_new (&config);
    hall_publish (hall, "a b b b");
    hall_dispatch (hall);
    hall_join (hall, 1, (hall_wish_t){.from = ZLOOM_FROM_LAST});
    hall_credit (hall, 1, 100);
    hall->cold_from = 2;
    hall_dispatch (hall); /* it has looked at 1 */
    for (int i = 0; i < 6; i++) {
        assert_int_equal (hall_publish (hall, "c c"), ZLOOM_OK);
        hall_dispatch (hall);
    }
    hall->cold_from = 0;
    hall_simple (hall, ZLOOM_EVENT_FETCHED);
    hall_pass (hall, 0);
    hall_expect (hall, 1, "gap5-6:2(limit) gap7-8:2(limit) 9-16"); /* 1 to 4 were before */
    hall_publish (hall, "a");
    hall_pass (hall, 0);
    hall_expect (hall, 1, "17");
    hall_destroy (hall);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (full_bus_waits_for_nobody_who_looks_for_the_last),
      cmocka_unit_test (who_looks_for_the_last_is_overtaken_by_a_full_bus),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
