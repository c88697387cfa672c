/* SPDX-License-Identifier: MPL-2.0 */
/*
 * outflow.h - what a client sends to one flow: packs with gapless ids, kept until they are
 * confirmed, sent as far as credit goes, and sent again from where the router wants them.
 *
 * A message that the router will never take (its REFUSE says so) must not block the ones behind it:
 * its pack is halved until it stands alone, then its id is skipped and it counts as failed.
 */
#ifndef ZLOOM_CLIENT_OUTFLOW_H
#define ZLOOM_CLIENT_OUTFLOW_H

#include "client/batches.h"
#include "client/client_types.h"
#include "peer/credit.h"

typedef struct zloom_outflow zloom_outflow_t;

typedef struct {
    size_t window_messages;
    size_t window_bytes;
    size_t pack_messages;
    size_t pack_bytes;
    int64_t linger_ns;
} zloom_outflow_limits_t;

zloom_outflow_t *zloom_outflow_new (const zloom_client_flow_t *flow,
                                    const zloom_outflow_limits_t *limits);
void zloom_outflow_destroy (zloom_outflow_t **self_p);
const char *zloom_outflow_name (const zloom_outflow_t *self);
/* The flow's line in HELLO. */
zloom_hello_flow_t zloom_outflow_hello (const zloom_outflow_t *self);
/* The flow's index in this session. */
uint32_t zloom_outflow_index (const zloom_outflow_t *self);
bool zloom_outflow_has_index (const zloom_outflow_t *self, uint32_t index);

/*
 * A session begins: ids up to `high` are safe, the rest goes again. FENCED: the router has ids that
 * this process never sent, so somebody else sends under its name.
 */
zloom_err_t zloom_outflow_welcome (zloom_outflow_t *self, const zloom_welcome_flow_t *flow,
                                   const zloom_verb_welcome_t *welcome);
void zloom_outflow_lost (zloom_outflow_t *self);

/* As zloom_client_core_send. */
zloom_err_t zloom_outflow_send (zloom_outflow_t *self, const zloom_envelope_t *envelope,
                                zloom_bytes_t mark, zloom_now_t now, uint64_t *id_p);
/*
 * Whether the message may go to this flow, sent or emitted; *ready is what goes then: on a keyed
 * flow a message that brings no key gets the one in its body, borrowed until the next call.
 */
zloom_err_t zloom_outflow_admit (zloom_outflow_t *self, const zloom_envelope_t *envelope,
                                 zloom_envelope_t *ready);
/* As zloom_client_core_key. */
zloom_err_t zloom_outflow_key (zloom_outflow_t *self, zloom_bytes_t body, zloom_bytes_t *key);
/*
 * Carry a message of others, under the next id; AGAIN: as send. Skip n ids instead. Only where the
 * flow was given a first id.
 */
zloom_err_t zloom_outflow_carry (zloom_outflow_t *self, const zloom_carried_t *message,
                                 zloom_now_t now);
zloom_err_t zloom_outflow_skip (zloom_outflow_t *self, uint32_t n);
/* At its making: what the options say of that. */
void zloom_outflow_carry_from (zloom_outflow_t *self, const zloom_client_flow_t *flow);
/* Close the open pack, if it holds anything. */
void zloom_outflow_seal (zloom_outflow_t *self);
/* The same once it has waited long enough; returns when that will be. */
int64_t zloom_outflow_seal_due (zloom_outflow_t *self, int64_t mono_ns);
/* The next pack that may go now, counted as sent; NULL when there is none or no credit. */
const zloom_batch_t *zloom_outflow_next (zloom_outflow_t *self);

/* Take in what the router said. Each returns how many messages it was about. */
size_t zloom_outflow_confirm (zloom_outflow_t *self, uint64_t upto_id);
/*
 * REFUSE from this id on: wait for credit, then send from there. *failed_id gets the id of a
 * message that will never be taken, 0: none.
 */
size_t zloom_outflow_refuse (zloom_outflow_t *self, zloom_err_t code, uint64_t from_id,
                             uint64_t *failed_id);
void zloom_outflow_raise (zloom_outflow_t *self, const zloom_amount_t *totals);
/* Credit for emits of a step, which do not pass through the list. */
zloom_credit_t *zloom_outflow_credit (zloom_outflow_t *self);
/* Whether something is to be sent and may not: no credit, or a REFUSE holds it back. */
bool zloom_outflow_waits (const zloom_outflow_t *self);
/* Whether a REFUSE holds everything back until more credit comes. */
bool zloom_outflow_blocked (const zloom_outflow_t *self);

void zloom_outflow_state (const zloom_outflow_t *self, zloom_client_flow_state_t *state);

#endif
