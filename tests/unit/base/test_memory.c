/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include "base/memory.h"
#include "base/tag.h"

/* Under a sanitizer an allocation that is too big must fail as it does without. */
const char *__asan_default_options (void);
const char *__tsan_default_options (void);

const char *
__asan_default_options (void)
{
    return "allocator_may_return_null=1";
}

const char *
__tsan_default_options (void)
{
    return "allocator_may_return_null=1";
}

static void
test_alloc_is_zeroed (void **state)
{
    (void) state;
    static const char zeros[4096];
    for (size_t i = 0; i < 8; i++) { /* also memory that was used before */
        char *memory = zloom_alloc (sizeof zeros);
        assert_memory_equal (memory, zeros, sizeof zeros);
        memset (memory, 0xAA, sizeof zeros);
        free (memory);
    }
    void *nothing = zloom_alloc (0);
    assert_non_null (nothing);
    free (nothing);
}

static void
test_realloc_keeps_the_content (void **state)
{
    (void) state;
    uint32_t *numbers = zloom_realloc (NULL, 4, sizeof *numbers);
    for (uint32_t i = 0; i < 4; i++) {
        numbers[i] = i;
    }
    numbers = zloom_realloc (numbers, 100000, sizeof *numbers);
    numbers[99999] = 1;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal (numbers[i], i);
    }
    numbers = zloom_realloc (numbers, 0, sizeof *numbers);
    assert_non_null (numbers);
    free (numbers);
}

static void
test_copies (void **state)
{
    (void) state;
    assert_null (zloom_strdup (NULL));
    char *copy = zloom_strdup ("orders");
    assert_string_equal (copy, "orders");
    free (copy);
    copy = zloom_memdup_text ("a\0bcd", 4);
    assert_memory_equal (copy, "a\0bc", 5);
    free (copy);
    copy = zloom_memdup_text (NULL, 0);
    assert_string_equal (copy, "");
    free (copy);
}

static void
test_format (void **state)
{
    (void) state;
    char *text = zloom_format ("%s/%d", "orders", 42);
    assert_string_equal (text, "orders/42");
    free (text);
    text = zloom_format ("%5000d", 7);
    assert_int_equal (strlen (text), 5000);
    assert_int_equal (text[4999], '7');
    free (text);
}

static void
test_grow_doubles_and_keeps (void **state)
{
    (void) state;
    uint64_t *items = NULL;
    size_t capacity = 0;
    size_t moves = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t before = capacity;
        zloom_grow (&items, &capacity, i + 1, sizeof *items);
        assert_true (capacity > i);
        moves += capacity != before;
        items[i] = i;
    }
    assert_int_equal (capacity, 1024);
    assert_int_equal (moves, 8); /* 8, 16 … 1024 */
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal (items[i], i);
    }
    zloom_grow (&items, &capacity, 10, sizeof *items);
    assert_int_equal (capacity, 1024);
    free (items);
}

static void
test_a_ring_grows_in_order (void **state)
{
    (void) state;
    uint64_t *items = NULL;
    size_t capacity = 0;
    size_t head = 0;
    size_t count = 0;
    uint64_t next = 0;
    for (uint64_t last = 0; last < 1000; last++) {
        zloom_grow_ring (&items, &capacity, head, count, sizeof *items);
        zloom_assert (count < capacity);
        items[(head + count++) % capacity] = last;
        if (last % 3 == 0) { /* so that the ring is bent when it grows */
            assert_int_equal (items[head], next++);
            head = (head + 1) % capacity;
            count--;
        }
    }
    while (count-- > 0) {
        assert_int_equal (items[head], next++);
        head = (head + 1) % capacity;
    }
    assert_int_equal (next, 1000);
    assert_int_equal (capacity, 1024);
    free (items);
}

static void
s_count_overflows (void)
{
    volatile size_t count = SIZE_MAX / 2;
    free (zloom_realloc (NULL, count, 16));
}

static void
s_grow_overflows (void)
{
    char *items = NULL;
    size_t capacity = 0;
    volatile size_t need = SIZE_MAX;
    zloom_grow (&items, &capacity, need, 2);
}

static void
s_alloc_too_much (void)
{
    volatile size_t size = PTRDIFF_MAX / 2;
    free (zloom_alloc (size));
}

static void
test_out_of_memory_aborts_with_a_message (void **state)
{
    (void) state;
    helper_expect_abort (s_count_overflows, "zloom: out of memory");
    helper_expect_abort (s_grow_overflows, "zloom: out of memory");
    helper_expect_abort (s_alloc_too_much, "zloom: out of memory: 1 times 4611686018427387903");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_alloc_is_zeroed),
      cmocka_unit_test (test_realloc_keeps_the_content),
      cmocka_unit_test (test_copies),
      cmocka_unit_test (test_format),
      cmocka_unit_test (test_grow_doubles_and_keeps),
      cmocka_unit_test (test_a_ring_grows_in_order),
      cmocka_unit_test (test_out_of_memory_aborts_with_a_message),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
