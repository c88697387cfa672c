/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/map.h"

static int s_values[1000]; /* something to point at */

static void
test_an_empty_map (void **state)
{
    (void) state;
    zloom_idmap_t *map = zloom_idmap_new ();
    size_t cursor = 0;
    assert_int_equal (zloom_idmap_count (map), 0);
    assert_null (zloom_idmap_get (map, 0));
    assert_null (zloom_idmap_remove (map, 0));
    assert_false (zloom_idmap_next (map, &cursor, NULL, NULL));
    zloom_idmap_destroy (&map);
    assert_null (map);
    zloom_idmap_destroy (&map);
}

static void
test_put_get_replace_remove (void **state)
{
    (void) state;
    zloom_idmap_t *map = zloom_idmap_new ();
    assert_null (zloom_idmap_put (map, 0, &s_values[0]));
    assert_null (zloom_idmap_put (map, UINT64_MAX, &s_values[1]));
    assert_ptr_equal (zloom_idmap_get (map, 0), &s_values[0]);
    assert_ptr_equal (zloom_idmap_get (map, UINT64_MAX), &s_values[1]);
    assert_null (zloom_idmap_get (map, 1));
    assert_ptr_equal (zloom_idmap_put (map, 0, &s_values[2]), &s_values[0]);
    assert_int_equal (zloom_idmap_count (map), 2);
    assert_ptr_equal (zloom_idmap_remove (map, 0), &s_values[2]);
    assert_null (zloom_idmap_get (map, 0));
    assert_null (zloom_idmap_remove (map, 0));
    assert_int_equal (zloom_idmap_count (map), 1);
    zloom_idmap_destroy (&map);
}

static void
test_removing_while_stepping (void **state)
{
    (void) state;
    for (size_t keep = 1; keep < 5; keep++) {
        zloom_idmap_t *map = zloom_idmap_new ();
        for (size_t i = 0; i < 100; i++) {
            zloom_idmap_put (map, (uint64_t) i << 40, &s_values[i]);
        }
        size_t steps = 0;
        uint64_t key = 0;
        void *value = NULL;
        for (size_t cursor = 0; zloom_idmap_next (map, &cursor, &key, &value); steps++) {
            assert_ptr_equal (value, &s_values[steps]);
            assert_true (key == (uint64_t) steps << 40);
            if (steps % keep == 0) {
                assert_ptr_equal (zloom_idmap_remove (map, key), value);
            }
        }
        assert_int_equal (steps, 100);
        assert_int_equal (zloom_idmap_count (map), 100 - (100 + keep - 1) / keep);
        zloom_idmap_destroy (&map);
    }
}

static void
test_a_sliding_window (void **state)
{
    (void) state;
    /* As leases do: new ones at the end, the oldest leave first; the oldest is always next. */
    zloom_idmap_t *map = zloom_idmap_new ();
    for (uint64_t i = 0; i < 100000; i++) {
        zloom_idmap_put (map, i, &s_values[i % 1000]);
        if (i >= 300) {
            size_t cursor = 0;
            uint64_t oldest = 0;
            assert_true (zloom_idmap_next (map, &cursor, &oldest, NULL));
            assert_true (oldest == i - 300);
            assert_ptr_equal (zloom_idmap_remove (map, oldest), &s_values[oldest % 1000]);
        }
    }
    assert_int_equal (zloom_idmap_count (map), 300);
    zloom_idmap_destroy (&map);
}

/* What the map should hold: keys 0..255 spread by a factor, in the order of `stamp`. */
typedef struct {
    void *value[256];
    uint64_t stamp[256];
    uint64_t next_stamp;
    uint64_t factor;
    size_t count;
} model_t;

static void
s_compare (const zloom_idmap_t *map, const model_t *model)
{
    uint64_t last = 0;
    size_t count = 0;
    uint64_t key = 0;
    void *value = NULL;
    for (size_t cursor = 0; zloom_idmap_next (map, &cursor, &key, &value); count++) {
        uint64_t number = key / model->factor;
        assert_true (number < 256 && key % model->factor == 0);
        assert_ptr_equal (value, model->value[number]);
        assert_true (count == 0 || model->stamp[number] > last);
        last = model->stamp[number];
    }
    assert_int_equal (count, model->count);
    assert_int_equal (zloom_idmap_count (map), model->count);
}

static void
test_against_a_model (void **state)
{
    (void) state;
    zloom_random_t random;
    helper_seed (&random);
    for (int run = 0; run < 50; run++) {
        zloom_idmap_t *map = zloom_idmap_new ();
        model_t model = {.factor = UINT64_C (1) << zloom_random_below (&random, 56)};
        uint64_t puts = 5;
        uint64_t keys = 1 + zloom_random_below (&random, 256);
        for (int step = 0; step < 2000; step++) {
            uint64_t number = zloom_random_below (&random, keys);
            uint64_t key = number * model.factor;
            void *expected = model.value[number];
            assert_ptr_equal (zloom_idmap_get (map, key), expected);
            if (zloom_random_below (&random, 10) < puts) {
                void *value = &s_values[zloom_random_below (&random, 1000)];
                assert_ptr_equal (zloom_idmap_put (map, key, value), expected);
                model.value[number] = value;
                if (!expected) {
                    model.stamp[number] = model.next_stamp++;
                    model.count++;
                }
            } else {
                assert_ptr_equal (zloom_idmap_remove (map, key), expected);
                model.value[number] = NULL;
                model.count -= expected ? 1 : 0;
            }
            if (step % 50 == 0) {
                s_compare (map, &model);
                puts = 1 + zloom_random_below (&random, 9); /* of ten: growing and shrinking */
            }
        }
        s_compare (map, &model);
        zloom_idmap_destroy (&map);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_an_empty_map),
      cmocka_unit_test (test_put_get_replace_remove),
      cmocka_unit_test (test_removing_while_stepping),
      cmocka_unit_test (test_a_sliding_window),
      cmocka_unit_test (test_against_a_model),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
