/* SPDX-License-Identifier: MPL-2.0 */
/* The plain way of a message, who gets it, limits, and the doors: promises 1, 6, 13, 14, 15. */
#include "desk.h"

static void
queue_takes_hands_out_and_acks (void **state)
{
    (void) state;
    zloom_flow_config_t config = desk_config ();
    desk_t *desk = desk_new (&config);
    desk_offer (desk, "shop", 1, 1, 10);
    assert_int_equal (desk_effect (desk, ZLOOM_EFFECT_CONFIRM, 0)->answer.id, 10);
    assert_int_equal (desk_count (desk, ZLOOM_EFFECT_APPEND), 1);
    desk_subscribe (desk, 5, 100);
    assert_int_equal (desk_dispatch (desk), 10);
    uint64_t token = desk_expect (desk, 0, 5, 1, 10);
    assert_int_equal (desk_stats (desk).leased, 10);
    desk_settle (desk, 5, token, 1, 10, ZLOOM_VERDICT_ACK);
    assert_int_equal (desk_code (desk), ZLOOM_OK);
    zloom_flow_stats_t stats = desk_stats (desk);
    assert_int_equal (stats.acked, 10);
    assert_int_equal (stats.leased, 0);
    assert_int_equal (stats.bytes, 0);
    const zloom_effect_t *forget = desk_effect (desk, ZLOOM_EFFECT_FORGET, 0);
    assert_int_equal (forget->forget.first, 1);
    assert_int_equal (forget->forget.last, 10);
    desk_restart (desk);
    assert_int_equal (desk_stats (desk).acked, 10);
    assert_int_equal (desk_stats (desk).ready, 0);
    desk_destroy (desk);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (queue_takes_hands_out_and_acks),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
