/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pack.h - the frame that moves and that is stored: bin(envelope) bin(envelope) … and no more.
 *
 * A reader steps over a message in O(1), and a slice is a part of the bytes, so packs are cut,
 * shared and stored without being rewritten. zloom_pack_check proves the tiling once, at the door;
 * the others then walk a checked pack (on an unchecked one they stop at the first bad byte, and
 * never read outside).
 */
#ifndef ZLOOM_WIRE_PACK_H
#define ZLOOM_WIRE_PACK_H

#include "wire/envelope.h"
#include "wire/form.h"

/* Append one message. */
void zloom_pack_add (zloom_buf_t *pack, const zloom_envelope_t *envelope);
/* Append one message that is encoded already. */
void zloom_pack_add_encoded (zloom_buf_t *pack, zloom_bytes_t envelope);
/*
 * Does the pack hold exactly `count` messages of at most `max_message_bytes` each, and end at the
 * last? ZLOOM_MALFORMED, ZLOOM_TRUNCATED, ZLOOM_TRAILING, ZLOOM_TOO_BIG. No envelope is opened.
 */
zloom_err_t zloom_pack_check (zloom_bytes_t pack, uint64_t count, size_t max_message_bytes);
/* The same when the number is not known before: *count is set. */
zloom_err_t zloom_pack_count (zloom_bytes_t pack, size_t max_message_bytes, uint32_t *count);

/* Step through: start with zloom_pack_iter (pack); false at the end. */
typedef struct {
    zloom_bytes_t rest; /* what is not read yet; moves from message to message */
} zloom_pack_iter_t;

static inline zloom_pack_iter_t
zloom_pack_iter (zloom_bytes_t pack)
{
    return (zloom_pack_iter_t){pack};
}
bool zloom_pack_next_long (zloom_pack_iter_t *iter, zloom_bytes_t *envelope);

/* Inline for a message under 256 bytes: some walk over millions of them a second. */
static inline bool
zloom_pack_next (zloom_pack_iter_t *iter, zloom_bytes_t *envelope)
{
    const uint8_t *at = iter->rest.data;
    const size_t left = iter->rest.size;
    if (left < 2 || at[0] != ZLOOM_FORM_BIN_8 || at[1] > left - 2) {
        zloom_bytes_t found = ZLOOM_BYTES_NULL; /* the caller's may stay in registers */
        const bool more = zloom_pack_next_long (iter, &found);
        *envelope = found;
        return more;
    }
    const size_t size = at[1];
    *envelope = zloom_bytes (at + 2, size);
    iter->rest = zloom_bytes (at + 2 + size, left - 2 - size);
    return true;
}
/* Step over `count` messages; false when there are fewer. */
bool zloom_pack_skip (zloom_pack_iter_t *iter, uint64_t count);
/*
 * The bytes of messages [first, first + count), headers included: a pack of its own. O(first +
 * count). ZLOOM_INVALID when the pack is shorter than that.
 */
zloom_err_t zloom_pack_slice (zloom_bytes_t pack, uint64_t first, uint64_t count,
                              zloom_bytes_t *slice);

#endif
