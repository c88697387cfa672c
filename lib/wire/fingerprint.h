/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fingerprint.h - do two peers mean the same flow? A 64-bit number of what must not differ between
 * them: pattern, key, confirm level, topics, partitions. Adding a subscriber or changing a limit
 * does not touch it.
 *
 * It is FNV-1a (64 bits) over the msgpack array [pattern, key | nil, confirm, [topics, sorted by
 * bytes], partitions]. Stable: clients in other languages compute the same. Not for secrets.
 */
#ifndef ZLOOM_WIRE_FINGERPRINT_H
#define ZLOOM_WIRE_FINGERPRINT_H

#include "base/bytes.h"
#include "wire/types.h"

typedef struct {
    zloom_bytes_t pattern; /* "queue", … */
    zloom_bytes_t key;     /* key pointer, unset = no key */
    zloom_confirm_t confirm;
    const zloom_bytes_t *topics;
    size_t topic_count;
    uint32_t partitions; /* 0 = not partitioned */
} zloom_fingerprint_t;

uint64_t zloom_fingerprint_number (const zloom_fingerprint_t *self);

#endif
