/* SPDX-License-Identifier: MPL-2.0 */
/* consume.c - CREDIT, SETTLE, STARTED, PROGRESS. */
#include "engine/core.h"
#include "patterns/common/history.h"

/* In the journal: a message that was acked and stands alone there; one that failed, with all its
 * causes; those that died. */
#define ACKED_BYTES 18
#define FAILED_BYTES (ZLOOM_HISTORY_BYTES_MAX + 64)
#define DEAD_BYTES (256u * 1024)
/* A token's holder has so many messages at most (patterns/queue/queue.h). */
#define HELD_MESSAGES 4096

/* ---- credit --------------------------------------------------------------------------------- */

zloom_err_t
zloom_engine_credit (zloom_engine_t *self, zloom_session_t *session,
                     const zloom_verb_credit_t *credit)
{
    if (credit->target != ZLOOM_CREDIT_HANDLE) {
        zloom_engine_refuse (self, session, ZLOOM_INVALID,
                             "CREDIT for a flow is for the router to give");
        return ZLOOM_OK;
    }
    zloom_consumer_t *consumer = zloom_engine_consumer (session, credit->id);
    if (!consumer) {
        zloom_engine_refuse (self, session, ZLOOM_NOT_FOUND,
                             "CREDIT for a handle that is not subscribed");
        return ZLOOM_OK;
    }
    if (consumer->mode != ZLOOM_MODE_CONSUME) {
        const zloom_amount_t totals = {credit->messages, credit->bytes, credit->frames};
        zloom_credit_raise (&consumer->credit, &totals);
        return ZLOOM_OK;
    }
    consumer->granted = (zloom_amount_t){credit->messages, credit->bytes, credit->frames};
    if (zloom_engine_paused (self, session)) {
        return ZLOOM_OK; /* it has it when it goes on */
    }
    const zloom_event_t event = {
      .type = ZLOOM_EVENT_CREDIT,
      .consumer = consumer->id,
      .credit = {.messages = credit->messages, .bytes = credit->bytes, .frames = credit->frames}};
    zloom_engine_feed (self, consumer->flow, &event);
    return ZLOOM_OK;
}

/* ---- settle -------------------------------------------------------------------------------- */

void
zloom_engine_settle_event (zloom_engine_t *self, const zloom_hosted_t *flow, zloom_event_t *event,
                           zloom_consumer_id_t consumer, zloom_token_t token,
                           const zloom_settle_run_t *runs, size_t count)
{
    *event = (zloom_event_t){.type = ZLOOM_EVENT_SETTLE, .consumer = consumer};
    event->settle.token = zloom_engine_token_in (self, token);
    event->settle.runs = runs;
    event->settle.count = count;
    if (token.boot != self->boot.random && flow->port->disk) {
        event->settle.earlier_boot = zloom_journal_boot_end (
          flow->port->journal, token.boot, flow->number, &event->settle.earlier_end);
    }
}

uint64_t
zloom_engine_settle_cost (const zloom_hosted_t *flow, const zloom_settle_run_t *runs, size_t count)
{
    uint64_t acked = 0; /* what was handed out may have holes, so a run of it may be many here */
    uint64_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        *(runs[i].verdict == ZLOOM_VERDICT_ACK ? &acked : &failed) += runs[i].n;
    }
    acked = acked < HELD_MESSAGES ? acked : HELD_MESSAGES;
    failed = failed < HELD_MESSAGES ? failed : HELD_MESSAGES;
    const uint64_t dead = failed > 0 && flow->dead_letter ? DEAD_BYTES : 0;
    const uint64_t bytes =
      ZLOOM_ENGINE_SMALL_BYTES + ACKED_BYTES * acked + FAILED_BYTES * failed + dead;
    return bytes < ZLOOM_ENGINE_EVENT_BYTES ? bytes : ZLOOM_ENGINE_EVENT_BYTES;
}

static void
s_settle_nobody (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_settle_t *settle)
{
    zloom_settled_run_t *runs = zloom_arena_take (&self->arena, settle->run_count, sizeof *runs);
    for (size_t i = 0; i < settle->run_count; i++) {
        runs[i] = (zloom_settled_run_t){settle->runs[i].first, settle->runs[i].n, ZLOOM_STALE};
    }
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_SETTLED,
                               .settled = {.has_handle = true,
                                           .handle = settle->handle,
                                           .token = settle->token,
                                           .runs = runs,
                                           .run_count = settle->run_count}};
    zloom_engine_say (self, session, &verb, 0);
}

zloom_err_t
zloom_engine_settle (zloom_engine_t *self, zloom_session_t *session,
                     const zloom_verb_settle_t *settle)
{
    const zloom_consumer_t *consumer = zloom_engine_consumer (session, settle->handle);
    if (!consumer || consumer->mode != ZLOOM_MODE_CONSUME || settle->token.number == 0) {
        s_settle_nobody (self, session, settle);
        return ZLOOM_OK;
    }
    zloom_hosted_t *flow = consumer->flow;
    const uint64_t bytes = zloom_engine_settle_cost (flow, settle->runs, settle->run_count);
    if (zloom_engine_room (self, flow, ZLOOM_ENGINE_EVENT_RECORDS, bytes, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    zloom_event_t event;
    zloom_engine_settle_event (self, flow, &event, consumer->id, settle->token, settle->runs,
                               settle->run_count);
    zloom_engine_feed (self, flow, &event);
    return ZLOOM_OK;
}

/* ---- started, progress --------------------------------------------------------------------- */

static zloom_err_t
s_mark (zloom_engine_t *self, zloom_session_t *session, zloom_event_type_t type,
        const zloom_verb_started_t *marked, int64_t extend_ns)
{
    const zloom_consumer_t *consumer = zloom_engine_consumer (session, marked->handle);
    if (!consumer || consumer->mode != ZLOOM_MODE_CONSUME || marked->token.number == 0) {
        const zloom_verb_t verb = {.kind = ZLOOM_VERB_STALE, .stale = *marked};
        zloom_engine_say (self, session, &verb, 0);
        return ZLOOM_OK;
    }
    if (zloom_engine_room (self, consumer->flow, ZLOOM_ENGINE_SMALL_RECORDS,
                           ZLOOM_ENGINE_SMALL_BYTES, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    const zloom_event_t event = {.type = type,
                                 .consumer = consumer->id,
                                 .mark = {.token = zloom_engine_token_in (self, marked->token),
                                          .runs = marked->runs,
                                          .count = marked->run_count,
                                          .extend_ns = extend_ns}};
    zloom_engine_feed (self, consumer->flow, &event);
    return ZLOOM_OK;
}

zloom_err_t
zloom_engine_started (zloom_engine_t *self, zloom_session_t *session,
                      const zloom_verb_started_t *started)
{
    return s_mark (self, session, ZLOOM_EVENT_STARTED, started, 0);
}

zloom_err_t
zloom_engine_progress (zloom_engine_t *self, zloom_session_t *session,
                       const zloom_verb_progress_t *progress)
{
    /* A day is longer than any lease, and far from an overflow. */
    const uint64_t day_ms = 24u * 3600 * 1000;
    const uint64_t extend_ms = progress->extend_ms < day_ms ? progress->extend_ms : day_ms;
    const zloom_verb_started_t marked = {.handle = progress->handle,
                                         .token = progress->token,
                                         .runs = progress->runs,
                                         .run_count = progress->run_count};
    return s_mark (self, session, ZLOOM_EVENT_PROGRESS, &marked,
                   (int64_t) extend_ms * ZLOOM_NS_PER_MS);
}
