/* SPDX-License-Identifier: MPL-2.0 */
/* hash.h - what map.c and idmap.c share beside zloom_hash of map.h: SipHash-1-3. Any thread. */
#ifndef ZLOOM_BASE_HASH_H
#define ZLOOM_BASE_HASH_H

#include "base/map.h"

/* SipHash-1-3 of bytes under a given key. */
uint64_t zloom_hash_keyed (const uint64_t key[2], zloom_bytes_t bytes);
/* zloom_hash of the eight little-endian bytes of a number. */
uint64_t zloom_hash_number (uint64_t number);

#endif
