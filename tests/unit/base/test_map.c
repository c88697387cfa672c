/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <stdio.h>

#include "base/map.h"

static int s_values[1000]; /* something to point at */

static void
test_an_empty_map (void **state)
{
    (void) state;
    zloom_map_t *map = zloom_map_new ();
    size_t cursor = 0;
    assert_int_equal (zloom_map_count (map), 0);
    assert_null (zloom_map_get (map, zloom_bytes_text ("a")));
    assert_null (zloom_map_remove (map, zloom_bytes_text ("a")));
    assert_false (zloom_map_next (map, &cursor, NULL, NULL));
    zloom_map_destroy (&map);
    assert_null (map);
    zloom_map_destroy (&map);
}

static void
test_put_get_replace_remove (void **state)
{
    (void) state;
    zloom_map_t *map = zloom_map_new ();
    char key[] = "orders";
    assert_null (zloom_map_put (map, zloom_bytes_text (key), &s_values[0]));
    key[0] = 'x'; /* the map has its own copy */
    assert_ptr_equal (zloom_map_get (map, zloom_bytes_text ("orders")), &s_values[0]);
    assert_null (zloom_map_get (map, zloom_bytes_text (key)));
    assert_null (zloom_map_get (map, zloom_bytes_text ("order")));
    assert_ptr_equal (zloom_map_put (map, zloom_bytes_text ("orders"), &s_values[1]), s_values);
    assert_int_equal (zloom_map_count (map), 1);
    assert_ptr_equal (zloom_map_remove (map, zloom_bytes_text ("orders")), &s_values[1]);
    assert_null (zloom_map_get (map, zloom_bytes_text ("orders")));
    assert_null (zloom_map_remove (map, zloom_bytes_text ("orders")));
    assert_int_equal (zloom_map_count (map), 0);
    zloom_map_destroy (&map);
}

static void
test_keys_are_bytes (void **state)
{
    (void) state;
    zloom_map_t *map = zloom_map_new ();
    const zloom_bytes_t keys[] = {zloom_bytes ("", 0), zloom_bytes ("\0", 1),
                                  zloom_bytes ("\0\0", 2), zloom_bytes ("a\0b", 3),
                                  zloom_bytes ("a", 1)};
    for (size_t i = 0; i < COUNT (keys); i++) {
        assert_null (zloom_map_put (map, keys[i], &s_values[i]));
    }
    for (size_t i = 0; i < COUNT (keys); i++) {
        assert_ptr_equal (zloom_map_get (map, keys[i]), &s_values[i]);
    }
    assert_ptr_equal (zloom_map_get (map, ZLOOM_BYTES_NULL), &s_values[0]);
    zloom_map_destroy (&map);
}

static void
test_steps_in_insertion_order (void **state)
{
    (void) state;
    zloom_map_t *map = zloom_map_new ();
    char key[16];
    for (size_t i = 0; i < 500; i++) {
        snprintf (key, sizeof key, "key-%zu", i * 7919 % 500);
        zloom_map_put (map, zloom_bytes_text (key), &s_values[i]);
    }
    zloom_map_put (map, zloom_bytes_text ("key-0"), &s_values[999]); /* keeps its place */
    size_t i = 0;
    zloom_bytes_t seen;
    void *value = NULL;
    for (size_t cursor = 0; zloom_map_next (map, &cursor, &seen, &value); i++) {
        snprintf (key, sizeof key, "key-%zu", i * 7919 % 500);
        assert_true (zloom_bytes_equal (seen, zloom_bytes_text (key)));
        assert_ptr_equal (value, i == 0 ? &s_values[999] : &s_values[i]);
    }
    assert_int_equal (i, 500);
    zloom_map_destroy (&map);
}

static void
test_removing_while_stepping (void **state)
{
    (void) state;
    for (size_t keep = 1; keep < 5; keep++) {
        zloom_map_t *map = zloom_map_new ();
        for (size_t i = 0; i < 100; i++) {
            zloom_map_put (map, zloom_bytes (&i, sizeof i), &s_values[i]);
        }
        size_t steps = 0;
        zloom_bytes_t key;
        void *value = NULL;
        for (size_t cursor = 0; zloom_map_next (map, &cursor, &key, &value); steps++) {
            assert_ptr_equal (value, &s_values[steps]);
            if (steps % keep == 0) {
                assert_ptr_equal (zloom_map_remove (map, key), value);
            }
        }
        assert_int_equal (steps, 100);
        assert_int_equal (zloom_map_count (map), 100 - (100 + keep - 1) / keep);
        zloom_map_destroy (&map);
    }
}

/* What the map should hold: keys 0..255 of different lengths, in the order of `stamp`. */
typedef struct {
    void *value[256];
    uint64_t stamp[256];
    uint64_t next_stamp;
    size_t count;
} model_t;

static zloom_bytes_t
s_model_key (size_t number, char text[300])
{
    memset (text, 'k', 300);
    text[0] = (char) number;
    return zloom_bytes (text, 1 + number % 40);
}

static void
s_compare (const zloom_map_t *map, const model_t *model)
{
    uint64_t last = 0;
    size_t count = 0;
    zloom_bytes_t key;
    void *value = NULL;
    for (size_t cursor = 0; zloom_map_next (map, &cursor, &key, &value); count++) {
        size_t number = key.data[0];
        assert_ptr_equal (value, model->value[number]);
        assert_int_equal (key.size, 1 + number % 40);
        assert_true (count == 0 || model->stamp[number] > last);
        last = model->stamp[number];
    }
    assert_int_equal (count, model->count);
    assert_int_equal (zloom_map_count (map), model->count);
}

static void
test_against_a_model (void **state)
{
    (void) state;
    zloom_random_t random;
    helper_seed (&random);
    for (int run = 0; run < 50; run++) {
        zloom_map_t *map = zloom_map_new ();
        model_t model = {.count = 0};
        uint64_t puts = 1 + zloom_random_below (&random, 9); /* of ten: growing and shrinking */
        uint64_t keys = 1 + zloom_random_below (&random, 256);
        for (int step = 0; step < 2000; step++) {
            char text[300];
            size_t number = (size_t) zloom_random_below (&random, keys);
            zloom_bytes_t key = s_model_key (number, text);
            void *expected = model.value[number];
            assert_ptr_equal (zloom_map_get (map, key), expected);
            if (zloom_random_below (&random, 10) < puts) {
                void *value = &s_values[zloom_random_below (&random, 1000)];
                assert_ptr_equal (zloom_map_put (map, key, value), expected);
                model.value[number] = value;
                if (!expected) {
                    model.stamp[number] = model.next_stamp++;
                    model.count++;
                }
            } else {
                assert_ptr_equal (zloom_map_remove (map, key), expected);
                model.value[number] = NULL;
                model.count -= expected ? 1 : 0;
            }
            if (step % 50 == 0) {
                s_compare (map, &model);
                puts = 1 + zloom_random_below (&random, 9);
            }
        }
        s_compare (map, &model);
        zloom_map_destroy (&map);
    }
}

static void
s_put_null (void)
{
    zloom_map_t *map = zloom_map_new ();
    zloom_map_put (map, zloom_bytes_text ("a"), NULL);
}

static void
test_misuse_stops (void **state)
{
    (void) state;
    helper_expect_abort (s_put_null, "assertion failed: value");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_an_empty_map),
      cmocka_unit_test (test_put_get_replace_remove),
      cmocka_unit_test (test_keys_are_bytes),
      cmocka_unit_test (test_steps_in_insertion_order),
      cmocka_unit_test (test_removing_while_stepping),
      cmocka_unit_test (test_against_a_model),
      cmocka_unit_test (test_misuse_stops),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
