/* SPDX-License-Identifier: MPL-2.0 */
/*
 * envelope.h - one message: the msgpack array
 *
 *   [topic, key, due, expires, priority, budget, id, time, attrs, body]        nil = unset
 *
 * An all-zero zloom_envelope_t is a message with nothing set. Views borrow: from the decoded bytes,
 * or from the caller until it is encoded.
 */
#ifndef ZLOOM_WIRE_ENVELOPE_H
#define ZLOOM_WIRE_ENVELOPE_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/types.h"

typedef struct {
    zloom_bytes_t topic; /* str */
    zloom_bytes_t key;   /* bytes; unset on flows without key */
    bool has_due;
    bool has_expires;
    bool has_budget;
    bool has_priority;
    bool has_time;
    bool trace; /* no field: it is to be sent with ZLOOM_FLAG_TRACE; decoding leaves it unset */
    uint8_t priority;    /* 0-9, 9 first */
    int64_t due_ms;      /* not before: milliseconds after the run's base_time, >= 0 */
    int64_t expires_ms;  /* milliseconds after the run's base_time, >= 0 */
    int64_t budget_ms;   /* what is left for the whole call, >= 0 */
    zloom_bytes_t id;    /* unset = (producer, id) of the provenance run */
    int64_t time_ns;     /* when it happened, wall clock; the sender's word */
    zloom_bytes_t attrs; /* a raw msgpack map, see attrs.h */
    zloom_bytes_t body;  /* opaque; unset and empty differ */
} zloom_envelope_t;

/*
 * What a SEND announces about its pack (ZLOOM_FLAG_*). A field that is set but not announced is
 * carried and otherwise ignored; so with flags = 0 nobody on the way opens an envelope. TRACE
 * stands for no field: it asks the hops to append to the trace log, for all messages of the pack.
 */
/* The flags of the fields that are set, and of `trace`. Or them over a pack's envelopes. */
static inline uint32_t
zloom_envelope_flags (const zloom_envelope_t *self)
{
    return (self->key.data ? ZLOOM_FLAG_KEY : 0u) | (self->topic.data ? ZLOOM_FLAG_TOPIC : 0u) |
           (self->has_due ? ZLOOM_FLAG_DUE : 0u) | (self->has_expires ? ZLOOM_FLAG_EXPIRES : 0u) |
           (self->has_priority ? ZLOOM_FLAG_PRIORITY : 0u) | (self->id.data ? ZLOOM_FLAG_ID : 0u) |
           (self->has_budget ? ZLOOM_FLAG_BUDGET : 0u) | (self->trace ? ZLOOM_FLAG_TRACE : 0u);
}

/*
 * `due` and `expires` count from `from_ns`: let them count from `base_ns`, so that they mean the
 * same points in time. A part of a millisecond is rounded up (nothing is due too early), what would
 * lie before the base is 0.
 */
void zloom_envelope_rebase (zloom_envelope_t *self, int64_t from_ns, int64_t base_ns);
/*
 * Hold the fields against limits.def, as a decoder would: ZLOOM_TOO_BIG, ZLOOM_MALFORMED. What
 * zloom_envelope_check passes, zloom_envelope_decode takes.
 */
zloom_err_t zloom_envelope_check (const zloom_envelope_t *self);
/* Append the encoded envelope (no bin header around it; zloom_pack_add does that). */
void zloom_envelope_encode (const zloom_envelope_t *self, zloom_buf_t *out);

/*
 * Most envelopes are plain: of their fields no more than topic, key and body are set, the body
 * always. There is a short way to write them and one to read them.
 */
static inline bool
zloom_envelope_is_plain (const zloom_envelope_t *self)
{
    return !(self->has_due | self->has_expires | self->has_budget | self->has_priority |
             self->has_time) &&
           !self->id.data && !self->attrs.data && self->body.data;
}

/* How many bytes a plain one takes when encoded; 0: too long for the short way. */
size_t zloom_envelope_plain_bytes (const zloom_envelope_t *self);
/* Write these bytes, where there is room for them. */
void zloom_envelope_put_plain (const zloom_envelope_t *self, uint8_t *at);

/* Decode and check the whole; `bytes` must be exactly one envelope. */
zloom_err_t zloom_envelope_decode (zloom_bytes_t bytes, zloom_envelope_t *self);
/*
 * The short way to read a plain one. True: it is one, checked as a whole, and these are all that is
 * set (NULL where one is not). False says nothing but that it is to be read the long way.
 */
bool zloom_envelope_decode_plain (zloom_bytes_t bytes, zloom_bytes_t *topic, zloom_bytes_t *key,
                                  zloom_bytes_t *body);
/*
 * Decode and check topic to time, and look no further: attrs and body stay unset and unchecked.
 * The cost does not depend on the body's size. For unchecked bytes.
 */
zloom_err_t zloom_envelope_decode_head (zloom_bytes_t bytes, zloom_envelope_t *self);

#endif
