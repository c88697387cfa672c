/* SPDX-License-Identifier: MPL-2.0 */
/* mouth.c - the ear itself, and what the router says. heard.c is about what it hears. */
#include "ear.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

sim_ear_t *
sim_ear_new (sim_ground_t *ground, sim_checker_t *checker)
{
    sim_ear_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    self->checker = checker;
    self->sessions = zloom_idmap_new ();
    return self;
}

void
sim_session_drop_step (sim_session_t *session, size_t index)
{
    free (session->steps[index].runs);
    session->step_count--;
    memmove (&session->steps[index], &session->steps[index + 1],
             (session->step_count - index) * sizeof *session->steps);
}

void
sim_session_free (sim_session_t *session)
{
    while (session->step_count > 0) {
        sim_session_drop_step (session, session->step_count - 1);
    }
    zloom_buf_fini (&session->name);
    zloom_buf_fini (&session->nonce);
    free (session);
}

void
sim_ear_forget (sim_ear_t *self)
{
    void *value;
    uint64_t route;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, &route, &value);) {
        zloom_idmap_remove (self->sessions, route);
        sim_session_free (value);
    }
}

void
sim_ear_destroy (sim_ear_t **self_p)
{
    if (*self_p) {
        sim_ear_forget (*self_p);
        zloom_idmap_destroy (&(*self_p)->sessions);
        zloom_arena_fini (&(*self_p)->arena);
        free (*self_p);
        *self_p = NULL;
    }
}

sim_flow_t
sim_session_flow (const sim_session_t *session, uint32_t handle)
{
    for (size_t i = 0; i < session->handle_count; i++) {
        if (session->handles[i].handle == handle) {
            return session->handles[i].consumes ? session->handles[i].flow : SIM_NO_FLOW;
        }
    }
    return SIM_NO_FLOW;
}

/* It wanted to say this, and nobody was there; more of the same may go unsaid in silence. */
static void
s_unsaid (void *arg, zloom_route_t route, zloom_bytes_t frame)
{
    sim_ear_t *self = arg;
    const sim_session_t *session = zloom_idmap_get (self->sessions, route);
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    if (!session || zloom_verb_decode (frame, &self->arena, &verb) != ZLOOM_OK ||
        verb.kind != ZLOOM_VERB_DELIVER) {
        return;
    }
    for (size_t i = 0; i < session->handle_count; i++) {
        sim_checker_unsaid (self->checker, session->handles[i].flow);
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void
s_ended (void *arg, zloom_route_t route)
{
    sim_ear_t *self = arg;
    sim_session_t *session = zloom_idmap_remove (self->sessions, route);
    sim_checker_released (self->checker, SIM_NO_FLOW, route, false);
    if (session) {
        sim_session_free (session);
    }
}

/* ---- said ------------------------------------------------------------------------------------ */

static void
s_say_welcome (sim_ear_t *self, sim_session_t *session, const zloom_verb_welcome_t *welcome)
{
    for (size_t i = 0; i < welcome->flow_count; i++) {
        const zloom_welcome_flow_t *flow = &welcome->flows[i];
        if (flow->code == ZLOOM_OK && flow->index < SIM_FLOWS + SIM_HANDLES) {
            session->by_index[flow->index] = sim_flow_named (flow->name);
            session->reach[flow->index] =
              flow->high > session->reach[flow->index] ? flow->high : session->reach[flow->index];
            sim_checker_confirmed (self->checker, session->by_index[flow->index],
                                   zloom_buf_bytes (&session->name), flow->high);
        }
    }
}

/* What the router says of the failures of the index-th message of a DELIVER. */
static uint32_t
s_failures (const zloom_verb_deliver_t *deliver, uint32_t index)
{
    for (size_t i = 0; i < deliver->fact_count; i++) {
        if (deliver->facts[i].i == index) {
            return deliver->facts[i].attempt;
        }
    }
    return 0;
}

/*
 * Nobody gets more than he has ever granted. What a liar granted before it said HELLO again on the
 * same road is not known any more.
 */
static void
s_check_credit (sim_ear_t *self, sim_session_t *session, const zloom_verb_deliver_t *deliver)
{
    for (size_t i = 0; i < session->handle_count && !session->again; i++) {
        sim_handle_t *handle = &session->handles[i];
        if (handle->handle != deliver->handle) {
            continue;
        }
        for (size_t r = 0; r < deliver->run_count; r++) {
            handle->messages += deliver->runs[r].n;
        }
        handle->frames++;
        if (handle->messages > handle->most_messages || handle->frames > handle->most_frames) {
            sim_fail (self->ground,
                      "credit: a consumer of %s gets %" PRIu64 " messages in %" PRIu64
                      " frames, it granted %" PRIu64 " and %" PRIu64,
                      sim_flow_name (handle->flow), handle->messages, handle->frames,
                      handle->most_messages, handle->most_frames);
        }
        return;
    }
}

static void
s_say_deliver (sim_ear_t *self, sim_session_t *session, const zloom_verb_deliver_t *deliver,
               zloom_bytes_t pack)
{
    const sim_flow_t flow = sim_session_flow (session, deliver->handle);
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t envelope;
    uint32_t index = 0;
    s_check_credit (self, session, deliver);
    if (session->again && flow == SIM_NO_FLOW) {
        /* On what it subscribed to before it said HELLO again: liars take orders. */
        sim_checker_unsaid (self->checker, SIM_ORDERS);
    }
    for (size_t i = 0; i < deliver->run_count; i++) {
        sim_trace (self->ground, "  delivers", deliver->runs[i].seq, deliver->runs[i].n,
                   deliver->token.number);
        for (uint32_t k = 0; k < deliver->runs[i].n; k++, index++) {
            if (!zloom_pack_next (&iter, &envelope)) {
                sim_fail (self->ground, "DELIVER has fewer messages than it says");
                return;
            }
            sim_checker_delivered (self->checker, flow, deliver->runs[i].seq + k, deliver->token,
                                   session->route, envelope, s_failures (deliver, index));
        }
    }
    if (zloom_pack_next (&iter, &envelope)) {
        sim_fail (self->ground, "DELIVER has more messages than it says");
    }
}

static void
s_say_settled (sim_ear_t *self, sim_session_t *session, const zloom_verb_settled_t *settled)
{
    const sim_flow_t flow = sim_session_flow (session, settled->handle);
    for (size_t i = 0; !settled->is_step && i < settled->run_count; i++) {
        sim_trace (self->ground, "  settled", settled->runs[i].first, settled->runs[i].n,
                   settled->runs[i].code);
        for (uint32_t k = 0; k < sim_sane (settled->runs[i].n); k++) {
            sim_checker_settled (self->checker, flow, settled->runs[i].first + k, settled->token,
                                 session->route, (zloom_err_t) settled->runs[i].code);
        }
    }
    for (size_t i = 0; settled->is_step && i < session->step_count; i++) {
        const sim_step_t *step = &session->steps[i];
        if (step->handle != settled->handle || step->token.boot != settled->token.boot ||
            step->token.number != settled->token.number) {
            continue;
        }
        /* A step that is refused says nothing of its single messages. */
        for (size_t r = 0; settled->step == ZLOOM_OK && r < step->count; r++) {
            for (uint32_t k = 0; k < sim_sane (step->runs[r].n); k++) {
                sim_checker_settled (self->checker, flow, step->runs[r].seq + k, step->token,
                                     session->route, ZLOOM_OK);
            }
        }
        sim_session_drop_step (session, i);
        break;
    }
}

static void
s_say (sim_ear_t *self, sim_session_t *session, const zloom_verb_t *verb, zloom_bytes_t pack)
{
    switch (verb->kind) {
    case ZLOOM_VERB_WELCOME:
        session->welcomed = true;
        s_say_welcome (self, session, &verb->welcome);
        for (size_t i = 0; i < session->early_count; i++) {
            sim_session_ids (session, &session->early[i]);
        }
        session->early_count = 0;
        break;
    case ZLOOM_VERB_CONFIRM:
        if (verb->confirm.flow < SIM_FLOWS + SIM_HANDLES) {
            if (session->welcomed && verb->confirm.upto_id > session->reach[verb->confirm.flow]) {
                sim_fail (self->ground,
                          "ids: route %" PRIu64 " is told that %" PRIu64 " is taken, up to %" PRIu64
                          " it said without a gap",
                          (uint64_t) session->route, verb->confirm.upto_id,
                          session->reach[verb->confirm.flow]);
            }
            sim_checker_confirmed (self->checker, session->by_index[verb->confirm.flow],
                                   zloom_buf_bytes (&session->name), verb->confirm.upto_id);
        }
        break;
    case ZLOOM_VERB_DELIVER:
        s_say_deliver (self, session, &verb->deliver, pack);
        if (!session->welcomed) {
            /* To who said HELLO again, which was not read yet: the leases end when it is. Or to a
             * new one who did not wait for its WELCOME: they are its own. */
            sim_checker_doubt (self->checker, session->route);
        }
        break;
    case ZLOOM_VERB_REFUSE:
        sim_checker_refused (self->checker);
        break;
    case ZLOOM_VERB_SETTLED:
        s_say_settled (self, session, &verb->settled);
        break;
    case ZLOOM_VERB_STALE:
        for (size_t i = 0; i < verb->stale.run_count; i++) {
            for (uint32_t k = 0; k < sim_sane (verb->stale.runs[i].n); k++) {
                sim_checker_stale (self->checker, sim_session_flow (session, verb->stale.handle),
                                   verb->stale.runs[i].seq + k, verb->stale.token, session->route);
            }
        }
        break;
    case ZLOOM_VERB_BYE:
        sim_checker_released (self->checker, SIM_NO_FLOW, session->route, false);
        break;
    default:
        break;
    }
}

static void
s_said (void *arg, zloom_route_t route, zloom_bytes_t frame, zloom_bytes_t pack)
{
    sim_ear_t *self = arg;
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    if (zloom_verb_decode (frame, &self->arena, &verb) != ZLOOM_OK) {
        sim_fail (self->ground, "the router says what cannot be read: %s", zloom_note ());
        return;
    }
    sim_trace (self->ground, zloom_verb_info (verb.kind)->name, route, frame.size, pack.size);
    sim_session_t *session = zloom_idmap_get (self->sessions, route);
    if (session) {
        s_say (self, session, &verb, pack);
    } else if (verb.kind != ZLOOM_VERB_BYE) {
        sim_fail (self->ground, "the router says %s to a stranger",
                  zloom_verb_info (verb.kind)->name);
    }
}

sim_mouth_t
sim_ear_mouth (sim_ear_t *self)
{
    return (sim_mouth_t){
      .arg = self, .heard = sim_ear_heard, .said = s_said, .unsaid = s_unsaid, .ended = s_ended};
}
