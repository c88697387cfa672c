/* SPDX-License-Identifier: MPL-2.0 */
/*
 * consumer.h - a subscription at the engine: who takes from a flow, looks at it, or hears it. Part
 * of core.h, which includes it.
 */
#ifndef ZLOOM_ENGINE_CONSUMER_H
#define ZLOOM_ENGINE_CONSUMER_H

#include "engine/core.h"

/* Room for events that write little. */
#define ZLOOM_ENGINE_SMALL_RECORDS 16
#define ZLOOM_ENGINE_SMALL_BYTES 16384

struct zloom_consumer {
    zloom_consumer_id_t id;
    zloom_session_t *session;
    zloom_hosted_t *flow;
    uint32_t handle;
    zloom_mode_t mode;
    uint64_t delivery_no;
    bool over;              /* its pattern has ended it: it is forgotten at the next safe place */
    uint64_t pinged_no;     /* what the oldest PING that waits for its PONG said */
    zloom_amount_t granted; /* its credit, also while it is paused */
    /* tap, browse */
    zloom_bytes_t *patterns; /* what it is shown; one block of memory */
    size_t pattern_count;    /* 0: all */
    zloom_credit_t credit;
    uint64_t next_seq;
    uint64_t gap_from, gap_to, gap_count; /* not told yet; count 0: none */
    zloom_consumer_t *next_watcher;
};

/* ---- subscribe.c, consume.c, deliver.c, watch.c -------------------------------------------- */

zloom_err_t zloom_engine_subscribe (zloom_engine_t *self, zloom_session_t *session,
                                    const zloom_verb_subscribe_t *subscribe);
zloom_err_t zloom_engine_credit (zloom_engine_t *self, zloom_session_t *session,
                                 const zloom_verb_credit_t *credit);
zloom_err_t zloom_engine_settle (zloom_engine_t *self, zloom_session_t *session,
                                 const zloom_verb_settle_t *settle);
zloom_err_t zloom_engine_started (zloom_engine_t *self, zloom_session_t *session,
                                  const zloom_verb_started_t *started);
zloom_err_t zloom_engine_progress (zloom_engine_t *self, zloom_session_t *session,
                                   const zloom_verb_progress_t *progress);
zloom_err_t zloom_engine_unsubscribe (zloom_engine_t *self, zloom_session_t *session,
                                      const zloom_verb_unsubscribe_t *unsubscribe);
zloom_consumer_t *zloom_engine_consumer (const zloom_session_t *session, uint32_t handle);
/* The pattern has ended it: tell why (the thread's note), and forget it at the next safe place. */
void zloom_engine_end_consumer (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_err_t code);
void zloom_engine_drop_over (zloom_engine_t *self);
/* The consumer's leases are dealt with: forget it. */
void zloom_engine_drop_consumer (zloom_engine_t *self, zloom_consumer_t *consumer);
/* Fill a SETTLE event's view of earlier boots. */
void zloom_engine_settle_event (zloom_engine_t *self, const zloom_hosted_t *flow,
                                zloom_event_t *event, zloom_consumer_id_t consumer,
                                zloom_token_t token, const zloom_settle_run_t *runs, size_t count);
/* Bytes of records that a settlement may take at most. */
uint64_t zloom_engine_settle_cost (const zloom_hosted_t *flow, const zloom_settle_run_t *runs,
                                   size_t count);
/* DELIVER runs with their packs from memory. False: bytes are missing, nothing was sent. */
bool zloom_engine_deliver (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
                           const zloom_run_t *runs, size_t run_count, const zloom_fact_t *facts,
                           size_t fact_count);
/* Copies for those who tap or browse `flow`. */
void zloom_engine_watch (zloom_engine_t *self, zloom_hosted_t *flow);

#endif
