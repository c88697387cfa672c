/* SPDX-License-Identifier: MPL-2.0 */
#include "helper.h"

#include <pthread.h>

#include "base/hash.h"

static void
test_known_hashes (void **state)
{
    (void) state;
    static const struct {
        uint64_t key[2];
        const char *text;
        uint64_t hash;
    } cases[] = {
      {{0, 0}, "", UINT64_C (0xD1FBA762150C532C)},
      {{0, 0}, "a", UINT64_C (0x407448D2B89B1813)},
      {{0, 0}, "abcdefg", UINT64_C (0x6DB12AAE9070F506)},
      {{0, 0}, "abcdefgh", UINT64_C (0x3F7B849C0B8E35EA)},
      {{0, 0}, "zloom: a longer key of 33 bytes!!", UINT64_C (0x14E6A2AD11DC854A)},
      {{UINT64_C (0x0706050403020100), UINT64_C (0x0F0E0D0C0B0A0908)},
       "",
       UINT64_C (0xABAC0158050FC4DC)},
    };
    for (size_t i = 0; i < COUNT (cases); i++) {
        uint64_t hash = zloom_hash_keyed (cases[i].key, zloom_bytes_text (cases[i].text));
        assert_true (hash == cases[i].hash);
    }
}

static void
test_a_number_hashes_as_its_bytes (void **state)
{
    (void) state;
    static const uint64_t numbers[] = {0, 1, 255, UINT64_C (0x8877665544332211), UINT64_MAX};
    for (size_t i = 0; i < COUNT (numbers); i++) {
        uint8_t at[8];
        zloom_put_u64 (at, numbers[i]);
        assert_true (zloom_hash_number (numbers[i]) == zloom_hash (zloom_bytes (at, 8)));
    }
}

static void *
s_hash (void *arg)
{
    uint64_t *hash = arg;
    *hash = zloom_hash (zloom_bytes_text ("orders"));
    return NULL;
}

static void
test_all_threads_share_a_key (void **state)
{
    (void) state;
    pthread_t threads[4];
    uint64_t hashes[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (pthread_create (&threads[i], NULL, s_hash, &hashes[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal (pthread_join (threads[i], NULL), 0);
        assert_true (hashes[i] == zloom_hash (zloom_bytes_text ("orders")));
    }
}

static void
test_the_key_is_not_a_constant (void **state)
{
    (void) state;
    static const uint64_t zero[2];
    zloom_bytes_t text = zloom_bytes_text ("orders");
    assert_true (zloom_hash (text) != zloom_hash_keyed (zero, text));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known_hashes),
      cmocka_unit_test (test_a_number_hashes_as_its_bytes),
      cmocka_unit_test (test_all_threads_share_a_key),
      cmocka_unit_test (test_the_key_is_not_a_constant),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
