/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/journal.h"
#include "patterns/common/pattern.h"
#include "patterns/common/ready.h"
#include "patterns/common/records.h"
#include "patterns/common/suspects.h"

static void
ready_hands_out_by_number_whatever_the_kind (void **state)
{
    (void) state;
    zloom_ready_t ready = {0};
    zloom_range_t run;
    zloom_ready_kind_t kind;
    zloom_ready_add (&ready, ZLOOM_READY_FRESH, 10, 20);
    zloom_ready_add (&ready, ZLOOM_READY_RETURNED, 5, 6);
    zloom_ready_add (&ready, ZLOOM_READY_FAILED, 7, 7);
    assert_int_equal (zloom_ready_total (&ready), 14);
    const zloom_ready_kind_t kinds[] = {ZLOOM_READY_RETURNED, ZLOOM_READY_FAILED,
                                        ZLOOM_READY_FRESH};
    const uint64_t firsts[] = {5, 7, 10};
    for (int i = 0; i < 3; i++) {
        assert_true (zloom_ready_find (&ready, 0, 15, false, &run, &kind));
        assert_int_equal (kind, kinds[i]);
        assert_int_equal (run.first, firsts[i]);
        if (i == 0) {
            assert_true (zloom_ready_find (&ready, 0, 15, true, &run, &kind));
            assert_int_equal (run.first, 7);
            run.first = 5;
            run.last = 6;
        }
        zloom_ready_remove (&ready, run.first, run.last);
    }
    assert_false (zloom_ready_find (&ready, 0, 15, false, &run, &kind));
    assert_true (zloom_ready_has (&ready, 16));
    assert_false (zloom_ready_has (&ready, 15));
    zloom_ready_fini (&ready);
}

static void
suspects_come_in_halves (void **state)
{
    (void) state;
    zloom_suspects_t suspects = {0};
    const uint64_t members[] = {3, 4, 9, 12, 13};
    const uint64_t *front;
    zloom_suspects_add (&suspects, members, 5, false);
    assert_int_equal (suspects.numbers.total, 5);
    assert_int_equal (zloom_suspects_front (&suspects, 10, 100, &front), 2);
    assert_int_equal (front[1], 4);
    assert_int_equal (zloom_suspects_front (&suspects, 1, 100, &front), 1);
    assert_int_equal (zloom_suspects_front (&suspects, 10, 3, &front), 1); /* 4 is not durable */
    zloom_suspects_remove (&suspects, 3, 9);
    assert_int_equal (zloom_suspects_front (&suspects, 10, 100, &front), 2);
    assert_int_equal (front[0], 12);
    zloom_suspects_add (&suspects, members, 1, true); /* back: before the others */
    assert_int_equal (zloom_suspects_front (&suspects, 10, 100, &front), 1);
    assert_int_equal (front[0], 3);
    assert_int_equal (zloom_suspects_remove (&suspects, 0, 100), 3);
    assert_int_equal (zloom_suspects_front (&suspects, 10, 100, &front), 0);
    zloom_suspects_fini (&suspects);
}

static void
effects_stay_where_they_are_until_clear (void **state)
{
    (void) state;
    zloom_effects_t *effects = zloom_effects_new ();
    for (int round = 0; round < 3; round++) {
        zloom_bytes_t copies[200];
        for (size_t i = 0; i < 200; i++) {
            uint8_t bytes[700];
            memset (bytes, (int) i, sizeof bytes);
            copies[i] = zloom_effects_copy (effects, zloom_bytes (bytes, sizeof bytes));
            zloom_effects_add (effects, ZLOOM_EFFECT_RECORD)->record.seq = i;
            uintptr_t at = (uintptr_t) zloom_effects_memory (effects, 3);
            assert_int_equal (at % _Alignof(max_align_t), 0);
        }
        assert_int_equal (zloom_effects_count (effects), 200);
        for (size_t i = 0; i < 200; i++) {
            assert_int_equal (copies[i].data[699], i);
            assert_int_equal (zloom_effects_at (effects, i)->record.seq, i);
        }
        zloom_effects_clear (effects);
        assert_int_equal (zloom_effects_count (effects), 0);
    }
    assert_null (zloom_effects_copy (effects, ZLOOM_BYTES_NULL).data);
    assert_non_null (zloom_effects_copy (effects, zloom_bytes ("", 0)).data);
    zloom_effects_destroy (&effects);
}

static void
records_have_the_journals_numbers (void **state)
{
    (void) state;
    assert_int_equal (ZLOOM_STORED_PACK, ZLOOM_RECORD_PACK);
    assert_int_equal (ZLOOM_STORED_SETTLE, ZLOOM_RECORD_SETTLE);
    assert_int_equal (ZLOOM_STORED_STATE, ZLOOM_RECORD_STATE);
    assert_int_equal (ZLOOM_STORED_PRODUCER, ZLOOM_RECORD_PRODUCER);
    assert_int_equal (ZLOOM_STORED_HOLE, ZLOOM_RECORD_HOLE);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (ready_hands_out_by_number_whatever_the_kind),
      cmocka_unit_test (suspects_come_in_halves),
      cmocka_unit_test (effects_stay_where_they_are_until_clear),
      cmocka_unit_test (records_have_the_journals_numbers),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
