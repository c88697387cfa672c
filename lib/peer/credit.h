/* SPDX-License-Identifier: MPL-2.0 */
/*
 * credit.h - how many messages, bytes and frames a receiver is ready to take, as absolute totals
 * since the session or subscription began: a lost or repeated CREDIT does no harm, and both ends
 * count what was used by themselves.
 *
 * A frame may go when a message and a frame are left for it and at least one byte: the last frame
 * may pass the total of bytes, so a message larger than what is left is never stuck.
 */
#ifndef ZLOOM_PEER_CREDIT_H
#define ZLOOM_PEER_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t messages;
    uint64_t bytes;
    uint64_t frames;
} zloom_amount_t;

typedef struct {
    zloom_amount_t granted;
    zloom_amount_t used;
} zloom_credit_t; /* zero-initialised: nothing may go */

/* Take in the totals of a CREDIT; each only ever rises. True when one did. */
bool zloom_credit_raise (zloom_credit_t *self, const zloom_amount_t *totals);
/* Whether one frame of `messages` messages and `bytes` bytes may go. */
bool zloom_credit_covers (const zloom_credit_t *self, uint64_t messages, uint64_t bytes);
/* Count one frame that went, covered or not. */
void zloom_credit_use (zloom_credit_t *self, uint64_t messages, uint64_t bytes);
/* What is granted and not used; 0 where more was used than granted. */
zloom_amount_t zloom_credit_left (const zloom_credit_t *self);

#endif
