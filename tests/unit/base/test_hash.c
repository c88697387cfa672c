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

/* Numbers that differ in any few bits, as ids do, spread over a table of any size. */
static void
test_numbers_spread (void **state)
{
    (void) state;
    static const uint64_t key[] = {UINT64_C (0x0706050403020100), UINT64_C (0x0f0e0d0c0b0a0908)};
    for (unsigned shift = 0; shift < 64; shift += 4) {
        uint32_t slots[256] = {0};
        uint32_t most = 0;
        for (uint64_t i = 0; i < 1024; i++) {
            uint32_t *slot = &slots[zloom_hash_number (key, i << shift) & 255];
            (*slot)++;
            most = *slot > most ? *slot : most;
        }
        /* Above, the shift leaves fewer numbers than there are. */
        assert_true (shift > 54 || most < 20);
    }
}

static void
test_numbers_depend_on_the_key (void **state)
{
    (void) state;
    uint64_t key[2];
    uint64_t again[2];
    zloom_hash_key (key);
    zloom_hash_key (again);
    assert_memory_equal (key, again, sizeof key);
    static const uint64_t other[] = {1, 2};
    assert_true (zloom_hash_number (key, 7) == zloom_hash_number (again, 7));
    assert_true (zloom_hash_number (key, 7) != zloom_hash_number (other, 7));
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
      cmocka_unit_test (test_numbers_spread),
      cmocka_unit_test (test_numbers_depend_on_the_key),
      cmocka_unit_test (test_all_threads_share_a_key),
      cmocka_unit_test (test_the_key_is_not_a_constant),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
