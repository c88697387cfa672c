/* SPDX-License-Identifier: MPL-2.0 */
#include "mouth.h"

#include "base/memory.h"

#include <stdlib.h>

#define HANDLES 8
#define STEPS 64

/* A STEP that was heard and not answered. */
typedef struct {
    zloom_token_t token;
    uint32_t handle;
    zloom_run_t *runs;
    size_t count;
} step_t;

/* What is known of the session on a route. */
typedef struct {
    zloom_route_t route;
    zloom_buf_t name;
    zloom_buf_t nonce;
    sim_flow_t by_index[SIM_FLOWS + HANDLES]; /* as WELCOME numbers them */
    struct {
        uint32_t handle;
        sim_flow_t flow;
        bool consumes;
    } handles[HANDLES];
    size_t handle_count;
    step_t steps[STEPS];
    size_t step_count;
    bool welcomed;
} session_t;

struct sim_ear {
    sim_ground_t *ground;
    sim_checker_t *checker;
    zloom_idmap_t *sessions; /* by route */
    zloom_arena_t arena;
};

sim_ear_t *
sim_ear_new (sim_ground_t *ground, sim_checker_t *checker)
{
    sim_ear_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    self->checker = checker;
    self->sessions = zloom_idmap_new ();
    return self;
}

static void
s_drop_step (session_t *session, size_t index)
{
    free (session->steps[index].runs);
    session->step_count--;
    memmove (&session->steps[index], &session->steps[index + 1],
             (session->step_count - index) * sizeof *session->steps);
}

static void
s_session_free (session_t *session)
{
    while (session->step_count > 0) {
        s_drop_step (session, session->step_count - 1);
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
        s_session_free (value);
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

static sim_flow_t
s_handle_flow (const session_t *session, uint32_t handle)
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
    const session_t *session = zloom_idmap_get (self->sessions, route);
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
    session_t *session = zloom_idmap_remove (self->sessions, route);
    sim_checker_released (self->checker, SIM_NO_FLOW, route, false);
    if (session) {
        s_session_free (session);
    }
}

/* ---- heard ----------------------------------------------------------------------------------- */

static void
s_hear_hello (sim_ear_t *self, zloom_route_t route, const zloom_verb_hello_t *hello)
{
    session_t *other;
    uint64_t key;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, &key, (void **) &other);) {
        if (key == route || zloom_bytes_equal (zloom_buf_bytes (&other->name), hello->name)) {
            sim_checker_released (self->checker, SIM_NO_FLOW, key, false);
        }
    }
    session_t *old = zloom_idmap_remove (self->sessions, route);
    if (old) {
        s_session_free (old);
    }
    session_t *session = zloom_alloc (sizeof *session);
    session->route = route;
    zloom_buf_add_bytes (&session->name, hello->name);
    zloom_buf_add_bytes (&session->nonce, hello->nonce);
    for (size_t i = 0; i < SIM_FLOWS + HANDLES; i++) {
        session->by_index[i] = SIM_NO_FLOW;
    }
    zloom_idmap_put (self->sessions, route, session);
}

static void
s_hear_subscribe (sim_ear_t *self, session_t *session, const zloom_verb_subscribe_t *subscribe)
{
    if (session->handle_count == HANDLES) {
        session->handle_count--; /* a liar's */
    }
    const sim_flow_t flow = sim_flow_named (subscribe->flow);
    session->handles[session->handle_count].handle = subscribe->handle;
    session->handles[session->handle_count].flow = flow;
    session->handles[session->handle_count].consumes = subscribe->mode == ZLOOM_MODE_CONSUME;
    session->handle_count++;
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

/* Runs of a liar may name any number of messages. */
static uint32_t
s_sane (uint32_t n)
{
    return n < 100000 ? n : 100000;
}

static void
s_hear_settles (sim_ear_t *self, const session_t *session, uint32_t handle, zloom_token_t token,
                const zloom_settle_run_t *runs, size_t count, bool step)
{
    const sim_flow_t flow = s_handle_flow (session, handle);
    for (size_t i = 0; i < count; i++) {
        sim_trace (self->ground, "  asks", runs[i].first, runs[i].n, runs[i].verdict);
        for (uint32_t k = 0; k < s_sane (runs[i].n); k++) {
            sim_checker_asked (self->checker, flow, runs[i].first + k, token, session->route,
                               runs[i].verdict, step);
        }
    }
}

static void
s_hear_step (sim_ear_t *self, session_t *session, const zloom_verb_step_t *verb)
{
    if (!verb->has_handle || session->step_count == STEPS) {
        return;
    }
    s_hear_settles (self, session, verb->handle, verb->token, verb->settles, verb->settle_count,
                    true);
    step_t *step = &session->steps[session->step_count++];
    *step = (step_t){.token = verb->token,
                     .handle = verb->handle,
                     .runs = zloom_realloc (NULL, verb->settle_count + 1, sizeof (zloom_run_t))};
    for (size_t i = 0; i < verb->settle_count; i++) {
        step->runs[step->count++] = (zloom_run_t){verb->settles[i].first, verb->settles[i].n};
    }
}

static void
s_hear_marks (sim_ear_t *self, const session_t *session, const zloom_verb_started_t *marks,
              bool started, int64_t extend_ns)
{
    const sim_flow_t flow = s_handle_flow (session, marks->handle);
    for (size_t i = 0; i < marks->run_count; i++) {
        for (uint32_t k = 0; k < s_sane (marks->runs[i].n); k++) {
            sim_checker_marked (self->checker, flow, marks->runs[i].seq + k, marks->token,
                                session->route, started, extend_ns);
        }
    }
}

static void
s_hear_gone (sim_ear_t *self, const zloom_verb_gone_t *gone)
{
    session_t *session;
    uint64_t route;
    for (size_t i = 0; zloom_idmap_next (self->sessions, &i, &route, (void **) &session);) {
        if (zloom_bytes_equal (zloom_buf_bytes (&session->name), gone->name) &&
            zloom_bytes_equal (zloom_buf_bytes (&session->nonce), gone->nonce)) {
            sim_checker_released (self->checker, SIM_NO_FLOW, route, true);
        }
    }
}

static void
s_hear (sim_ear_t *self, session_t *session, const zloom_verb_t *verb)
{
    switch (verb->kind) {
    case ZLOOM_VERB_SUBSCRIBE:
        s_hear_subscribe (self, session, &verb->subscribe);
        break;
    case ZLOOM_VERB_SEND:
        if (verb->send.flow < SIM_FLOWS + HANDLES) {
            sim_checker_heard (self->checker, session->by_index[verb->send.flow],
                               zloom_buf_bytes (&session->name), verb->send.first_id, verb->send.n);
        }
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
        sim_checker_released (self->checker, s_handle_flow (session, verb->unsubscribe.handle),
                              session->route, false);
        break;
    case ZLOOM_VERB_BYE:
        sim_checker_released (self->checker, SIM_NO_FLOW, session->route, false);
        break;
    case ZLOOM_VERB_GONE:
        s_hear_gone (self, &verb->gone);
        break;
    default:
        break;
    }
}

static void
s_heard (void *arg, zloom_route_t route, zloom_bytes_t frame, zloom_bytes_t pack)
{
    sim_ear_t *self = arg;
    zloom_verb_t verb;
    zloom_arena_reset (&self->arena);
    const bool whole = zloom_verb_decode (frame, &self->arena, &verb) == ZLOOM_OK;
    sim_trace (self->ground, whole ? zloom_verb_info (verb.kind)->name : "noise", route, frame.size,
               pack.size);
    session_t *session = zloom_idmap_get (self->sessions, route);
    if (!whole) {
        /* Whoever says what cannot be read loses its session. */
        sim_checker_released (self->checker, SIM_NO_FLOW, route, false);
    } else if (verb.kind == ZLOOM_VERB_HELLO) {
        s_hear_hello (self, route, &verb.hello);
    } else if (session) {
        s_hear (self, session, &verb);
    }
}

/* ---- said ------------------------------------------------------------------------------------ */

static void
s_say_welcome (sim_ear_t *self, session_t *session, const zloom_verb_welcome_t *welcome)
{
    for (size_t i = 0; i < welcome->flow_count; i++) {
        const zloom_welcome_flow_t *flow = &welcome->flows[i];
        if (flow->code == ZLOOM_OK && flow->index < SIM_FLOWS + HANDLES) {
            session->by_index[flow->index] = sim_flow_named (flow->name);
            sim_checker_confirmed (self->checker, session->by_index[flow->index],
                                   zloom_buf_bytes (&session->name), flow->high);
        }
    }
}

static void
s_say_deliver (sim_ear_t *self, const session_t *session, const zloom_verb_deliver_t *deliver,
               zloom_bytes_t pack)
{
    const sim_flow_t flow = s_handle_flow (session, deliver->handle);
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t envelope;
    for (size_t i = 0; i < deliver->run_count; i++) {
        sim_trace (self->ground, "  delivers", deliver->runs[i].seq, deliver->runs[i].n,
                   deliver->token.number);
        for (uint32_t k = 0; k < deliver->runs[i].n; k++) {
            if (!zloom_pack_next (&iter, &envelope)) {
                sim_fail (self->ground, "DELIVER has fewer messages than it says");
                return;
            }
            sim_checker_delivered (self->checker, flow, deliver->runs[i].seq + k, deliver->token,
                                   session->route, envelope);
        }
    }
    if (zloom_pack_next (&iter, &envelope)) {
        sim_fail (self->ground, "DELIVER has more messages than it says");
    }
}

static void
s_say_settled (sim_ear_t *self, session_t *session, const zloom_verb_settled_t *settled)
{
    const sim_flow_t flow = s_handle_flow (session, settled->handle);
    for (size_t i = 0; !settled->is_step && i < settled->run_count; i++) {
        sim_trace (self->ground, "  settled", settled->runs[i].first, settled->runs[i].n,
                   settled->runs[i].code);
        for (uint32_t k = 0; k < s_sane (settled->runs[i].n); k++) {
            sim_checker_settled (self->checker, flow, settled->runs[i].first + k, settled->token,
                                 session->route, (zloom_err_t) settled->runs[i].code);
        }
    }
    for (size_t i = 0; settled->is_step && i < session->step_count; i++) {
        const step_t *step = &session->steps[i];
        if (step->handle != settled->handle || step->token.boot != settled->token.boot ||
            step->token.number != settled->token.number) {
            continue;
        }
        /* A step that is refused says nothing of its single messages. */
        for (size_t r = 0; settled->step == ZLOOM_OK && r < step->count; r++) {
            for (uint32_t k = 0; k < s_sane (step->runs[r].n); k++) {
                sim_checker_settled (self->checker, flow, step->runs[r].seq + k, step->token,
                                     session->route, ZLOOM_OK);
            }
        }
        s_drop_step (session, i);
        break;
    }
}

static void
s_say (sim_ear_t *self, session_t *session, const zloom_verb_t *verb, zloom_bytes_t pack)
{
    switch (verb->kind) {
    case ZLOOM_VERB_WELCOME:
        session->welcomed = true;
        s_say_welcome (self, session, &verb->welcome);
        break;
    case ZLOOM_VERB_CONFIRM:
        if (verb->confirm.flow < SIM_FLOWS + HANDLES) {
            sim_checker_confirmed (self->checker, session->by_index[verb->confirm.flow],
                                   zloom_buf_bytes (&session->name), verb->confirm.upto_id);
        }
        break;
    case ZLOOM_VERB_DELIVER:
        s_say_deliver (self, session, &verb->deliver, pack);
        if (!session->welcomed) {
            /* It said HELLO again, which was not read yet: the leases end when it is. */
            sim_checker_released (self->checker, SIM_NO_FLOW, session->route, false);
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
            for (uint32_t k = 0; k < s_sane (verb->stale.runs[i].n); k++) {
                sim_checker_stale (self->checker, s_handle_flow (session, verb->stale.handle),
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
    session_t *session = zloom_idmap_get (self->sessions, route);
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
      .arg = self, .heard = s_heard, .said = s_said, .unsaid = s_unsaid, .ended = s_ended};
}
