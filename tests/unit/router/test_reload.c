/* SPDX-License-Identifier: MPL-2.0 */
/* What became of a reload is told to the one who asked for it, and to nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "nodes/router/router_reload.h"

/* There is no such recipe: each reload fails, and the engine is never asked. */
static const zloom_node_args_t s_args = {.name = "router", .recipe_path = "/no/such/recipe.yaml"};

static zloom_err_t
s_ask (zloom_router_reload_t *reload, uint64_t asker)
{
    return zloom_router_reload_ask (reload, asker, ZLOOM_BYTES_NULL);
}

static void
test_the_asker_has_the_answer (void **state)
{
    (void) state;
    zloom_router_reload_t reload = {.args = &s_args};
    assert_false (zloom_router_reload_turn (&reload, NULL));
    assert_int_equal (s_ask (&reload, 1), ZLOOM_AGAIN);
    assert_true (zloom_router_reload_turn (&reload, NULL));
    assert_int_not_equal (s_ask (&reload, 1), ZLOOM_AGAIN);
    assert_false (zloom_router_reload_turn (&reload, NULL));
    zloom_router_reload_fini (&reload);
}

/* The one who asked has gone: what it asked for is no answer to the next one. */
static void
test_another_one_is_not_told_what_was_done_before_it_asked (void **state)
{
    (void) state;
    zloom_router_reload_t reload = {.args = &s_args};
    assert_int_equal (s_ask (&reload, 1), ZLOOM_AGAIN);
    assert_true (zloom_router_reload_turn (&reload, NULL));
    assert_int_equal (s_ask (&reload, 2), ZLOOM_AGAIN);
    assert_true (zloom_router_reload_turn (&reload, NULL)); /* nobody came for it */
    assert_int_equal (s_ask (&reload, 2), ZLOOM_AGAIN);
    assert_true (zloom_router_reload_turn (&reload, NULL));
    assert_int_not_equal (s_ask (&reload, 2), ZLOOM_AGAIN);
    zloom_router_reload_fini (&reload);
}

/* Two at a time: each has its own, whoever comes first in a turn. */
static void
test_two_who_ask_together_are_served_in_turn (void **state)
{
    (void) state;
    zloom_router_reload_t reload = {.args = &s_args};
    bool done[2] = {false};
    for (unsigned turn = 0; turn < 8; turn++) {
        for (unsigned i = 0; i < 2; i++) {
            const unsigned asker = (turn + i) % 2;
            done[asker] = done[asker] || s_ask (&reload, 1 + asker) != ZLOOM_AGAIN;
        }
        (void) zloom_router_reload_turn (&reload, NULL);
    }
    assert_true (done[0] && done[1]);
    zloom_router_reload_fini (&reload);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_asker_has_the_answer),
      cmocka_unit_test (test_another_one_is_not_told_what_was_done_before_it_asked),
      cmocka_unit_test (test_two_who_ask_together_are_served_in_turn),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
