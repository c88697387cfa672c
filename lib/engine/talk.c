/* SPDX-License-Identifier: MPL-2.0 */
/*
 * talk.c - what is said to sessions, heartbeats, and how sessions end. A session that cannot be
 * reached is ended at a safe place: first it is marked, so that nothing more is said to it or taken
 * from it, then its leases and its credit are given back.
 */
#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "engine/core.h"
#include "wire/attrs.h"

/* ---- saying -------------------------------------------------------------------------------- */

static void
s_send (zloom_engine_t *self, zloom_session_t *session, zloom_bytes_t verb, zloom_blob_t *blob,
        zloom_bytes_t pack)
{
    if (zloom_engine_part (session)->ending) {
        return;
    }
    const zloom_err_t err =
      self->transport.send (self->transport.arg, session->route, verb, blob, pack);
    if (err != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_INFO, "peer-unreachable", "peer=%s reason=%s", session->name,
                   zloom_err_name (err));
        zloom_engine_lose (self, session);
    }
}

void
zloom_engine_say_bytes (zloom_engine_t *self, zloom_session_t *session, zloom_bytes_t verb)
{
    s_send (self, session, verb, NULL, ZLOOM_BYTES_NULL);
}

void
zloom_engine_say_parts (zloom_engine_t *self, zloom_session_t *session, zloom_bytes_t verb,
                        zloom_blob_t *blob, zloom_bytes_t pack)
{
    s_send (self, session, verb, blob, pack);
}

void
zloom_engine_say (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
                  uint64_t group)
{
    if (zloom_engine_part (session)->ending) {
        return;
    }
    zloom_buf_clear (&self->out);
    zloom_verb_encode (verb, &self->out);
    if (group > zloom_journal_durable (self->disk.journal)) {
        const zloom_held_t held = {
          .group = group, .session = session->id, .verb = zloom_buf_bytes (&self->out)};
        zloom_hold_push (self->hold, &held);
        return;
    }
    s_send (self, session, zloom_buf_bytes (&self->out), NULL, ZLOOM_BYTES_NULL);
}

void
zloom_engine_say_pack (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
                       zloom_blob_t *blob, zloom_bytes_t pack)
{
    zloom_buf_clear (&self->out);
    zloom_verb_encode (verb, &self->out);
    s_send (self, session, zloom_buf_bytes (&self->out), blob, pack);
}

void
zloom_engine_bye_route (zloom_engine_t *self, zloom_route_t route, zloom_err_t code,
                        const char *text)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_BYE,
                               .bye = {.code = code, .text = zloom_bytes_text (text)}};
    zloom_buf_clear (&self->out);
    zloom_verb_encode (&verb, &self->out);
    self->transport.send (self->transport.arg, route, zloom_buf_bytes (&self->out), NULL,
                          ZLOOM_BYTES_NULL);
    self->transport.forget (self->transport.arg, route);
}

void
zloom_engine_bye (zloom_engine_t *self, zloom_session_t *session, zloom_err_t code,
                  const char *text)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_BYE,
                               .bye = {.code = code, .text = zloom_bytes_text (text)}};
    zloom_log (code == ZLOOM_OK ? ZLOOM_LOG_INFO : ZLOOM_LOG_WARN, "peer-bye", "peer=%s code=%s %s",
               session->name, zloom_err_name (code), text);
    zloom_engine_say (self, session, &verb, 0);
    zloom_engine_lose (self, session);
}

/* ---- ending -------------------------------------------------------------------------------- */

void
zloom_engine_lose (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    if (part->ending) {
        return;
    }
    part->ending = true;
    zloom_grow (&self->ending, &self->ending_capacity, self->ending_count + 1,
                sizeof *self->ending);
    self->ending[self->ending_count++] = session->id;
}

/* True when its leases are given back. */
static bool
s_end_consumer (zloom_engine_t *self, const zloom_part_t *part, zloom_consumer_t *consumer)
{
    if (consumer->mode == ZLOOM_MODE_CONSUME && !consumer->over) {
        if (zloom_engine_room (self, consumer->flow, ZLOOM_ENGINE_EVENT_RECORDS,
                               ZLOOM_ENGINE_EVENT_BYTES, false) != ZLOOM_OK) {
            return false;
        }
        zloom_event_t event = {.type = part->in_peace ? ZLOOM_EVENT_UNSUBSCRIBE : ZLOOM_EVENT_GONE,
                               .consumer = consumer->id};
        if (!part->in_peace) {
            event.gone.crashed = part->crashed;
            event.gone.cause = part->cause;
            event.gone.cause.exit = part->crashed ? part->cause.exit : -1;
        }
        zloom_engine_feed (self, consumer->flow, &event);
        self->more = true; /* what it gave back may go to others at once */
    }
    zloom_engine_drop_consumer (self, consumer);
    return true;
}

static bool
s_end_session (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    void *value;
    for (size_t i = 0; zloom_idmap_next (part->consumers, &i, NULL, &value);) {
        if (!s_end_consumer (self, part, value)) {
            return false;
        }
    }
    for (size_t i = 0; i < part->sender_count; i++) {
        zloom_sender_t *sender = part->senders[i];
        if (!sender) {
            continue;
        }
        if (sender->sends) {
            zloom_engine_end_sending (self, sender);
        }
        const zloom_event_t event = {.type = ZLOOM_EVENT_SESSION_END, .session = session->id};
        zloom_engine_feed (self, sender->flow, &event);
    }
    if (zloom_sessions_by_route (self->sessions, session->route) == session) {
        self->transport.forget (self->transport.arg, session->route);
    }
    zloom_log (ZLOOM_LOG_INFO, "peer-end", "peer=%s epoch=%llu", session->name,
               (unsigned long long) session->epoch);
    zloom_engine_free_part (self, session);
    zloom_sessions_remove (self->sessions, &session);
    return true;
}

/* What it would be handed while its end waits for room would reach nobody. */
static void
s_revoke (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    void *value;
    for (size_t i = 0; zloom_idmap_next (part->consumers, &i, NULL, &value) && !part->revoked;) {
        const zloom_consumer_t *consumer = value;
        if (consumer->mode == ZLOOM_MODE_CONSUME && !consumer->over) {
            const zloom_event_t event = {.type = ZLOOM_EVENT_CREDIT, .consumer = consumer->id};
            zloom_engine_feed (self, consumer->flow, &event);
        }
    }
    part->revoked = true;
}

void
zloom_engine_end_sessions (zloom_engine_t *self)
{
    if (self->depth > 0) {
        return; /* in the middle of a pattern's effects: the turn comes back to it */
    }
    zloom_engine_drop_over (self);
    size_t kept = 0;
    for (size_t i = 0; i < self->ending_count; i++) {
        zloom_session_t *session = zloom_sessions_by_id (self->sessions, self->ending[i]);
        if (session && !s_end_session (self, session)) {
            s_revoke (self, session);
            self->ending[kept++] = self->ending[i];
        }
    }
    self->ending_count = kept;
}

static void
s_forget_confirm (zloom_engine_t *self, zloom_sender_t *sender)
{
    for (zloom_sender_t **at = &self->confirming; *at; at = &(*at)->next_confirming) {
        if (*at == sender) {
            *at = sender->next_confirming;
            return;
        }
    }
}

void
zloom_engine_free_part (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    if (!part) {
        return;
    }
    zloom_engine_drop_jobs (self, session);
    void *value;
    for (size_t i = 0; zloom_idmap_next (part->consumers, &i, NULL, &value);) {
        zloom_engine_drop_consumer (self, value);
    }
    for (size_t i = 0; i < part->sender_count; i++) {
        zloom_sender_t *sender = part->senders[i];
        if (sender && sender->confirm_id > 0) {
            s_forget_confirm (self, sender);
        }
        free (sender);
    }
    zloom_idmap_destroy (&part->consumers);
    zloom_buf_fini (&part->report);
    free (part->senders);
    free (part->cause_text);
    free (part);
    session->part = NULL;
}

/* ---- heartbeats ---------------------------------------------------------------------------- */

static void
s_ping (zloom_engine_t *self, zloom_session_t *session)
{
    zloom_part_t *part = zloom_engine_part (session);
    const size_t count = zloom_idmap_count (part->consumers);
    zloom_arena_reset (&self->scratch);
    zloom_beat_t *beats = zloom_arena_take (&self->scratch, count, sizeof *beats);
    size_t beat_count = 0;
    void *value;
    for (size_t i = 0; zloom_idmap_next (part->consumers, &i, NULL, &value);) {
        zloom_consumer_t *consumer = value;
        beats[beat_count++] = (zloom_beat_t){consumer->handle, consumer->delivery_no};
        if (part->pings_open == 0) {
            consumer->pinged_no = consumer->delivery_no;
        }
    }
    part->pings_open++;
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_PING,
                               .ping = {.beats = beats, .beat_count = beat_count}};
    zloom_engine_say (self, session, &verb, 0);
}

void
zloom_engine_beats (zloom_engine_t *self)
{
    zloom_session_t *session;
    zloom_beat_action_t action;
    while ((action = zloom_sessions_due (self->sessions, self->now.mono_ns, &session)) !=
           ZLOOM_BEAT_NONE) {
        if (action == ZLOOM_BEAT_PING) {
            s_ping (self, session);
        } else {
            zloom_engine_bye (self, session, ZLOOM_GONE, "nothing was heard for too long");
        }
    }
}

void
zloom_engine_ping (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_ping_t *ping)
{
    (void) ping; /* a peer numbers no deliveries of its own */
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_PONG};
    zloom_engine_say (self, session, &verb, 0);
}

/* Only shown to people: what is no map of plain entries is left out. */
static void
s_keep_report (const zloom_engine_t *self, zloom_part_t *part, zloom_bytes_t report)
{
    zloom_buf_clear (&part->report);
    if (report.data && zloom_attrs_check (report) == ZLOOM_OK) {
        zloom_buf_add_bytes (&part->report, report);
        part->report_at_ns = self->now.mono_ns;
    }
}

void
zloom_engine_pong (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_pong_t *pong)
{
    zloom_part_t *part = zloom_engine_part (session);
    /* Only when all are answered the next counts: a PONG does not say to which PING it belongs. */
    part->pings_open -= part->pings_open > 0;
    s_keep_report (self, part, pong->report);
    for (size_t i = 0; i < pong->beat_count; i++) {
        const zloom_consumer_t *consumer = zloom_engine_consumer (session, pong->beats[i].handle);
        if (consumer && pong->beats[i].delivery_no < consumer->pinged_no) {
            char text[160];
            snprintf (text, sizeof text,
                      "handle %u: delivery %llu was sent before the PING, only %llu arrived",
                      consumer->handle, (unsigned long long) consumer->pinged_no,
                      (unsigned long long) pong->beats[i].delivery_no);
            zloom_engine_bye (self, session, ZLOOM_NOT_FOUND, text);
            return;
        }
    }
}

void
zloom_engine_gone (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_gone_t *gone)
{
    if (!zloom_engine_allows (self, session, ZLOOM_RIGHT_SUPERVISE, NULL)) {
        zloom_engine_refuse (self, session, ZLOOM_FORBIDDEN,
                             "GONE: only a supervisor may say who is gone");
        return;
    }
    zloom_session_t *lost = zloom_sessions_by_process (self->sessions, gone->name, gone->nonce);
    if (!lost || zloom_engine_part (lost)->ending) {
        return;
    }
    /* A supervisor that came by a key speaks of its own host's processes only. */
    if (session->key && (!lost->key || strcmp (session->key, lost->key) != 0)) {
        zloom_engine_refuse (self, session, ZLOOM_FORBIDDEN,
                             "GONE: that process came with another key than yours");
        return;
    }
    zloom_part_t *part = zloom_engine_part (lost);
    part->crashed = gone->signal != 0 || gone->exit > 0;
    part->cause_text = zloom_memdup_text (gone->text.data, gone->text.size);
    part->cause = (zloom_cause_t){.reason = zloom_bytes_text ("crash"),
                                  .exit = gone->exit,
                                  .signal = gone->signal,
                                  .text = zloom_bytes (part->cause_text, gone->text.size)};
    zloom_log (ZLOOM_LOG_WARN, "peer-gone", "peer=%s exit=%d signal=%d", lost->name, gone->exit,
               gone->signal);
    zloom_engine_lose (self, lost);
}
