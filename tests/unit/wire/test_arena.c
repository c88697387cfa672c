/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/arena.h"

static void
test_pieces_are_zeroed_aligned_and_apart (void **state)
{
    zloom_arena_t arena = {0};
    uint8_t *pieces[100];
    (void) state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++) {
            pieces[i] = zloom_arena_take (&arena, i + 1, 7);
            assert_int_equal ((uintptr_t) pieces[i] % sizeof (void *), 0);
            for (size_t at = 0; at < (i + 1) * 7; at++) {
                assert_int_equal (pieces[i][at], 0);
            }
            memset (pieces[i], (int) i + 1, (i + 1) * 7);
        }
        for (size_t i = 0; i < 100; i++) {
            assert_int_equal (pieces[i][0], i + 1);
            assert_int_equal (pieces[i][(i + 1) * 7 - 1], i + 1);
        }
        zloom_arena_reset (&arena);
    }
    zloom_arena_fini (&arena);
}

static void
test_a_warm_arena_stays_in_one_place (void **state)
{
    zloom_arena_t arena = {0};
    (void) state;
    assert_null (zloom_arena_take (&arena, 0, 8));
    for (size_t i = 0; i < 50; i++) {
        zloom_arena_take (&arena, 1000, 8);
    }
    zloom_arena_reset (&arena);
    const zloom_arena_block_t *block = arena.block;
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 50; i++) {
            zloom_arena_take (&arena, 1000, 8);
        }
        assert_ptr_equal (arena.block, block);
        zloom_arena_reset (&arena);
    }
    zloom_arena_fini (&arena);
    assert_null (arena.block);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_pieces_are_zeroed_aligned_and_apart),
      cmocka_unit_test (test_a_warm_arena_stays_in_one_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
