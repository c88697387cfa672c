/* SPDX-License-Identifier: MPL-2.0 */
/* peers.c - the common part: processes, roads, and what happens to them. */
#include "base/memory.h"
#include "carry.h"
#include "peer.h"
#include "wire/encode.h"

#include <stdio.h>
#include <stdlib.h>

sim_peer_t *
sim_peer_new (sim_stage_t *stage, uint32_t index, const sim_peer_options_t *options)
{
    sim_peer_t *self = zloom_alloc (sizeof *self);
    self->stage = stage;
    self->index = index;
    self->options = *options;
    snprintf (self->name, sizeof self->name, "p%u", index);
    self->reborn_ns = stage->ground->mono_ns + sim_span (stage->ground, 0, 50 * SIM_MS);
    self->next_ns = self->reborn_ns;
    return self;
}

static void
s_bury_ghost (sim_peer_t *self)
{
    zloom_client_core_destroy (&self->ghost);
    sim_road_leave (self->stage->net, &self->ghost_road);
}

/* The process ends, whatever it held. */
static void
s_bury (sim_peer_t *self)
{
    zloom_client_core_destroy (&self->core);
    sim_road_leave (self->stage->net, &self->road);
    self->work_count = 0;
    self->welcomed = false;
    self->fenced = false;
}

void
sim_peer_destroy (sim_peer_t **self_p)
{
    sim_peer_t *self = *self_p;
    if (self) {
        s_bury (self);
        s_bury_ghost (self);
        zloom_buf_fini (&self->body);
        free (self->numbers);
        free (self->work);
        free (self);
        *self_p = NULL;
    }
}

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    sim_peer_t *self = arg;
    if (self->haunted) {
        return; /* the ghost hears it */
    }
    sim_trace (self->stage->ground, "event", self->index, event->type, event->code);
    if (event->type == ZLOOM_CLIENT_WELCOME) {
        self->welcomed = true;
    }
    if (event->type == ZLOOM_CLIENT_ENDED && event->code == ZLOOM_FENCED) {
        /* Its own former process was heard late: a supervisor would start it again. */
        self->fenced = true;
    } else if (event->type == ZLOOM_CLIENT_ENDED) {
        sim_fail (self->stage->ground, "%s: the session ended for good: %s", self->name,
                  zloom_err_text (event->code));
    }
    if (self->options.kind == SIM_PRODUCER) {
        sim_producer_event (self, event);
    } else if (self->options.kind == SIM_CONSUMER) {
        sim_consumer_event (self, event);
    }
}

static void
s_born (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    for (size_t i = 0; i < sizeof self->nonce; i++) {
        self->nonce[i] = (uint8_t) sim_below (ground, 256);
    }
    zloom_client_flow_t flows[] = {{.name = sim_flow_name (self->options.flow)},
                                   {.name = sim_flow_name (SIM_OUT)}};
    const bool sends = self->options.kind == SIM_PRODUCER;
    const zloom_client_options_t options = {.name = self->name,
                                            .flows = sends ? flows : flows + 1,
                                            .flow_count = sends || self->options.steps ? 1 : 0,
                                            .window_messages =
                                              self->options.window ? self->options.window : 64,
                                            .pack_messages = self->options.pack,
                                            .seed = 1 + sim_below (ground, UINT32_MAX)};
    zloom_client_options_t mine = options;
    memcpy (mine.nonce, self->nonce, sizeof self->nonce);
    if (zloom_client_core_new (&mine, s_event, self, &self->core) != ZLOOM_OK) {
        sim_fail (ground, "%s: no core: %s", self->name, zloom_note ());
        return;
    }
    sim_trace (ground, "born", self->index, 0, 0);
    self->road = sim_net_connect (self->stage->net);
    zloom_client_core_connected (self->core, sim_now (ground));
    self->act_ns = ground->mono_ns;
    if (self->options.kind == SIM_CONSUMER) {
        sim_consumer_born (self);
    }
}

static int64_t
s_carry (sim_peer_t *self)
{
    return sim_carry (self->core, self->stage->ground, self->stage->net, &self->road,
                      !self->haunted);
}

/*
 * The same for the ghost, until it knows. Its connection is all it has: with a new HELLO it would
 * be the newer process.
 */
static int64_t
s_haunt (sim_peer_t *self)
{
    zloom_client_core_t *core = self->core;
    sim_road_t *road = self->road;
    self->core = self->ghost;
    self->road = self->ghost_road;
    self->haunted = true;
    const int64_t next_ns = s_carry (self);
    self->haunted = false;
    self->ghost_road = self->road;
    self->core = core;
    self->road = road;
    if (zloom_client_core_ended (self->ghost) != ZLOOM_OK ||
        zloom_client_core_wants_road (self->ghost) || self->stage->calm) {
        sim_trace (self->stage->ground, "ghost-ends", self->index, 0, 0);
        s_bury_ghost (self);
        return ZLOOM_NEVER;
    }
    return next_ns;
}

int64_t
sim_peer_next (const sim_peer_t *self)
{
    const int64_t now_ns = self->stage->ground->mono_ns;
    if (self->hung_ns > now_ns) {
        return self->hung_ns;
    }
    int64_t frame_ns = self->road ? sim_road_next (self->road) : ZLOOM_NEVER;
    const int64_t ghost_ns = self->ghost_road ? sim_road_next (self->ghost_road) : ZLOOM_NEVER;
    frame_ns = ghost_ns < frame_ns ? ghost_ns : frame_ns;
    return frame_ns < self->next_ns ? frame_ns : self->next_ns;
}

static void
s_run (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    if (self->options.kind == SIM_LIAR) {
        sim_liar_run (self);
        return;
    }
    if (!self->core) {
        if (self->reborn_ns > ground->mono_ns) {
            self->next_ns = self->reborn_ns;
            return;
        }
        s_born (self);
    }
    if (!self->core) {
        return;
    }
    s_carry (self);
    if (self->fenced) {
        sim_peer_die (self, 100 * SIM_MS, false);
        return;
    }
    if (self->welcomed && self->options.kind == SIM_PRODUCER) {
        sim_producer_act (self);
    } else if (self->options.kind == SIM_CONSUMER) {
        sim_consumer_act (self);
    } else {
        self->act_ns = ZLOOM_NEVER;
    }
    self->next_ns = self->core ? s_carry (self) : ZLOOM_NEVER;
    self->next_ns = self->act_ns < self->next_ns ? self->act_ns : self->next_ns;
    if (self->next_ns <= ground->mono_ns) {
        self->next_ns = ground->mono_ns + SIM_MS / 10;
    }
}

void
sim_peer_run (sim_peer_t *self)
{
    const int64_t ghost_ns = self->ghost ? s_haunt (self) : ZLOOM_NEVER;
    s_run (self);
    self->next_ns = ghost_ns < self->next_ns ? ghost_ns : self->next_ns;
}

const sim_peer_options_t *
sim_peer_options (const sim_peer_t *self)
{
    return &self->options;
}

/* ---- what happens to it ---------------------------------------------------------------------- */

void
sim_peer_hang (sim_peer_t *self, int64_t for_ns)
{
    sim_trace (self->stage->ground, "hang", self->index, (uint64_t) for_ns, 0);
    self->hung_ns = self->stage->ground->mono_ns + for_ns;
}

void
sim_peer_die (sim_peer_t *self, int64_t off_ns, bool forget)
{
    sim_trace (self->stage->ground, "die", self->index, (uint64_t) off_ns, forget);
    s_bury (self);
    self->forgot |= forget && self->options.kind == SIM_PRODUCER;
    self->hung_ns = 0;
    self->reborn_ns = self->stage->ground->mono_ns + off_ns;
    self->next_ns = self->reborn_ns;
}

void
sim_peer_twin (sim_peer_t *self)
{
    if (!self->welcomed || self->hung_ns > self->stage->ground->mono_ns) {
        return;
    }
    sim_trace (self->stage->ground, "twin", self->index, 0, 0);
    s_bury_ghost (self);
    self->ghost = self->core;
    self->ghost_road = self->road;
    self->core = NULL;
    self->road = NULL;
    sim_peer_die (self, 0, true);
}

void
sim_peer_leave (sim_peer_t *self, int64_t off_ns)
{
    if (!self->core || self->hung_ns > self->stage->ground->mono_ns) {
        return;
    }
    sim_trace (self->stage->ground, "leave", self->index, 0, 0);
    zloom_client_core_leave (self->core);
    s_carry (self);
    sim_peer_die (self, off_ns, false);
}

void
sim_peer_cut (sim_peer_t *self)
{
    if (self->road) {
        sim_trace (self->stage->ground, "cut", self->index, 0, 0);
        sim_net_cut (self->stage->net, self->road);
    }
}

void
sim_peer_double (sim_peer_t *self)
{
    if (self->core && self->hung_ns <= self->stage->ground->mono_ns) {
        sim_trace (self->stage->ground, "double", self->index, 0, 0);
        sim_road_leave (self->stage->net, &self->road);
        self->road = sim_net_connect (self->stage->net);
        zloom_client_core_connected (self->core, sim_now (self->stage->ground));
        self->next_ns = self->stage->ground->mono_ns;
    }
}

bool
sim_peer_lives (const sim_peer_t *self)
{
    return self->core && self->hung_ns <= self->stage->ground->mono_ns;
}

int64_t
sim_peer_waited (const sim_peer_t *self)
{
    return self->road ? sim_road_waited (self->road) : 0;
}

void
sim_peer_gone (const sim_peer_t *self, zloom_verb_gone_t *gone)
{
    *gone = (zloom_verb_gone_t){.name = zloom_bytes_text (self->name),
                                .nonce = zloom_bytes (self->nonce, sizeof self->nonce),
                                .exit = -1,
                                .signal = 9,
                                .text = zloom_bytes_text ("killed")};
}

bool
sim_peer_done (const sim_peer_t *self)
{
    if (self->options.kind == SIM_LIAR) {
        return true;
    }
    if (self->options.kind == SIM_PRODUCER && self->count < self->options.messages) {
        return false;
    }
    return self->core && self->welcomed && !self->forgot && self->work_count == 0 &&
           zloom_client_core_pending (self->core) == 0;
}

/* ---- an operator's hands --------------------------------------------------------------------- */

void
sim_operator_ask (sim_peer_t *self, const char *command, sim_flow_t flow)
{
    uint64_t request;
    if (!sim_peer_lives (self)) {
        return;
    }
    zloom_buf_clear (&self->body);
    zloom_encode_map (&self->body, 1);
    zloom_encode_string (&self->body, "flow");
    zloom_encode_string (&self->body, sim_flow_name (flow));
    const zloom_err_t err =
      zloom_client_core_admin (self->core, command, zloom_buf_bytes (&self->body), &request);
    sim_trace (self->stage->ground, command, flow, (uint64_t) err, 0);
    self->next_ns = self->stage->ground->mono_ns;
}

void
sim_operator_free (sim_peer_t *self, unsigned key)
{
    uint64_t request;
    char text[8];
    if (!sim_peer_lives (self)) {
        return;
    }
    sim_checker_freed (self->stage->checker);
    snprintf (text, sizeof text, "k%u", key);
    zloom_buf_clear (&self->body);
    zloom_encode_map (&self->body, 2);
    zloom_encode_string (&self->body, "flow");
    zloom_encode_string (&self->body, sim_flow_name (SIM_ORDERS));
    zloom_encode_string (&self->body, "key");
    zloom_encode_bytes (&self->body, zloom_bytes_text (text));
    (void) zloom_client_core_admin (self->core, "flow release", zloom_buf_bytes (&self->body),
                                    &request);
    self->next_ns = self->stage->ground->mono_ns;
}

void
sim_operator_report (sim_peer_t *self, const zloom_verb_gone_t *gone)
{
    if (sim_peer_lives (self)) {
        (void) zloom_client_core_gone (self->core, gone);
        self->next_ns = self->stage->ground->mono_ns;
    }
}
