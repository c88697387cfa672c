/* SPDX-License-Identifier: MPL-2.0 */
/*
 * exceptions.h - the messages that are not plain: those that failed, with their count, when they
 * are due again, and why; everything else about a message is in the sets of numbers. So memory
 * follows what went wrong, not the backlog.
 *
 * A history is shared by all messages that failed together; texts in histories are bounded over
 * the whole table by ZLOOM_EXCEPTIONS_TEXT_BYTES: the caller asks text_room before it keeps one.
 */
#ifndef ZLOOM_PATTERNS_COMMON_EXCEPTIONS_H
#define ZLOOM_PATTERNS_COMMON_EXCEPTIONS_H

#include "base/bytes.h"
#include "base/ranges.h"
#include "base/timers.h"

#define ZLOOM_EXCEPTIONS_TEXT_BYTES (64u * 1024 * 1024)

typedef struct {
    uint64_t seq;
    uint32_t failures;
    bool moving;      /* on its way to dead letters */
    int64_t stamp_ns; /* wall: when the delay began */
    int64_t delay_ns; /* 0: none */
    zloom_blob_t *history;
    zloom_timer_t timer; /* armed while it waits */
} zloom_exception_t;

typedef struct zloom_exceptions zloom_exceptions_t;

zloom_exceptions_t *zloom_exceptions_new (void);
void zloom_exceptions_destroy (zloom_exceptions_t **self_p);
/* NULL when the message is plain. */
zloom_exception_t *zloom_exceptions_get (const zloom_exceptions_t *self, uint64_t seq);
/* The message's entry, made if it is not there. */
zloom_exception_t *zloom_exceptions_put (zloom_exceptions_t *self, uint64_t seq);
/* Replace the history; one reference of `history` is taken over (NULL: none). */
void zloom_exceptions_set_history (zloom_exceptions_t *self, zloom_exception_t *entry,
                                   zloom_blob_t *history);
/* Wait until mono_ns (ZLOOM_NEVER: do not wait). */
void zloom_exceptions_wait (zloom_exceptions_t *self, zloom_exception_t *entry, int64_t mono_ns);
/* The next one whose wait is over; NULL when there is none. */
zloom_exception_t *zloom_exceptions_due (zloom_exceptions_t *self, int64_t mono_ns);
/* Earliest end of a wait, or ZLOOM_NEVER. */
int64_t zloom_exceptions_next (const zloom_exceptions_t *self);
/* The one whose wait ends first, still waiting; NULL when none waits. */
const zloom_exception_t *zloom_exceptions_first (const zloom_exceptions_t *self);
/* Forget the messages in [first, last]. */
void zloom_exceptions_remove (zloom_exceptions_t *self, uint64_t first, uint64_t last);
/* The first run of entries in [from, last]; false when there is none; may be cut short. */
bool zloom_exceptions_find (const zloom_exceptions_t *self, uint64_t from, uint64_t last,
                            zloom_range_t *run);
uint64_t zloom_exceptions_count (const zloom_exceptions_t *self);
/* Bytes of histories that still fit. */
uint64_t zloom_exceptions_text_room (const zloom_exceptions_t *self);

#endif
