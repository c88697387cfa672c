/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <pthread.h>

#include "base/bytes.h"

typedef struct {
    void *data;
    int freed;
} owner_t;

static void
s_free (void *data, void *hint)
{
    owner_t *owner = hint;
    owner->data = data;
    owner->freed++;
}

static void
test_a_blob_has_its_own_copy (void **state)
{
    (void) state;
    char text[] = "hello";
    zloom_blob_t *blob = zloom_blob_new (text, 5);
    text[0] = 'J';
    assert_true (zloom_bytes_equal (zloom_blob_bytes (blob), zloom_bytes_text ("hello")));
    zloom_blob_unref (&blob);
    assert_null (blob);
    zloom_blob_unref (&blob);
}

static void
test_an_empty_blob_is_not_unset (void **state)
{
    (void) state;
    zloom_buf_t none = {0};
    zloom_blob_t *blobs[] = {zloom_blob_new (NULL, 0), zloom_blob_new_from_buf (&none),
                             zloom_blob_new_extern (NULL, 0, NULL, NULL)};
    for (size_t i = 0; i < COUNT (blobs); i++) {
        assert_int_equal (zloom_blob_bytes (blobs[i]).size, 0);
        assert_non_null (zloom_blob_bytes (blobs[i]).data);
        zloom_blob_unref (&blobs[i]);
    }
}

static void
test_an_empty_one_is_filled (void **state)
{
    (void) state;
    uint8_t *at = NULL;
    zloom_blob_t *blob = zloom_blob_new_empty (1 << 20, &at);
    assert_int_equal ((uintptr_t) at % _Alignof(max_align_t), 0);
    memset (at, 'z', 1 << 20);
    assert_int_equal (zloom_blob_bytes (blob).size, 1 << 20);
    assert_int_equal (zloom_blob_bytes (blob).data[(1 << 20) - 1], 'z');
    zloom_blob_unref (&blob);
}

static void
test_a_part_keeps_the_whole (void **state)
{
    (void) state;
    static const char text[] = "one two";
    owner_t owner = {NULL, 0};
    uint8_t *own = NULL;
    zloom_blob_t *whole = zloom_blob_new_extern (text, 7, s_free, &owner);
    zloom_blob_t *part = zloom_blob_new_part (whole, zloom_bytes (text + 4, 3), 5, &own);
    memcpy (own, "aside", 5); /* NOLINT(bugprone-not-null-terminated-result) */
    zloom_blob_unref (&whole);
    assert_int_equal (owner.freed, 0);
    assert_true (zloom_bytes_equal (zloom_blob_bytes (part), zloom_bytes_text ("two")));
    assert_memory_equal (own, "aside", 5);
    zloom_blob_unref (&part);
    assert_int_equal (owner.freed, 1);
}

static void
test_a_part_of_nothing (void **state)
{
    (void) state;
    uint8_t *own = NULL;
    zloom_blob_t *part = zloom_blob_new_part (NULL, ZLOOM_BYTES_NULL, 2, &own);
    memcpy (own, "ab", 2); /* NOLINT(bugprone-not-null-terminated-result) */
    assert_int_equal (zloom_blob_bytes (part).size, 0);
    assert_non_null (zloom_blob_bytes (part).data);
    zloom_blob_unref (&part);
}

static void
test_the_last_reference_frees (void **state)
{
    (void) state;
    static const char text[] = "borrowed";
    owner_t owner = {NULL, 0};
    zloom_blob_t *blob = zloom_blob_new_extern (text, 8, s_free, &owner);
    assert_ptr_equal (zloom_blob_bytes (blob).data, text);
    zloom_blob_t *second = zloom_blob_ref (blob);
    assert_ptr_equal (second, blob);
    zloom_blob_unref (&blob);
    assert_null (blob);
    assert_int_equal (owner.freed, 0);
    assert_true (zloom_bytes_equal (zloom_blob_bytes (second), zloom_bytes_text ("borrowed")));
    zloom_blob_unref (&second);
    assert_int_equal (owner.freed, 1);
    assert_ptr_equal (owner.data, text);
}

static void
test_a_buffer_is_taken_without_copying (void **state)
{
    (void) state;
    zloom_buf_t buf = {0};
    zloom_buf_add_text (&buf, "content");
    const uint8_t *data = buf.data;
    zloom_blob_t *blob = zloom_blob_new_from_buf (&buf);
    assert_null (buf.data);
    assert_int_equal (buf.size + buf.capacity, 0);
    assert_ptr_equal (zloom_blob_bytes (blob).data, data);
    assert_int_equal (zloom_blob_bytes (blob).size, 7);
    zloom_buf_add_text (&buf, "anew");
    assert_true (zloom_bytes_equal (zloom_blob_bytes (blob), zloom_bytes_text ("content")));
    zloom_blob_unref (&blob);
    zloom_buf_fini (&buf);
}

static void *
s_ref_and_unref (void *arg)
{
    zloom_blob_t *mine = arg;
    for (int i = 0; i < 20000; i++) {
        zloom_blob_t *more = zloom_blob_ref (mine);
        zloom_blob_unref (&more);
    }
    zloom_blob_unref (&mine);
    return NULL;
}

static void
test_counting_from_many_threads (void **state)
{
    (void) state;
    owner_t owner = {NULL, 0};
    zloom_blob_t *blob = zloom_blob_new_extern ("x", 1, s_free, &owner);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT (threads); i++) {
        assert_int_equal (
          pthread_create (&threads[i], NULL, s_ref_and_unref, zloom_blob_ref (blob)), 0);
    }
    for (size_t i = 0; i < COUNT (threads); i++) {
        assert_int_equal (pthread_join (threads[i], NULL), 0);
    }
    assert_int_equal (owner.freed, 0);
    zloom_blob_unref (&blob);
    assert_int_equal (owner.freed, 1);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_blob_has_its_own_copy),
      cmocka_unit_test (test_an_empty_blob_is_not_unset),
      cmocka_unit_test (test_an_empty_one_is_filled),
      cmocka_unit_test (test_a_part_keeps_the_whole),
      cmocka_unit_test (test_a_part_of_nothing),
      cmocka_unit_test (test_the_last_reference_frees),
      cmocka_unit_test (test_a_buffer_is_taken_without_copying),
      cmocka_unit_test (test_counting_from_many_threads),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
