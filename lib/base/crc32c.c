/* SPDX-License-Identifier: MPL-2.0 */
/*
 * crc32c.c - the SSE4.2 instruction eats eight bytes at a time; elsewhere eight table look-ups do
 * ("slicing-by-8", Kounavis and Berry, 2005). Both work on the inverted register.
 *
 * The instruction gives its result three cycles later but can begin every cycle. So three lanes run
 * side by side over bytes of equal length, and are put together: the register is linear, so what a
 * lane's bytes do to it is what as many zeros do, plus the lane's own sum.
 */
#include "base/crc32c.h"

#include <pthread.h>

#include "base/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define POLYNOMIAL_REVERSED 0x82F63B78u

static pthread_once_t s_once = PTHREAD_ONCE_INIT;
/* s_table[n][b]: what the byte b does to the register when n zero bytes follow it. */
static uint32_t s_table[8][256];

static void
s_fill_table (void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL_REVERSED : 0);
        }
        s_table[0][byte] = crc;
    }
    for (size_t n = 1; n < 8; n++) {
        for (size_t byte = 0; byte < 256; byte++) {
            uint32_t crc = s_table[n - 1][byte];
            s_table[n][byte] = (crc >> 8) ^ s_table[0][crc & 0xFF];
        }
    }
}

uint32_t
zloom_crc32c_portable (uint32_t crc, const void *data, size_t size)
{
    pthread_once (&s_once, s_fill_table);
    const uint8_t *at = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word = zloom_get_u64 (at) ^ crc;
        crc = 0;
        for (unsigned n = 0; n < 8; n++) {
            crc ^= s_table[7 - n][(word >> (8 * n)) & 0xFF];
        }
    }
    for (; size > 0; size--, at++) {
        crc = (crc >> 8) ^ s_table[0][(crc ^ *at) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)
/* Bytes of a lane: the long ones for bulk, the short ones for what is left and for small packs. */
enum { LONG_BYTES = 4096, SHORT_BYTES = 256 };

/* What so many zero bytes do to each byte of the register. */
typedef struct {
    uint32_t of[4][256];
} zeros_t;

static pthread_once_t s_zeros_once = PTHREAD_ONCE_INIT;
static zeros_t s_long;
static zeros_t s_short;

static void
s_fill_zeros (zeros_t *zeros, size_t bytes)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t crc = UINT32_C (1) << bit;
        for (size_t i = 0; i < bytes; i++) {
            crc = (crc >> 8) ^ s_table[0][crc & 0xFF];
        }
        zeros->of[bit / 8][1u << bit % 8] = crc;
    }
    for (size_t place = 0; place < 4; place++) {
        for (unsigned byte = 1; byte < 256; byte++) {
            const unsigned lowest = byte & -byte;
            zeros->of[place][byte] = zeros->of[place][lowest] ^ zeros->of[place][byte ^ lowest];
        }
    }
}

static void
s_fill_both (void)
{
    pthread_once (&s_once, s_fill_table);
    s_fill_zeros (&s_long, LONG_BYTES);
    s_fill_zeros (&s_short, SHORT_BYTES);
}

static uint64_t
s_behind_zeros (const zeros_t *zeros, uint64_t crc)
{
    return zeros->of[0][crc & 0xFF] ^ zeros->of[1][crc >> 8 & 0xFF] ^
           zeros->of[2][crc >> 16 & 0xFF] ^ zeros->of[3][crc >> 24 & 0xFF];
}

/* Three lanes of so many bytes. */
static inline uint64_t __attribute__ ((target ("sse4.2")))
s_three_lanes (uint64_t crc, const uint8_t *at, size_t bytes, const zeros_t *zeros)
{
    uint64_t second = 0;
    uint64_t third = 0;
    for (const uint8_t *end = at + bytes; at < end; at += 8) {
        crc = _mm_crc32_u64 (crc, zloom_get_u64 (at));
        second = _mm_crc32_u64 (second, zloom_get_u64 (at + bytes));
        third = _mm_crc32_u64 (third, zloom_get_u64 (at + 2 * bytes));
    }
    return s_behind_zeros (zeros, s_behind_zeros (zeros, crc) ^ second) ^ third;
}

static uint32_t __attribute__ ((target ("sse4.2")))
s_hardware (uint32_t crc, const uint8_t *at, size_t size)
{
    uint64_t wide = (uint32_t) ~crc;
    if (size >= 3 * (size_t) SHORT_BYTES) {
        pthread_once (&s_zeros_once, s_fill_both);
        for (; size >= 3 * (size_t) LONG_BYTES; size -= 3 * LONG_BYTES, at += 3 * LONG_BYTES) {
            wide = s_three_lanes (wide, at, LONG_BYTES, &s_long);
        }
        for (; size >= 3 * (size_t) SHORT_BYTES; size -= 3 * SHORT_BYTES, at += 3 * SHORT_BYTES) {
            wide = s_three_lanes (wide, at, SHORT_BYTES, &s_short);
        }
    }
    for (; size >= 8; size -= 8, at += 8) {
        wide = _mm_crc32_u64 (wide, zloom_get_u64 (at));
    }
    crc = (uint32_t) wide;
    for (; size > 0; size--, at++) {
        crc = _mm_crc32_u8 (crc, *at);
    }
    return ~crc;
}
#endif

uint32_t
zloom_crc32c (uint32_t crc, const void *data, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports ("sse4.2")) {
        return s_hardware (crc, data, size);
    }
#endif
    return zloom_crc32c_portable (crc, data, size);
}
