/* SPDX-License-Identifier: MPL-2.0 */
/*
 * body.h - what the messages of the crash tests hold: it follows from (producer, n) alone, so that
 * every reader knows what it has to be. Mostly short, now and then one that fills segments.
 */
#ifndef ZLOOM_CRASH_BODY_H
#define ZLOOM_CRASH_BODY_H

#include "history.h"

/* "PRODUCER N FILL FILL…"; valid until the next call. */
zloom_bytes_t body_make (const char *producer, size_t producer_size, uint64_t n);
/*
 * Producer and id as the body says, into the run. True: it is what was sent, byte by byte, and
 * under that name; the effect of a step is sent under a name of its own.
 */
bool body_read (const zloom_message_t *message, bool effect, history_run_t *run);

#endif
