/* SPDX-License-Identifier: MPL-2.0 */
/*
 * intake.h - how messages come into a flow: whole or not at all, each id of a producer once. What
 * patterns that take SENDs share; what fits, and what becomes of it, is theirs.
 *
 * Example (an OFFER):
 *     if (zloom_intake_open (intake, event, &producer, &trimmed, turn)) {
 *         if ((err = fits ())) {
 *             zloom_intake_refuse (intake, producer, event, err, turn);
 *         } else {
 *             append ();
 *             zloom_intake_taken (intake, producer, event, true, turn);
 *         }
 *     }
 */
#ifndef ZLOOM_PATTERNS_COMMON_INTAKE_H
#define ZLOOM_PATTERNS_COMMON_INTAKE_H

#include "patterns/common/pack_head.h"
#include "patterns/common/producers.h"

typedef struct {
    zloom_producers_t *producers;
    char *anonymous;   /* source of what unnamed producers send: "~flow" */
    int64_t age_at_ns; /* when to look for producers to forget; ZLOOM_NEVER: there are none */
    uint64_t duplicates;
    uint64_t refused;
    zloom_buf_t buf;
} zloom_intake_t;

void zloom_intake_init (zloom_intake_t *self);
void zloom_intake_fini (zloom_intake_t *self);
/* The flow's name; may change. */
void zloom_intake_name (zloom_intake_t *self, const char *flow);

/*
 * Whether messages of an OFFER are to be taken, and from the how-manyth on; all else is answered.
 * *producer_p is NULL for foreign ones, which nobody numbers.
 */
bool zloom_intake_open (zloom_intake_t *self, const zloom_event_t *event,
                        zloom_producer_t **producer_p, uint32_t *trimmed, const zloom_turn_t *turn);
/* Refuse them, after open; later ids of the producer are dropped until these come. */
void zloom_intake_refuse (zloom_intake_t *self, zloom_producer_t *producer,
                          const zloom_event_t *event, zloom_err_t err, const zloom_turn_t *turn);
/* They are appended (`whole`: but for the trimmed ones all): remembered, and confirmed. */
void zloom_intake_taken (zloom_intake_t *self, zloom_producer_t *producer,
                         const zloom_event_t *event, bool whole, const zloom_turn_t *turn);
/*
 * The provenance of messages [index, index + n) of an OFFER, the first of which gets number `seq`.
 * A named sender is the source itself; what an anonymous one sends is named by "~flow" and its
 * number here, so that its id is unique, too.
 */
const zloom_src_t *zloom_intake_source (const zloom_intake_t *self, const zloom_event_t *event,
                                        uint32_t index, uint32_t n, uint64_t seq, size_t *count,
                                        const zloom_turn_t *turn);
void zloom_intake_skip (zloom_intake_t *self, const zloom_event_t *event, const zloom_turn_t *turn);
/* As zloom_pattern_t's. */
uint64_t zloom_intake_adopt (zloom_intake_t *self, zloom_bytes_t name, uint64_t next,
                             const zloom_turn_t *turn);
void zloom_intake_rebase (zloom_intake_t *self, zloom_bytes_t name, uint64_t high,
                          zloom_bytes_t mark, const zloom_turn_t *turn);
bool zloom_intake_repeat (zloom_intake_t *self, size_t bytes, const zloom_turn_t *turn);
bool zloom_intake_producer (const zloom_intake_t *self, zloom_bytes_t name, uint64_t *high,
                            zloom_bytes_t *mark, zloom_bytes_t *owner);

/* A TIMER event: forget who is idle for too long, once it is time. */
void zloom_intake_age (zloom_intake_t *self, zloom_now_t now);
/* Recovery: a stored pack tells the high of who sent it; and its end. */
void zloom_intake_replay (zloom_intake_t *self, const zloom_pack_head_t *head);
/* The head of a HOLE record without messages: [producer, first id, last id, set back?]. */
void zloom_intake_replay_hole (zloom_intake_t *self, zloom_bytes_t head);
void zloom_intake_recovered (zloom_intake_t *self, zloom_now_t now);

#endif
