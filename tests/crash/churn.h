/* SPDX-License-Identifier: MPL-2.0 */
/*
 * churn.h - what the processes of churn.c share: who publishes and who stays (churn.c), and the
 * crowd that comes and goes beside them (churn_crowd.c).
 */
#ifndef ZLOOM_CRASH_CHURN_H
#define ZLOOM_CRASH_CHURN_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/client.h"

#define CHURN_FLOW "events"
#define CHURN_TOPIC_BYTES 64
#define CHURN_PATIENCE_MS 60000
#define CHURN_STAYERS 5u
#define CHURN_CROWDS 2u

typedef struct {
    const char *endpoint;
    size_t seconds;
    bool crowd;     /* there is one */
    size_t churn;   /* so many of its subscribers come in a second, and go; 0: they stay */
    size_t publish; /* events a second; 0: as fast as they are confirmed */
    uint64_t seed;
} churn_plan_t;

typedef struct {
    uint64_t heard;
    uint64_t gaps;   /* GAPs that came */
    uint64_t told;   /* events that they told of */
    uint64_t untold; /* events that were missed, and no GAP in their place told so; or too many */
    uint64_t twice;  /* or out of order */
} churn_stayer_t;

typedef struct {
    uint64_t comes, goes; /* subscriptions */
    uint64_t connects, closes, kills;
    uint64_t heard, refused;
} churn_crowd_t;

typedef struct {
    _Atomic size_t ready;   /* stayers that listen */
    _Atomic size_t through; /* stayers that have had the last event */
    _Atomic bool over;
    uint64_t published;
    int64_t begin_ns, end_ns;
    churn_stayer_t stayer[CHURN_STAYERS];
    churn_crowd_t crowd[CHURN_CROWDS];
} churn_board_t;

/* Ends the process with a word when it is not so. */
void churn_good (zloom_err_t err, const char *what);
int64_t churn_now_ns (void);
/* Frames move until something came or `until_ns`. */
void churn_wait (zloom_client_t *client, int64_t until_ns);

/* Comes and goes, its share of plan->churn a second, until board->over. */
void churn_crowd_run (const churn_plan_t *plan, churn_board_t *board, size_t index);

#endif
