/* SPDX-License-Identifier: MPL-2.0 */
/*
 * admin.h - ADMIN commands: one table, and what its functions share. Answers come as ANSWER frames
 * of the same request, all but the last with `more`; a result is a msgpack map. Arguments are a
 * map; `flow` is the flow's name.
 *
 *   command      arguments                          results
 *   stats        flow?                              {router, log, boot, sessions, journal {…}},
 *                                                   {flows [{name, pattern, confirm, …}…]},
 *                                                   {subscribers [{flow, group, …}…]} of buses,
 *                                                   {sessions [{name, role, epoch, consumes}…]}
 *   flow ls      -                                {flows [{name, pattern, confirm, dead_letter}…]}
 *   pause        flow                               {}
 *   resume       flow                               {}; ends a drain, too
 *   drain        flow                               {}: no new messages from outside
 *   peer pause   peer (a name)                      {sessions}: it is handed nothing, and gets no
 *                                                   credit to send unless it takes as well
 *   peer resume  peer                               {sessions}
 *   reload       sets?                              {}: the recipe's file is read again; limits,
 *                                                   retry, lease and new flows count from now on
 *   purge        flow, max?                         {purged}
 *   flow parked  flow, from?, max?                  {keys [{key, state, seq, failures, behind,
 *                                                   reason}…], next}; next is -1 at the end
 *   flow release flow, key, skip?                   {released}
 *   trace        id                                 {log, trail [{…}…], trail_more,
 *                                                   taken [{flow, high}…]}, then {scanned,
 *                                                   messages [{flow, seq, id, base_time, place,
 *                                                   failures, history, due_ms, consumer, started,
 *                                                   lease_ms}…]}
 *                flow, seq                          {log, trail, trail_more, messages [one]}
 *   group ls     flow?                              {subscribers [{flow, group, durable, patterns,
 *                                                   consumer, consumers, lag, delivered, acked,
 *                                                   dead, filtered, dropped, gaps, position,
 *                                                   on_slow, on_slow_value}…]}
 *   group drop   flow, group                        {}: the durable group is forgotten
 *   receipts     flow, seq                          {flow, seq, receipts [{group, state,
 *                                                   behind}…]}, one a durable group
 *   outbox       flow, from?                        {log, boots [[boot, first]…], next}: the
 *                                                   lowest number from there on that is not
 *                                                   settled
 *   dlq ls       flow?                              {flows [{name, messages, oldest_ms,
 *                                                   reasons {name: count}}…]}
 *   dlq show     flow, from?, max?, id?, reason?    {messages [{seq, id, history}…], next} + pack
 *   dlq requeue  flow, id?, reason?, max?, rate?,   {matched, moved, refused, capped, next}
 *                dry_run?
 *   dlq purge    flow, id?, reason?, max?, dry_run? {matched, moved, …} as dlq requeue
 *
 * What only looks (stats, flow ls, flow parked, trace, group ls, receipts, dlq ls, dlq show) needs
 * the right to read, outbox that to consume, the rest that to administer: of the flow that is
 * named, or of all where none is (stats always tells of all). `dlq requeue` puts back only into
 * flows that the asker may publish to or administer; the others count as refused. `trace` of a flow
 * and a number tells of a message's way through those flows alone that the asker may read.
 */
#ifndef ZLOOM_ENGINE_ADMIN_H
#define ZLOOM_ENGINE_ADMIN_H

#include "engine/core.h"

/* One request while it is worked on. */
typedef struct {
    zloom_session_t *session;
    uint64_t request;
    zloom_hosted_t *flow; /* as named; NULL: none was */
    zloom_bytes_t args;   /* a checked map; unset: none */
} zloom_ask_t;

/* Errors are answered by the caller with the thread's note. AGAIN: no room now, ask again. */
typedef zloom_err_t (zloom_admin_fn) (zloom_engine_t *self, const zloom_ask_t *ask);

/* ANSWER with a result. */
void zloom_admin_answer (zloom_engine_t *self, const zloom_ask_t *ask, bool more,
                         const zloom_buf_t *result);
void zloom_admin_fail (zloom_engine_t *self, const zloom_ask_t *ask, zloom_err_t code,
                       const char *text);
/* Arguments; the fallback when it is not there or of another type. */
zloom_bytes_t zloom_admin_text (const zloom_ask_t *ask, const char *name);
int64_t zloom_admin_number (const zloom_ask_t *ask, const char *name, int64_t fallback);

zloom_bytes_t zloom_admin_bytes (const zloom_ask_t *ask, const char *name);

/* A result's number under its name. */
void zloom_admin_pair (zloom_buf_t *out, const char *name, uint64_t value);
/* What is left until then, 0 when it has come; -1 when there is no such time (ZLOOM_NEVER). */
int64_t zloom_admin_left_ms (const zloom_engine_t *self, int64_t mono_ns);

/* Seven fields of a map: where a message is, as its flow knows (`past`: of a former life). */
void zloom_admin_whereabouts (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t seq,
                              zloom_bytes_t past, zloom_buf_t *out);
/* Two fields of a map: the stays that are marked so, in flows that the asker may read. */
void zloom_admin_trail (const zloom_engine_t *self, const zloom_ask_t *ask, uint64_t mark,
                        zloom_buf_t *out);

/* The deepest lanes of a flow as an array of {key, messages, first}. */
void zloom_admin_lanes (zloom_hosted_t *flow, zloom_buf_t *out);

zloom_admin_fn zloom_admin_stats;
zloom_admin_fn zloom_admin_flow_parked;
zloom_admin_fn zloom_admin_flow_release;
zloom_admin_fn zloom_admin_flows;
zloom_admin_fn zloom_admin_dlq_ls;
zloom_admin_fn zloom_admin_dlq_show;
zloom_admin_fn zloom_admin_dlq_requeue;
zloom_admin_fn zloom_admin_dlq_purge;
zloom_admin_fn zloom_admin_purge;
/* Whether all who have the name that is asked for came with the asker's key, a supervisor's. */
bool zloom_admin_peer_is_own (const zloom_engine_t *self, const zloom_ask_t *ask);
zloom_admin_fn zloom_admin_peer_pause;
zloom_admin_fn zloom_admin_peer_resume;
zloom_admin_fn zloom_admin_trace;
zloom_admin_fn zloom_admin_group_ls;
zloom_admin_fn zloom_admin_group_drop;
zloom_admin_fn zloom_admin_receipts;

/* Pages of subscribers of the flow that is named, or of all; `last`: they end the answer. */
void zloom_admin_subscribers (zloom_engine_t *self, const zloom_ask_t *ask, bool last);
zloom_admin_fn zloom_admin_outbox;

#endif
