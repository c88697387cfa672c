/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <stdio.h>

#include "base/ranges.h"

/* The set as text, "1-3 5-5", to compare at a glance. */
static const char *
s_text (const zloom_ranges_t *ranges, char text[256])
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < ranges->count && used < 200; i++) {
        const zloom_range_t *range = zloom_ranges_at (ranges, i);
        used +=
          (size_t) snprintf (text + used, 256 - used, "%s%llu-%llu", i ? " " : "",
                             (unsigned long long) range->first, (unsigned long long) range->last);
    }
    return text;
}

static void
test_an_empty_set (void **state)
{
    (void) state;
    zloom_ranges_t ranges = {0};
    zloom_range_t range;
    assert_false (zloom_ranges_has (&ranges, 0));
    assert_false (zloom_ranges_find (&ranges, 0, &range));
    assert_false (zloom_ranges_take (&ranges, 5, &range));
    assert_int_equal (zloom_ranges_remove (&ranges, 0, UINT64_MAX), 0);
    zloom_ranges_clear (&ranges);
    zloom_ranges_fini (&ranges);
}

static void
test_adding_merges (void **state)
{
    (void) state;
    char text[256];
    zloom_ranges_t ranges = {0};
    assert_int_equal (zloom_ranges_add (&ranges, 10, 12), 3);
    assert_int_equal (zloom_ranges_add (&ranges, 20, 20), 1);
    assert_string_equal (s_text (&ranges, text), "10-12 20-20");
    assert_int_equal (zloom_ranges_add (&ranges, 13, 13), 1); /* a neighbour behind */
    assert_int_equal (zloom_ranges_add (&ranges, 9, 9), 1);   /* and before */
    assert_string_equal (s_text (&ranges, text), "9-13 20-20");
    assert_int_equal (zloom_ranges_add (&ranges, 11, 12), 0);
    assert_int_equal (zloom_ranges_add (&ranges, 14, 19), 6);
    assert_string_equal (s_text (&ranges, text), "9-20");
    zloom_ranges_add (&ranges, 30, 30);
    zloom_ranges_add (&ranges, 40, 45);
    zloom_ranges_add (&ranges, 1, 2);
    assert_int_equal (zloom_ranges_add (&ranges, 5, 42), 38 - 12 - 1 - 3);
    assert_string_equal (s_text (&ranges, text), "1-2 5-45");
    assert_int_equal (ranges.total, 43);
    assert_int_equal (zloom_ranges_add (&ranges, 8, 7), 0); /* nothing at all */
    zloom_ranges_fini (&ranges);
}

static void
test_removing_splits (void **state)
{
    (void) state;
    char text[256];
    zloom_ranges_t ranges = {0};
    zloom_ranges_add (&ranges, 10, 30);
    assert_int_equal (zloom_ranges_remove (&ranges, 15, 17), 3);
    assert_string_equal (s_text (&ranges, text), "10-14 18-30");
    assert_int_equal (zloom_ranges_remove (&ranges, 15, 17), 0);
    assert_int_equal (zloom_ranges_remove (&ranges, 5, 10), 1);
    assert_int_equal (zloom_ranges_remove (&ranges, 30, 99), 1);
    assert_string_equal (s_text (&ranges, text), "11-14 18-29");
    assert_int_equal (zloom_ranges_remove (&ranges, 14, 18), 2);
    assert_string_equal (s_text (&ranges, text), "11-13 19-29");
    assert_int_equal (zloom_ranges_remove (&ranges, 8, 7), 0);
    assert_int_equal (zloom_ranges_remove (&ranges, 0, UINT64_MAX), 14);
    assert_string_equal (s_text (&ranges, text), "");
    assert_int_equal (ranges.total, 0);
    zloom_ranges_fini (&ranges);
}

static void
test_has_find_take (void **state)
{
    (void) state;
    zloom_ranges_t ranges = {0};
    zloom_range_t range = {0, 0};
    zloom_ranges_add (&ranges, 10, 19);
    zloom_ranges_add (&ranges, 30, 31);
    assert_true (zloom_ranges_has (&ranges, 10));
    assert_true (zloom_ranges_has (&ranges, 19));
    assert_false (zloom_ranges_has (&ranges, 9));
    assert_false (zloom_ranges_has (&ranges, 20));
    assert_true (zloom_ranges_find (&ranges, 0, &range));
    assert_true (range.first == 10 && range.last == 19);
    assert_true (zloom_ranges_find (&ranges, 15, &range));
    assert_true (range.first == 15 && range.last == 19);
    assert_true (zloom_ranges_find (&ranges, 20, &range));
    assert_true (range.first == 30 && range.last == 31);
    assert_false (zloom_ranges_find (&ranges, 32, &range));
    assert_false (zloom_ranges_take (&ranges, 0, &range));
    assert_true (zloom_ranges_take (&ranges, 4, &range));
    assert_true (range.first == 10 && range.last == 13);
    assert_int_equal (ranges.total, 8);
    assert_true (zloom_ranges_take (&ranges, 6, &range));
    assert_true (range.first == 14 && range.last == 19);
    assert_true (zloom_ranges_take (&ranges, UINT64_MAX, &range)); /* one range at a time */
    assert_true (range.first == 30 && range.last == 31);
    assert_false (zloom_ranges_take (&ranges, 1, &range));
    zloom_ranges_fini (&ranges);
}

static void
test_the_ends_of_the_numbers (void **state)
{
    (void) state;
    zloom_ranges_t ranges = {0};
    zloom_range_t range;
    assert_int_equal (zloom_ranges_add (&ranges, UINT64_MAX, UINT64_MAX), 1);
    assert_int_equal (zloom_ranges_add (&ranges, 0, 0), 1);
    assert_int_equal (ranges.count, 2);
    assert_true (zloom_ranges_has (&ranges, UINT64_MAX));
    assert_int_equal (zloom_ranges_add (&ranges, UINT64_MAX - 1, UINT64_MAX), 1);
    assert_true (zloom_ranges_add (&ranges, 1, UINT64_MAX - 3) == UINT64_MAX - 3);
    assert_int_equal (ranges.count, 2);
    assert_true (ranges.total == UINT64_MAX);
    assert_true (zloom_ranges_take (&ranges, UINT64_MAX, &range));
    assert_true (range.first == 0 && range.last == UINT64_MAX - 3);
    assert_int_equal (zloom_ranges_remove (&ranges, UINT64_MAX, UINT64_MAX), 1);
    assert_false (zloom_ranges_has (&ranges, UINT64_MAX));
    assert_true (zloom_ranges_has (&ranges, UINT64_MAX - 1));
    zloom_ranges_fini (&ranges);
}

static void
test_the_front_costs_no_shifting (void **state)
{
    (void) state;
    enum { N = 200000 };
    zloom_ranges_t ranges = {0};
    zloom_range_t range;
    for (uint64_t i = 0; i < N; i++) { /* at the front, from high to low */
        zloom_ranges_add (&ranges, (N - i) * 2, (N - i) * 2);
    }
    assert_int_equal (ranges.count, N);
    for (uint64_t i = 1; i <= N; i++) { /* off the front, and one onto the back */
        assert_true (zloom_ranges_take (&ranges, 1, &range));
        assert_true (range.first == i * 2);
        zloom_ranges_add (&ranges, (N + i) * 2, (N + i) * 2);
    }
    assert_int_equal (ranges.count, N);
    assert_true (ranges.capacity <= N * 8);
    zloom_ranges_remove (&ranges, 0, N * 4 - 20);
    assert_int_equal (ranges.count, 10);
    assert_true (ranges.capacity <= 100); /* memory is given back */
    zloom_ranges_clear (&ranges);
    assert_int_equal (ranges.total, 0);
    assert_false (zloom_ranges_has (&ranges, N * 4));
    zloom_ranges_fini (&ranges);
}

/* A window of numbers that starts at `base`, one flag each. */
enum { WINDOW = 256 };

typedef struct {
    uint64_t base;
    bool has[WINDOW];
} model_t;

static void
s_compare (const zloom_ranges_t *ranges, const model_t *model)
{
    uint64_t total = 0;
    size_t runs = 0;
    for (size_t i = 0; i < WINDOW; i++) {
        total += model->has[i];
        runs += model->has[i] && (i == 0 || !model->has[i - 1]);
        assert_int_equal (zloom_ranges_has (ranges, model->base + i), model->has[i]);
    }
    assert_true (ranges->total == total);
    assert_int_equal (ranges->count, runs); /* merged: as many ranges as there are runs */
    assert_true (ranges->head + ranges->count <= ranges->capacity);
    for (size_t i = 0; i < ranges->count; i++) {
        const zloom_range_t *range = zloom_ranges_at (ranges, i);
        assert_true (range->first <= range->last);
        assert_true (i == 0 || range->first > zloom_ranges_at (ranges, i - 1)->last + 1);
    }
}

/* Set [from, to] in the model; returns how many changed. */
static uint64_t
s_model_set (model_t *model, size_t from, size_t to, bool value)
{
    uint64_t changed = 0;
    for (size_t i = from; i <= to; i++) {
        changed += model->has[i] != value;
        model->has[i] = value;
    }
    return changed;
}

static void
s_check_find (const zloom_ranges_t *ranges, const model_t *model, size_t from)
{
    size_t first = from;
    while (first < WINDOW && !model->has[first]) {
        first++;
    }
    size_t last = first;
    while (last + 1 < WINDOW && model->has[last + 1]) {
        last++;
    }
    zloom_range_t range;
    bool found = zloom_ranges_find (ranges, model->base + from, &range);
    assert_int_equal (found, first < WINDOW);
    if (found) {
        assert_true (range.first == model->base + first && range.last == model->base + last);
    }
}

static void
s_check_take (zloom_ranges_t *ranges, model_t *model, uint64_t most)
{
    size_t first = 0;
    while (first < WINDOW && !model->has[first]) {
        first++;
    }
    zloom_range_t range;
    bool took = zloom_ranges_take (ranges, most, &range);
    assert_int_equal (took, first < WINDOW && most > 0);
    if (took) {
        assert_true (range.first == model->base + first);
        uint64_t taken = range.last - range.first + 1;
        assert_true (taken <= most);
        size_t last = first + (size_t) taken - 1;
        assert_true (taken == most || last + 1 == WINDOW || !model->has[last + 1]);
        assert_true (s_model_set (model, first, last, false) == taken);
    }
}

static void
test_against_a_model (void **state)
{
    (void) state;
    static const uint64_t bases[] = {0, UINT64_C (1) << 40, UINT64_MAX - WINDOW + 1};
    zloom_random_t random;
    helper_seed (&random);
    for (size_t run = 0; run < 90; run++) {
        zloom_ranges_t ranges = {0};
        model_t model = {.base = bases[run % COUNT (bases)]};
        uint64_t longest = 1 + zloom_random_below (&random, run % 2 ? 4 : 60);
        for (int step = 0; step < 600; step++) {
            size_t from = (size_t) zloom_random_below (&random, WINDOW);
            size_t to = from + (size_t) zloom_random_below (&random, longest);
            to = to < WINDOW ? to : WINDOW - 1;
            uint64_t first = model.base + from;
            uint64_t last = model.base + to;
            switch (zloom_random_below (&random, 8)) {
            case 0:
                s_check_take (&ranges, &model, zloom_random_below (&random, 20));
                break;
            case 1:
                s_check_find (&ranges, &model, from);
                break;
            case 2:
            case 3:
            case 4:
                assert_true (zloom_ranges_remove (&ranges, first, last) ==
                             s_model_set (&model, from, to, false));
                break;
            default:
                assert_true (zloom_ranges_add (&ranges, first, last) ==
                             s_model_set (&model, from, to, true));
                break;
            }
            s_compare (&ranges, &model);
        }
        zloom_ranges_fini (&ranges);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_an_empty_set),
      cmocka_unit_test (test_adding_merges),
      cmocka_unit_test (test_removing_splits),
      cmocka_unit_test (test_has_find_take),
      cmocka_unit_test (test_the_ends_of_the_numbers),
      cmocka_unit_test (test_the_front_costs_no_shifting),
      cmocka_unit_test (test_against_a_model),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
