/* SPDX-License-Identifier: MPL-2.0 */
/*
 * history.h - what a peer of the crash tests writes down, for checker.py. One file a process, one
 * line a fact, each line one write (2): what is tried is written before it is tried, so SIGKILL
 * loses at most the newest outcomes. Times are CLOCK_MONOTONIC in ns. Messages in a row that share
 * everything take one line: n messages, with numbers seq, seq + 1, … and ids id, id + 1, …
 *
 *     W time next                       where a producer goes on
 *     I time first n                    n messages will be sent
 *     C time id                         ids up to here are confirmed
 *     R time code                       the router refused, for now
 *     F time id code                    the router will never take it
 *     D time flow seq n boot token attempt producer id verdict
 *                                       delivered, with the right bytes, and will be settled so
 *     B time flow seq boot token id            delivered with other bytes than were sent
 *     V time flow seq boot token verdict       this one will be settled so, and not as D says
 *     K time                            all settlements above have their answer
 *     S time flow seq n boot token      STALE for these
 *     T time flow seq n boot token producer id code   these steps have ended
 *     G time flow seq n reason          these will not come
 *     H time                            welcomed, the first time or again
 *     L time                            the session is lost
 *     E time code text                  it ends
 */
#ifndef ZLOOM_CRASH_HISTORY_H
#define ZLOOM_CRASH_HISTORY_H

#include "client/client_types.h"

#define HISTORY_NAME_BYTES 64

/* Messages in a row; n is 0: none. */
typedef struct {
    uint64_t seq;
    uint64_t n;
    zloom_token_t token;
    uint32_t attempt;
    char producer[HISTORY_NAME_BYTES];
    uint64_t id;
    const char *word; /* the verdict, or how their steps ended */
} history_run_t;

typedef struct {
    int fd;
    const char *flow;
    history_run_t delivered;
    history_run_t ended; /* steps */
} history_t;

/* False: the file cannot be made. `flow` is borrowed. */
bool history_open (history_t *self, const char *path, const char *flow);
void history_close (history_t *self);
void history_tell (history_t *self, char kind, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));
/* One message more (n is ignored); it is in the file after history_flush. */
void history_delivered (history_t *self, const history_run_t *one);
void history_step_ended (history_t *self, const history_run_t *one);
void history_flush (history_t *self);

#endif
