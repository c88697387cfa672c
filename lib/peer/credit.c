/* SPDX-License-Identifier: MPL-2.0 */
/* credit.c - see credit.h. Totals of checked verbs are below 2^63, so sums do not overflow. */
#include "peer/credit.h"

static bool
s_raise (uint64_t *total, uint64_t to)
{
    if (to <= *total) {
        return false;
    }
    *total = to;
    return true;
}

static uint64_t
s_left (uint64_t granted, uint64_t used)
{
    return granted > used ? granted - used : 0;
}

bool
zloom_credit_raise (zloom_credit_t *self, const zloom_amount_t *totals)
{
    const bool messages = s_raise (&self->granted.messages, totals->messages);
    const bool bytes = s_raise (&self->granted.bytes, totals->bytes);
    const bool frames = s_raise (&self->granted.frames, totals->frames);
    return messages || bytes || frames;
}

bool
zloom_credit_covers (const zloom_credit_t *self, uint64_t messages, uint64_t bytes)
{
    const zloom_amount_t left = zloom_credit_left (self);
    return messages <= left.messages && left.frames > 0 && (bytes == 0 || left.bytes > 0);
}

void
zloom_credit_use (zloom_credit_t *self, uint64_t messages, uint64_t bytes)
{
    self->used.messages += messages;
    self->used.bytes += bytes;
    self->used.frames++;
}

zloom_amount_t
zloom_credit_left (const zloom_credit_t *self)
{
    return (zloom_amount_t){s_left (self->granted.messages, self->used.messages),
                            s_left (self->granted.bytes, self->used.bytes),
                            s_left (self->granted.frames, self->used.frames)};
}
