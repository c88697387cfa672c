/* SPDX-License-Identifier: MPL-2.0 */
/*
 * alike.h - most messages of a flow differ from the one before them in their bodies alone: what
 * stands before the body is compared with what was read last, and not read again.
 *
 *     zloom_bytes_t topic, key, body;
 *     if (!zloom_alike_read (&alike, envelope, &topic, &key, &body) &&
 *         zloom_envelope_decode_plain (envelope, &topic, &key, &body)) {
 *         zloom_alike_learn (&alike, envelope, topic, key, body);
 *     }
 */
#ifndef ZLOOM_WIRE_ALIKE_H
#define ZLOOM_WIRE_ALIKE_H

#include "base/bytes.h"
#include "wire/form.h"

/* Longer ones are not remembered. */
#define ZLOOM_ALIKE_BYTES 64u

/* Zero-initialised is ready. */
typedef struct {
    uint8_t head[ZLOOM_ALIKE_BYTES]; /* of the envelope, up to the header of its body */
    size_t size;                     /* 0: none */
    size_t topic_at, topic_size;     /* at 0: unset */
    size_t key_at, key_size;
    uint32_t missed; /* in a row */
} zloom_alike_t;

/* A plain envelope was read (zloom_envelope_decode_plain), with these parts. */
void zloom_alike_learn (zloom_alike_t *self, zloom_bytes_t envelope, zloom_bytes_t topic,
                        zloom_bytes_t key, zloom_bytes_t body);

/* The same bytes; there are eight at least. */
static inline bool
zloom_alike_same (const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t x;
    uint64_t y;
    for (size_t i = 0; i + sizeof x < size; i += sizeof x) {
        memcpy (&x, a + i, sizeof x);
        memcpy (&y, b + i, sizeof y);
        if (x != y) {
            return false;
        }
    }
    memcpy (&x, a + size - sizeof x, sizeof x);
    memcpy (&y, b + size - sizeof y, sizeof y);
    return x == y;
}

/*
 * True: it is a plain envelope with the head that was learned last, and these are its parts. False
 * says nothing but that it is to be read. Inline: it runs once a message.
 */
__attribute__ ((always_inline)) static inline bool
zloom_alike_read (zloom_alike_t *self, zloom_bytes_t envelope, zloom_bytes_t *topic,
                  zloom_bytes_t *key, zloom_bytes_t *body)
{
    const uint8_t *const at = envelope.data + self->size;
    if (self->size == 0 || envelope.size < self->size + 2 ||
        !zloom_alike_same (envelope.data, self->head, self->size)) {
        return false;
    }
    const size_t left = envelope.size - self->size;
    if (at[0] == ZLOOM_FORM_BIN_8 && at[1] == left - 2) {
        *body = zloom_bytes (at + 2, left - 2);
    } else if (at[0] == ZLOOM_FORM_BIN_16 && left > 2 &&
               ((size_t) at[1] << 8 | at[2]) == left - 3) {
        *body = zloom_bytes (at + 3, left - 3);
    } else {
        return false;
    }
    self->missed = 0;
    *topic = self->topic_at > 0 ? zloom_bytes (envelope.data + self->topic_at, self->topic_size)
                                : ZLOOM_BYTES_NULL;
    *key = self->key_at > 0 ? zloom_bytes (envelope.data + self->key_at, self->key_size)
                            : ZLOOM_BYTES_NULL;
    return true;
}

#endif
