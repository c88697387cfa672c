/* SPDX-License-Identifier: MPL-2.0 */
/* hash.h - what map.c and idmap.c share beside zloom_hash of map.h. Any thread. */
#ifndef ZLOOM_BASE_HASH_H
#define ZLOOM_BASE_HASH_H

#include "base/map.h"

/* SipHash-1-3 of bytes under a given key. */
uint64_t zloom_hash_keyed (const uint64_t key[2], zloom_bytes_t bytes);
/* The process key, under which zloom_hash works. */
void zloom_hash_key (uint64_t key[2]);
/*
 * A number under a key: far cheaper than SipHash, and enough for numbers, which a peer may choose
 * but whose places he never sees.
 */
static inline uint64_t
zloom_hash_number (const uint64_t key[2], uint64_t number)
{
    uint64_t mixed = (number ^ key[0]) * (key[1] | 1);
    mixed = (mixed ^ (mixed >> 32)) * UINT64_C (0x9E3779B97F4A7C15);
    return mixed ^ (mixed >> 29);
}

#endif
