/* SPDX-License-Identifier: MPL-2.0 */
/* hash.c - SipHash-1-3 under a key that is drawn once a process. */
#include <pthread.h>

#include "base/hash.h"
#include "base/random.h"

static pthread_once_t s_once = PTHREAD_ONCE_INIT;
static uint64_t s_key[2];

static void
s_draw_key (void)
{
    zloom_random_system (s_key, sizeof s_key);
}

static inline uint64_t
s_rotate (uint64_t word, unsigned by)
{
    return (word << by) | (word >> (64 - by));
}

static inline void
s_round (uint64_t v[4])
{
    v[0] += v[1];
    v[1] = s_rotate (v[1], 13) ^ v[0];
    v[0] = s_rotate (v[0], 32);
    v[2] += v[3];
    v[3] = s_rotate (v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = s_rotate (v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = s_rotate (v[1], 17) ^ v[2];
    v[2] = s_rotate (v[2], 32);
}

static inline void
s_start (uint64_t v[4], const uint64_t key[2])
{
    v[0] = key[0] ^ UINT64_C (0x736F6D6570736575);
    v[1] = key[1] ^ UINT64_C (0x646F72616E646F6D);
    v[2] = key[0] ^ UINT64_C (0x6C7967656E657261);
    v[3] = key[1] ^ UINT64_C (0x7465646279746573);
}

static inline void
s_word (uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    s_round (v);
    v[0] ^= word;
}

static inline uint64_t
s_finish (uint64_t v[4])
{
    v[2] ^= 0xFF;
    s_round (v);
    s_round (v);
    s_round (v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
zloom_hash_keyed (const uint64_t key[2], zloom_bytes_t bytes)
{
    uint64_t v[4];
    s_start (v, key);
    size_t whole = bytes.size / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        s_word (v, zloom_get_u64 (bytes.data + i));
    }
    uint64_t last = (uint64_t) bytes.size << 56;
    for (size_t i = whole; i < bytes.size; i++) {
        last |= (uint64_t) bytes.data[i] << (8 * (i - whole));
    }
    s_word (v, last);
    return s_finish (v);
}

uint64_t
zloom_hash (zloom_bytes_t bytes)
{
    pthread_once (&s_once, s_draw_key);
    return zloom_hash_keyed (s_key, bytes);
}

void
zloom_hash_key (uint64_t key[2])
{
    pthread_once (&s_once, s_draw_key);
    key[0] = s_key[0];
    key[1] = s_key[1];
}
