/* SPDX-License-Identifier: MPL-2.0 */
/* Spans that were lost: one where nothing waits between them, and each with its own reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "patterns/common/gaps.h"

static void
s_lose (zloom_gaps_t *gaps, uint64_t from, uint64_t to, const char *reason,
        const zloom_ranges_t *pending)
{
    zloom_gaps_add (
      gaps, &(zloom_missed_t){.from = from, .to = to, .count = to - from + 1, .reason = reason},
      pending);
}

/* All of them, "from-to:count(reason)", told in their order. */
static void
s_expect (zloom_gaps_t *gaps, const char *text)
{
    zloom_buf_t told = {0};
    zloom_missed_t gap;
    while (zloom_gaps_take (gaps, UINT64_MAX, &gap)) {
        zloom_buf_printf (&told, "%s%d-%d:%d(%s)", told.size ? " " : "", (int) gap.from,
                          (int) gap.to, (int) gap.count, gap.reason);
    }
    assert_string_equal (told.size ? zloom_buf_text (&told) : "", text);
    zloom_buf_fini (&told);
}

static void
gaps_with_nothing_between_them_are_one (void **state)
{
    (void) state;
    zloom_gaps_t gaps = {0};
    zloom_ranges_t pending = {0};
    zloom_ranges_add (&pending, 6, 7);
    s_lose (&gaps, 1, 1, "latest", &pending);
    s_lose (&gaps, 5, 5, "latest", &pending);
    s_lose (&gaps, 9, 9, "latest", &pending);
    s_lose (&gaps, 3, 3, "latest", &pending);
    s_expect (&gaps, "1-5:3(latest) 9-9:1(latest)");
    zloom_gaps_fini (&gaps);
    zloom_ranges_fini (&pending);
}

static void
gaps_keep_each_its_reason (void **state)
{
    (void) state;
    zloom_gaps_t gaps = {0};
    const zloom_ranges_t nothing = {0};
    s_lose (&gaps, 1, 4, "block", &nothing);
    s_lose (&gaps, 5, 5, "limit", &nothing);
    s_lose (&gaps, 6, 9, "limit", &nothing);
    s_lose (&gaps, 10, 12, "block", &nothing);
    s_expect (&gaps, "1-4:4(block) 5-9:5(limit) 10-12:3(block)");
    zloom_gaps_fini (&gaps);
}

/* Nobody can say any more which number went why: so much is said. */
static void
gaps_over_each_other_have_several_reasons (void **state)
{
    (void) state;
    zloom_gaps_t gaps = {0};
    const zloom_ranges_t nothing = {0};
    s_lose (&gaps, 1, 9, "latest", &nothing);
    s_lose (&gaps, 5, 12, "purged", &nothing);
    s_expect (&gaps, "1-12:17(several)");
    s_lose (&gaps, 3, 4, "limit", &nothing);
    s_lose (&gaps, 1, 2, "purged", &nothing);
    s_lose (&gaps, 1, 9, "purged", &nothing);
    s_expect (&gaps, "1-9:13(several)");
    zloom_gaps_fini (&gaps);
}

static void
gaps_of_many_reasons_take_no_end_of_memory (void **state)
{
    (void) state;
    zloom_gaps_t gaps = {0};
    const zloom_ranges_t nothing = {0};
    uint64_t told = 0;
    for (uint64_t seq = 1; seq <= 100000; seq++) {
        s_lose (&gaps, seq, seq, seq % 2 ? "edge" : "drop-oldest", &nothing);
        assert_true (gaps.count <= ZLOOM_GAPS_APART);
    }
    zloom_missed_t gap;
    for (uint64_t next = 1; zloom_gaps_take (&gaps, UINT64_MAX, &gap); next = gap.to + 1) {
        assert_int_equal (gap.from, next);
        assert_string_equal (gap.reason, gap.count > 1  ? ZLOOM_GAPS_SEVERAL
                                         : gap.from % 2 ? "edge"
                                                        : "drop-oldest");
        told += gap.count;
    }
    assert_int_equal (told, 100000);
    zloom_gaps_fini (&gaps);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (gaps_with_nothing_between_them_are_one),
      cmocka_unit_test (gaps_keep_each_its_reason),
      cmocka_unit_test (gaps_over_each_other_have_several_reasons),
      cmocka_unit_test (gaps_of_many_reasons_take_no_end_of_memory),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
