/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/pack.h"

#include "wire/head.h"
#include "wire/limits.h"

/* Messages to look ahead, if they are as long as this one; a line of the cache. */
#define AHEAD 6
#define LINE 64

static size_t
s_header_bytes (size_t content)
{
    return content < 0x100 ? 2 : content < 0x10000 ? 3 : 5;
}

static void
s_put_header (uint8_t *at, size_t content)
{
    const size_t width = s_header_bytes (content) - 1;
    at[0] = width == 1 ? ZLOOM_FORM_BIN_8 : width == 2 ? ZLOOM_FORM_BIN_16 : ZLOOM_FORM_BIN_32;
    for (size_t i = 0; i < width; i++) {
        at[1 + i] = (uint8_t) (content >> (8 * (width - 1 - i)));
    }
}

static bool
s_add_plain (zloom_buf_t *pack, const zloom_envelope_t *envelope)
{
    const size_t content = zloom_envelope_plain_bytes (envelope);
    if (content == 0) {
        return false;
    }
    const size_t header = s_header_bytes (content);
    uint8_t *const at = zloom_buf_reserve (pack, header + content);
    s_put_header (at, content);
    zloom_envelope_put_plain (envelope, at + header);
    pack->size += header + content;
    return true;
}

/*
 * The header's size depends on what comes behind it, so it is guessed from below (the variable
 * fields and one byte for each of the others); rarely the envelope then moves by a byte or two.
 */
void
zloom_pack_add (zloom_buf_t *pack, const zloom_envelope_t *envelope)
{
    if (zloom_envelope_is_plain (envelope) && s_add_plain (pack, envelope)) {
        return;
    }
    const size_t least = 11 + envelope->topic.size + envelope->key.size + envelope->id.size +
                         envelope->attrs.size + envelope->body.size;
    const size_t start = pack->size;
    size_t header = s_header_bytes (least);
    zloom_buf_reserve (pack, least + 64);
    pack->size += header;
    zloom_envelope_encode (envelope, pack);
    const size_t content = pack->size - start - header;
    const size_t right = s_header_bytes (content);
    if (right != header) {
        zloom_buf_reserve (pack, right - header);
        memmove (pack->data + start + right, pack->data + start + header, content);
        pack->size += right - header;
    }
    s_put_header (pack->data + start, content);
}

void
zloom_pack_add_encoded (zloom_buf_t *pack, zloom_bytes_t envelope)
{
    const size_t header = s_header_bytes (envelope.size);
    s_put_header (zloom_buf_reserve (pack, header + envelope.size), envelope.size);
    pack->size += header;
    zloom_buf_add_bytes (pack, envelope);
}

static zloom_err_t
s_step (zloom_pack_iter_t *iter, zloom_bytes_t *envelope)
{
    zloom_head_t head;
    if (!zloom_head_read (iter->rest.data, iter->rest.size, &head)) {
        return ZLOOM_TRUNCATED;
    }
    if (head.type != ZLOOM_TYPE_BIN) {
        return ZLOOM_MALFORMED;
    }
    if (head.number > iter->rest.size - head.size) {
        return ZLOOM_TRUNCATED;
    }
    *envelope = zloom_bytes (iter->rest.data + head.size, (size_t) head.number);
    const size_t whole = head.size + envelope->size;
    iter->rest = zloom_bytes (iter->rest.data + whole, iter->rest.size - whole);
    return ZLOOM_OK;
}

bool
zloom_pack_next_long (zloom_pack_iter_t *iter, zloom_bytes_t *envelope)
{
    return s_step (iter, envelope) == ZLOOM_OK;
}

bool
zloom_pack_skip (zloom_pack_iter_t *iter, uint64_t count)
{
    zloom_bytes_t envelope;
    for (; count > 0; count--) {
        if (!zloom_pack_next (iter, &envelope)) {
            return false;
        }
    }
    return true;
}

zloom_err_t
zloom_pack_count (zloom_bytes_t pack, size_t max_message_bytes, uint32_t *count)
{
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    uint32_t found = 0;
    if (pack.size > ZLOOM_LIMIT_PACK_BYTES) {
        return zloom_fail (ZLOOM_TOO_BIG, "pack: %zu bytes, limit %d", pack.size,
                           ZLOOM_LIMIT_PACK_BYTES);
    }
    for (; iter.rest.size > 0; found++) {
        zloom_bytes_t envelope;
        const uint8_t *at = iter.rest.data;
        if (found == ZLOOM_LIMIT_PACK_MESSAGES) {
            return zloom_fail (ZLOOM_TOO_BIG, "pack: more than %d messages",
                               ZLOOM_LIMIT_PACK_MESSAGES);
        }
        if (!zloom_pack_next (&iter, &envelope)) {
            return zloom_fail (s_step (&iter, &envelope), "pack: message %u is no whole bin",
                               found);
        }
        /* Another thread wrote the pack: reading it for the first time is waiting for its cache. */
        const uint8_t *ahead = iter.rest.data + AHEAD * (size_t) (iter.rest.data - at);
        __builtin_prefetch (ahead);
        __builtin_prefetch (ahead + LINE);
        if (envelope.size > max_message_bytes) {
            return zloom_fail (ZLOOM_TOO_BIG, "pack: message %u has %zu bytes, limit %zu", found,
                               envelope.size, max_message_bytes);
        }
    }
    *count = found;
    return ZLOOM_OK;
}

zloom_err_t
zloom_pack_check (zloom_bytes_t pack, uint64_t count, size_t max_message_bytes)
{
    uint32_t found = 0;
    const zloom_err_t err = zloom_pack_count (pack, max_message_bytes, &found);
    if (err == ZLOOM_OK && found != count) {
        return zloom_fail (found < count ? ZLOOM_TRUNCATED : ZLOOM_TRAILING,
                           "pack: %u messages, %llu announced", found, (unsigned long long) count);
    }
    return err;
}

zloom_err_t
zloom_pack_slice (zloom_bytes_t pack, uint64_t first, uint64_t count, zloom_bytes_t *slice)
{
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    if (!zloom_pack_skip (&iter, first)) {
        return zloom_fail (ZLOOM_INVALID, "pack: has no message %llu", (unsigned long long) first);
    }
    const zloom_bytes_t from = iter.rest;
    if (!zloom_pack_skip (&iter, count)) {
        return zloom_fail (ZLOOM_INVALID, "pack: ends before message %llu",
                           (unsigned long long) first + (unsigned long long) count);
    }
    *slice = zloom_bytes (from.data, from.size - iter.rest.size);
    return ZLOOM_OK;
}
