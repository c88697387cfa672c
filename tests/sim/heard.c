/* SPDX-License-Identifier: MPL-2.0 */
/* heard.c - what the router hears, and what that means for the checker. */
#include "base/memory.h"
#include "ear.h"

static void
s_hear_hello (sim_ear_t *self, zloom_route_t route, const zloom_verb_hello_t *hello)
{
    /*
     * An older session of this name on another road ends only if the router believes this HELLO;
     * then it forgets that road, or says BYE.
     */
    sim_checker_released (self->checker, SIM_NO_FLOW, route, false);
    sim_session_t *old = zloom_idmap_remove (self->sessions, route);
    sim_session_t *session = zloom_alloc (sizeof *session);
    session->route = route;
    if (old) {
        session->again = true;
        sim_session_free (old);
    }
    zloom_buf_add_bytes (&session->name, hello->name);
    zloom_buf_add_bytes (&session->nonce, hello->nonce);
    for (size_t i = 0; i < SIM_FLOWS + SIM_HANDLES; i++) {
        session->by_index[i] = SIM_NO_FLOW;
    }
    zloom_idmap_put (self->sessions, route, session);
}

static void
s_hear_subscribe (sim_ear_t *self, sim_session_t *session, const zloom_verb_subscribe_t *subscribe)
{
    if (session->handle_count == SIM_HANDLES) {
        session->handle_count--; /* a liar's */
    }
    const sim_flow_t flow = sim_flow_named (subscribe->flow);
    session->handles[session->handle_count++] = (sim_handle_t){
      .handle = subscribe->handle, .flow = flow, .consumes = subscribe->mode == ZLOOM_MODE_CONSUME};
    for (size_t i = 0; i < subscribe->holding_count; i++) {
        const zloom_holding_t *holding = &subscribe->holding[i];
        for (size_t k = 0; k < holding->run_count; k++) {
            for (uint32_t m = 0; m < holding->runs[k].n; m++) {
                sim_checker_holding (self->checker, flow, holding->runs[k].seq + m, holding->token,
                                     session->route);
            }
        }
    }
}

static void
s_hear_settles (sim_ear_t *self, const sim_session_t *session, uint32_t handle, zloom_token_t token,
                const zloom_settle_run_t *runs, size_t count, bool step)
{
    const sim_flow_t flow = sim_session_flow (session, handle);
    for (size_t i = 0; i < count; i++) {
        sim_trace (self->ground, "  asks", runs[i].first, runs[i].n, runs[i].verdict);
        for (uint32_t k = 0; k < sim_sane (runs[i].n); k++) {
            sim_checker_asked (self->checker, flow, runs[i].first + k, token, session->route,
                               runs[i].verdict, step, runs[i].delay_ms);
        }
    }
}

void
sim_session_ids (sim_session_t *session, const sim_ids_t *ids)
{
    uint64_t *reach = &session->reach[ids->index];
    const uint64_t end = ids->first + ids->n;
    if (ids->first >= 1 && ids->first <= *reach + 1 && end > *reach + 1) {
        *reach = end - 1;
    }
}

static void
s_hear_ids (sim_session_t *session, uint32_t index, uint64_t first_id, uint32_t n)
{
    const sim_ids_t ids = {index, n, first_id};
    if (session->welcomed) {
        sim_session_ids (session, &ids);
    } else if (session->early_count < SIM_EARLY) {
        session->early[session->early_count++] = ids;
    } else {
        session->reach[index] = UINT64_MAX / 2; /* too much to remember: anything goes */
    }
}

static void
s_hear_step (sim_ear_t *self, sim_session_t *session, const zloom_verb_step_t *verb)
{
    for (size_t i = 0; i < verb->emit_count; i++) {
        if (!verb->has_handle && verb->emits[i].flow < SIM_FLOWS + SIM_HANDLES) {
            s_hear_ids (session, verb->emits[i].flow, verb->emits[i].first_id, verb->emits[i].n);
        }
    }
    if (!verb->has_handle || session->step_count == SIM_STEPS) {
        return;
    }
    s_hear_settles (self, session, verb->handle, verb->token, verb->settles, verb->settle_count,
                    true);
    sim_step_t *step = &session->steps[session->step_count++];
    *step =
      (sim_step_t){.token = verb->token,
                   .handle = verb->handle,
                   .runs = zloom_realloc (NULL, verb->settle_count + 1, sizeof (zloom_run_t))};
    for (size_t i = 0; i < verb->settle_count; i++) {
        step->runs[step->count++] = (zloom_run_t){verb->settles[i].first, verb->settles[i].n};
    }
}

static void
s_hear_marks (sim_ear_t *self, const sim_session_t *session, const zloom_verb_started_t *marks,
              bool started, int64_t extend_ns)
{
    const sim_flow_t flow = sim_session_flow (session, marks->handle);
    for (size_t i = 0; i < marks->run_count; i++) {
        for (uint32_t k = 0; k < sim_sane (marks->runs[i].n); k++) {
            sim_checker_marked (self->checker, flow, marks->runs[i].seq + k, marks->token,
                                session->route, started, extend_ns);
        }
    }
}

static void
s_hear_credit (sim_session_t *session, const zloom_verb_credit_t *credit)
{
    for (size_t i = 0; i < session->handle_count && credit->target == ZLOOM_CREDIT_HANDLE; i++) {
        sim_handle_t *handle = &session->handles[i];
        if (handle->handle == credit->id) {
            handle->most_messages =
              credit->messages > handle->most_messages ? credit->messages : handle->most_messages;
            handle->most_frames =
              credit->frames > handle->most_frames ? credit->frames : handle->most_frames;
        }
    }
}

static void
s_hear_gone (sim_ear_t *self, const zloom_verb_gone_t *gone)
{
    sim_session_t *session;
    uint64_t route;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, &route, (void **) &session);) {
        if (zloom_bytes_equal (zloom_buf_bytes (&session->name), gone->name) &&
            zloom_bytes_equal (zloom_buf_bytes (&session->nonce), gone->nonce)) {
            sim_checker_released (self->checker, SIM_NO_FLOW, route, true);
        }
    }
}

static void
s_hear (sim_ear_t *self, sim_session_t *session, const zloom_verb_t *verb)
{
    switch (verb->kind) {
    case ZLOOM_VERB_SUBSCRIBE:
        s_hear_subscribe (self, session, &verb->subscribe);
        break;
    case ZLOOM_VERB_SEND:
        if (verb->send.flow < SIM_FLOWS + SIM_HANDLES) {
            s_hear_ids (session, verb->send.flow, verb->send.first_id, verb->send.n);
            sim_checker_heard (self->checker, session->by_index[verb->send.flow],
                               zloom_buf_bytes (&session->name), verb->send.first_id, verb->send.n);
        }
        break;
    case ZLOOM_VERB_CREDIT:
        s_hear_credit (session, &verb->credit);
        break;
    case ZLOOM_VERB_SETTLE:
        s_hear_settles (self, session, verb->settle.handle, verb->settle.token, verb->settle.runs,
                        verb->settle.run_count, false);
        break;
    case ZLOOM_VERB_STEP:
        s_hear_step (self, session, &verb->step);
        break;
    case ZLOOM_VERB_STARTED:
        s_hear_marks (self, session, &verb->started, true, 0);
        break;
    case ZLOOM_VERB_PROGRESS: {
        const zloom_verb_started_t marks = {.handle = verb->progress.handle,
                                            .token = verb->progress.token,
                                            .runs = verb->progress.runs,
                                            .run_count = verb->progress.run_count};
        s_hear_marks (self, session, &marks, false,
                      (int64_t) (verb->progress.extend_ms % 86400000) * SIM_MS);
        break;
    }
    case ZLOOM_VERB_UNSUBSCRIBE:
        sim_checker_leaves (self->checker, sim_session_flow (session, verb->unsubscribe.handle),
                            session->route);
        break;
    case ZLOOM_VERB_BYE:
        sim_checker_leaves (self->checker, SIM_NO_FLOW, session->route);
        break;
    case ZLOOM_VERB_GONE:
        s_hear_gone (self, &verb->gone);
        break;
    default:
        break;
    }
}

void
sim_ear_heard (void *arg, zloom_route_t route, zloom_bytes_t frame, zloom_bytes_t pack)
{
    sim_ear_t *self = arg;
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    const bool whole = zloom_verb_decode (frame, &self->arena, &verb) == ZLOOM_OK;
    sim_trace (self->ground, whole ? zloom_verb_info (verb.kind)->name : "noise", route, frame.size,
               pack.size);
    sim_session_t *session = zloom_idmap_get (self->sessions, route);
    if (!whole) {
        return; /* it is refused, or its session ends, which is said */
    }
    if (verb.kind == ZLOOM_VERB_HELLO) {
        s_hear_hello (self, route, &verb.hello);
    } else if (session) {
        s_hear (self, session, &verb);
    }
}
