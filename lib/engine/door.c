/* SPDX-License-Identifier: MPL-2.0 */
/*
 * door.c - frames become verbs, verbs become calls. Each session has the same burst a turn; what is
 * beyond it, and what must wait for room in the journal, stands in the session's inbox in order,
 * so a flood or a wait of one session costs the others nothing.
 *
 * What a peer does wrong is its own affair: a verb that cannot be read ends its session with a
 * text that says what was wrong, one that can be read but not obeyed is refused.
 */
#include <stdio.h>

#include "base/log.h"
#include "engine/core.h"

void
zloom_engine_refuse (zloom_engine_t *self, zloom_session_t *session, zloom_err_t code,
                     const char *text)
{
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_REFUSE,
                               .refuse = {.code = code, .text = zloom_bytes_text (text)}};
    zloom_engine_say (self, session, &verb, 0);
}

/* ---- verbs --------------------------------------------------------------------------------- */

static zloom_err_t
s_obey_session (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb)
{
    switch (verb->kind) {
    case ZLOOM_VERB_BYE:
        zloom_engine_part (session)->in_peace = true;
        zloom_engine_lose (self, session);
        break;
    case ZLOOM_VERB_PING:
        zloom_engine_ping (self, session, &verb->ping);
        break;
    case ZLOOM_VERB_PONG:
        zloom_engine_pong (self, session, &verb->pong);
        break;
    case ZLOOM_VERB_GONE:
        zloom_engine_gone (self, session, &verb->gone);
        break;
    case ZLOOM_VERB_REFUSE:
        zloom_log (ZLOOM_LOG_WARN, "peer-refuses", "peer=%s code=%s", session->name,
                   zloom_err_name (verb->refuse.code));
        break;
    case ZLOOM_VERB_ADMIN:
        return zloom_engine_admin (self, session, &verb->admin);
    default: {
        char text[64];
        snprintf (text, sizeof text, "%s is for the router to say",
                  zloom_verb_info (verb->kind)->name);
        zloom_engine_refuse (self, session, ZLOOM_INVALID, text);
        break;
    }
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_obey (zloom_engine_t *self, zloom_session_t *session, const zloom_verb_t *verb,
        size_t frame_bytes, zloom_blob_t *pack)
{
    if (verb->kind == ZLOOM_VERB_SEND) {
        return zloom_engine_send (self, session, verb, frame_bytes, pack);
    }
    if (verb->kind == ZLOOM_VERB_STEP) {
        return zloom_engine_step (self, session, verb, frame_bytes, pack);
    }
    if (pack) {
        char text[64];
        snprintf (text, sizeof text, "%s has no second frame", zloom_verb_info (verb->kind)->name);
        zloom_engine_refuse (self, session, ZLOOM_MALFORMED, text);
        return ZLOOM_OK;
    }
    switch (verb->kind) {
    case ZLOOM_VERB_SUBSCRIBE:
        return zloom_engine_subscribe (self, session, &verb->subscribe);
    case ZLOOM_VERB_CREDIT:
        return zloom_engine_credit (self, session, &verb->credit);
    case ZLOOM_VERB_SETTLE:
        return zloom_engine_settle (self, session, &verb->settle);
    case ZLOOM_VERB_STARTED:
        return zloom_engine_started (self, session, &verb->started);
    case ZLOOM_VERB_PROGRESS:
        return zloom_engine_progress (self, session, &verb->progress);
    case ZLOOM_VERB_UNSUBSCRIBE:
        return zloom_engine_unsubscribe (self, session, &verb->unsubscribe);
    default:
        return s_obey_session (self, session, verb);
    }
}

/* One frame of a session. AGAIN: it has to wait, nothing happened. */
static zloom_err_t
s_work (zloom_engine_t *self, zloom_session_t *session, const zloom_frame_t *frame)
{
    if (frame->malformed) {
        zloom_engine_bye (self, session, ZLOOM_MALFORMED,
                          "more than two frames, or a frame over the size limit");
        return ZLOOM_OK;
    }
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    const zloom_err_t err = zloom_verb_decode (frame->verb, &self->arena, &verb);
    if (err != ZLOOM_OK || verb.kind != ZLOOM_VERB_SEND) {
        zloom_engine_close_bundle (self);
    }
    if (err == ZLOOM_UNKNOWN_VERB || err == ZLOOM_UNSUPPORTED) {
        zloom_engine_refuse (self, session, err, zloom_note ());
        return ZLOOM_OK;
    }
    if (err != ZLOOM_OK) {
        zloom_engine_bye (self, session, err, zloom_note ());
        return ZLOOM_OK;
    }
    if (verb.kind == ZLOOM_VERB_HELLO) {
        zloom_engine_hello (self, frame, &verb.hello);
        return ZLOOM_OK;
    }
    return s_obey (self, session, &verb, frame->verb.size, frame->pack);
}

/* A frame from a route that has no session: HELLO begins one. */
static void
s_stranger (zloom_engine_t *self, const zloom_frame_t *frame)
{
    zloom_verb_t verb = {.kind = ZLOOM_VERB_NONE};
    zloom_arena_reset (&self->arena);
    const zloom_err_t err = frame->malformed
                              ? zloom_fail (ZLOOM_MALFORMED, "more than two frames, or too large")
                              : zloom_verb_decode (frame->verb, &self->arena, &verb);
    if (err == ZLOOM_OK && verb.kind == ZLOOM_VERB_HELLO && !frame->pack) {
        zloom_engine_hello (self, frame, &verb.hello);
    } else if (err == ZLOOM_OK && verb.kind == ZLOOM_VERB_BYE) {
        self->transport.forget (self->transport.arg, frame->route);
    } else if (err == ZLOOM_OK || err == ZLOOM_UNKNOWN_VERB) {
        zloom_engine_bye_route (self, frame->route, ZLOOM_NOT_FOUND,
                                "no session on this road: say HELLO first");
    } else {
        zloom_engine_bye_route (self, frame->route, err, zloom_note ());
    }
}

/* ---- bursts -------------------------------------------------------------------------------- */

/* Count a frame against the session's share of this turn; false when the share is used up. */
static bool
s_take_share (zloom_engine_t *self, zloom_session_t *session, const zloom_frame_t *frame)
{
    zloom_part_t *part = zloom_engine_part (session);
    if (part->burst_turn != self->turn_no) {
        part->burst_turn = self->turn_no;
        part->burst_frames = 0;
        part->burst_bytes = 0;
    }
    if (part->burst_frames >= self->share_frames ||
        part->burst_bytes >= ZLOOM_ENGINE_SESSION_BYTES) {
        return false;
    }
    part->burst_frames++;
    self->busy_sessions += part->burst_frames == ZLOOM_ENGINE_SESSION_BURST;
    part->burst_bytes += frame->verb.size;
    part->burst_bytes += frame->pack ? zloom_blob_bytes (frame->pack).size : 0;
    return true;
}

static void
s_put_aside (zloom_engine_t *self, zloom_session_t *session, const zloom_frame_t *frame)
{
    if (zloom_inbox_push (&session->inbox, frame->verb, frame->pack, frame->malformed) !=
        ZLOOM_OK) {
        zloom_engine_bye (self, session, ZLOOM_TOO_MANY, zloom_note ());
        return;
    }
    zloom_sessions_wait (self->sessions, session);
}

static void
s_receive_one (zloom_engine_t *self, const zloom_frame_t *frame)
{
    zloom_session_t *session = zloom_sessions_by_route (self->sessions, frame->route);
    if (!session) {
        s_stranger (self, frame);
        return;
    }
    if (zloom_engine_part (session)->ending) {
        return;
    }
    zloom_session_heard (session, self->now.mono_ns);
    if (session->inbox.count > 0 || !s_take_share (self, session, frame) ||
        s_work (self, session, frame) == ZLOOM_AGAIN) {
        s_put_aside (self, session, frame);
    }
}

/* Work on what waits in a session's inbox; true when something is left. */
static bool
s_work_inbox (zloom_engine_t *self, zloom_session_t *session)
{
    const zloom_inbox_item_t *item;
    while ((item = zloom_inbox_front (&session->inbox)) && !zloom_engine_part (session)->ending) {
        const zloom_frame_t frame = {.route = session->route,
                                     .key = session->key,
                                     .verb = zloom_blob_bytes (item->verb),
                                     .pack = item->pack,
                                     .malformed = item->malformed};
        if (!s_take_share (self, session, &frame)) {
            self->more = true;
            return true;
        }
        const uint64_t id = session->id;
        zloom_blob_t *verb = zloom_blob_ref (item->verb);
        const zloom_err_t err = s_work (self, session, &frame);
        zloom_blob_unref (&verb);
        if (err == ZLOOM_AGAIN) {
            return true;
        }
        if (zloom_sessions_by_id (self->sessions, id) != session) {
            return false; /* a HELLO took its place */
        }
        zloom_inbox_pop (&session->inbox);
    }
    return false;
}

/*
 * What one session may have of this turn: an equal part with each other that had more than the
 * least part in the last one. Those that have less come through anyway: the transport takes from
 * all who have something in turn.
 */
static void
s_plan_shares (zloom_engine_t *self)
{
    const size_t busy = self->busy_sessions > 1 ? self->busy_sessions : 1;
    self->share_frames = ZLOOM_ENGINE_BURST / busy;
    if (self->share_frames < ZLOOM_ENGINE_SESSION_BURST) {
        self->share_frames = ZLOOM_ENGINE_SESSION_BURST;
    }
    self->busy_sessions = 0;
}

static void
s_receive (zloom_engine_t *self)
{
    s_plan_shares (self);
    for (size_t left = zloom_sessions_waiting (self->sessions); left > 0; left--) {
        zloom_session_t *session = zloom_sessions_take_waiting (self->sessions);
        if (session && s_work_inbox (self, session)) {
            zloom_sessions_wait (self->sessions, session);
        }
    }
    zloom_frame_t frame;
    for (size_t i = 0; i < ZLOOM_ENGINE_BURST; i++) {
        frame = (zloom_frame_t){0};
        if (!self->transport.receive (self->transport.arg, &frame)) {
            return;
        }
        s_receive_one (self, &frame);
        if (frame.pack) {
            zloom_blob_unref (&frame.pack);
        }
    }
    self->more = true;
}

void
zloom_engine_receive (zloom_engine_t *self)
{
    s_receive (self);
    zloom_engine_close_bundle (self);
}
