/* SPDX-License-Identifier: MPL-2.0 */
/*
 * crc32c.c - the SSE4.2 instruction eats eight bytes at a time; elsewhere eight table look-ups do
 * ("slicing-by-8", Kounavis and Berry, 2005). Both work on the inverted register.
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
static uint32_t __attribute__ ((target ("sse4.2")))
s_hardware (uint32_t crc, const uint8_t *at, size_t size)
{
    uint64_t wide = (uint32_t) ~crc;
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
