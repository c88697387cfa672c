/* SPDX-License-Identifier: MPL-2.0 */
/*
 * node.c - a worker or a sink of a case. Each replica takes one message, says that it has started,
 * and, when its time has come, settles it, with what it emits in one step, as a real worker does.
 */
#include "play/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/units.h"
#include "patterns/registry.h"

/* ---- life ----------------------------------------------------------------------------------- */

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    zloom_play_replica_t *self = arg;
    if (event->type == ZLOOM_CLIENT_STEP && event->id == self->step) {
        self->step_over = true;
        self->step_code = event->code;
        (void) snprintf (self->step_text, sizeof self->step_text, "%.*s", (int) event->text.size,
                         event->text.size > 0 ? (const char *) event->text.data : "");
    }
}

static void
s_flows (zloom_play_node_t *self)
{
    const zloom_recipe_t *recipe = self->world->config->recipe;
    const zloom_recipe_flow_t *flow = NULL;
    self->ins = zloom_alloc ((zloom_recipe_in_count (recipe, self->node) + 1) * sizeof *self->ins);
    self->outs =
      zloom_alloc ((zloom_recipe_out_count (recipe, self->node) + 1) * sizeof *self->outs);
    for (size_t i = 0; (flow = zloom_recipe_next_in (recipe, self->node, &i));) {
        const int64_t lease_ns = zloom_flow_config (flow)->lease_ns;
        self->lease_ns =
          self->lease_ns == 0 || lease_ns < self->lease_ns ? lease_ns : self->lease_ns;
        self->ins[self->in_count++] = flow;
    }
    for (size_t i = 0; (flow = zloom_recipe_next_out (recipe, self->node, &i));) {
        self->outs[self->out_count++] = (zloom_client_flow_t){.name = flow->name};
    }
}

void
zloom_play_node_init (zloom_play_node_t *self, zloom_world_t *world,
                      const zloom_recipe_node_t *node)
{
    *self = (zloom_play_node_t){.world = world, .node = node, .back_ns = ZLOOM_NEVER};
    for (size_t i = 0; i < world->one->mock_count; i++) {
        self->mock = world->one->mocks[i].node == node ? &world->one->mocks[i] : self->mock;
    }
    if (self->mock) {
        self->used = zloom_alloc (self->mock->rule_count * sizeof *self->used);
    }
    s_flows (self);
    const zloom_worker_config_t *config = node->config;
    const bool worker = node->kind->id == ZLOOM_NODE_WORKER;
    self->replica_count = worker ? (size_t) config->replicas : 1;
    self->replicas = zloom_alloc (self->replica_count * sizeof *self->replicas);
    for (size_t i = 0; i < self->replica_count; i++) {
        zloom_play_replica_t *replica = &self->replicas[i];
        replica->peer.world = world;
        replica->peer.event = s_event;
        replica->peer.event_arg = replica;
        replica->number = (uint32_t) i + 1;
        replica->handles = zloom_alloc ((self->in_count + 1) * sizeof *replica->handles);
        (void) snprintf (replica->peer.name, sizeof replica->peer.name, "%s-%zu", node->name,
                         i + 1);
    }
}

/* As real nodes do (nodes/subscribe.c), but one message at a time. */
static zloom_subscription_options_t
s_subscription (const zloom_play_node_t *self, const zloom_recipe_flow_t *flow)
{
    const zloom_subscriber_config_t *subscriber = zloom_flow_subscriber (flow, self->node);
    return subscriber ? (zloom_subscription_options_t){.flow = flow->name,
                                                       .group = self->node->name,
                                                       .prefetch = 1,
                                                       .patterns = subscriber->patterns,
                                                       .pattern_count = subscriber->pattern_count,
                                                       .durable = subscriber->durable,
                                                       .from = subscriber->from,
                                                       .from_value = subscriber->from_value,
                                                       .on_slow = subscriber->on_slow,
                                                       .on_slow_value = subscriber->on_slow_value}
                      : (zloom_subscription_options_t){.flow = flow->name, .prefetch = 1};
}

void
zloom_play_node_start (zloom_play_node_t *self)
{
    self->back_ns = ZLOOM_NEVER;
    for (size_t i = 0; i < self->replica_count; i++) {
        zloom_play_replica_t *replica = &self->replicas[i];
        zloom_play_peer_born (&replica->peer, self->node->kind->name, self->outs, self->out_count);
        for (size_t j = 0; j < self->in_count; j++) {
            const zloom_subscription_options_t options = s_subscription (self, self->ins[j]);
            (void) zloom_client_core_subscribe (replica->peer.core, &options, &replica->handles[j]);
        }
    }
}

static void
s_let_go (zloom_play_replica_t *replica)
{
    zloom_play_outcome_fini (&replica->outcome);
    replica->message = NULL;
    replica->step = 0;
    replica->step_over = false;
}

void
zloom_play_node_kill (zloom_play_node_t *self, int64_t away_ns)
{
    zloom_world_t *world = self->world;
    for (size_t i = 0; i < self->replica_count; i++) {
        zloom_play_replica_t *replica = &self->replicas[i];
        if (!replica->peer.core) {
            continue;
        }
        s_let_go (replica);
        zloom_play_peer_die (&replica->peer);
        /* What its supervisor would say. */
        const zloom_verb_gone_t gone = {
          .name = zloom_bytes_text (replica->peer.name),
          .nonce = zloom_bytes (replica->peer.nonce, sizeof replica->peer.nonce),
          .exit = -1,
          .signal = 9};
        (void) zloom_client_core_gone (world->eye.peer.core, &gone);
    }
    zloom_play_peer_touch (&world->eye.peer);
    if (world->config->killed) {
        world->config->killed (world->config->arg, self->node);
    }
    self->back_ns = zloom_time_add (world->now.mono_ns, away_ns);
    zloom_world_rest (world);
}

void
zloom_play_node_fini (zloom_play_node_t *self)
{
    for (size_t i = 0; i < self->replica_count; i++) {
        s_let_go (&self->replicas[i]);
        zloom_play_peer_die (&self->replicas[i].peer);
        free (self->replicas[i].handles);
    }
    zloom_play_list_fini (&self->handled);
    free (self->replicas);
    free (self->used);
    free (self->ins);
    free (self->outs);
}

/* ---- a message ------------------------------------------------------------------------------ */

/* What the case has no word for is asked of the node itself. */
static void
s_ask (zloom_play_node_t *self, zloom_play_replica_t *replica)
{
    const zloom_play_config_t *config = self->world->config;
    zloom_play_outcome_t *outcome = &replica->outcome;
    const zloom_span_t at = self->world->step ? self->world->step->at : self->world->one->at;
    if (self->node->kind->id != ZLOOM_NODE_WORKER) {
        return; /* a sink takes what comes */
    }
    outcome->takes_ns = ZLOOM_NEVER;
    if (!config->work) {
        zloom_world_fail (self->world, at,
                          "node '%s' got a message, and the case has no mock of it",
                          self->node->name);
    } else if (config->work (config->arg, self->node, replica->number, replica->message, outcome) !=
               ZLOOM_OK) {
        zloom_world_fail (self->world, at, "node '%s': %s", self->node->name, zloom_note ());
        outcome->takes_ns = ZLOOM_NEVER;
    }
}

static void
s_decide (zloom_play_node_t *self, zloom_play_replica_t *replica)
{
    const zloom_message_t *message = replica->message;
    replica->outcome = (zloom_play_outcome_t){.settlement = {.delay_ms = ZLOOM_DELAY_UNSET}};
    if (!self->mock) {
        s_ask (self, replica);
    } else if (!zloom_play_mock (self, message, &replica->outcome)) {
        const zloom_span_t at = self->mock->rules[self->mock->rule_count - 1].at;
        zloom_world_fail (self->world, at, "no rule of '%s' is for %.*s (try %u)", self->node->name,
                          message->body_size > 80 ? 80 : (int) message->body_size,
                          message->body_size > 0 ? (const char *) message->body : "",
                          message->attempt + 1);
        replica->outcome.takes_ns = ZLOOM_NEVER;
    }
}

/* A worker's message has a time limit: its `timeout`, else a little less than its lease. */
static void
s_limit (const zloom_play_node_t *self, zloom_play_outcome_t *outcome)
{
    if (self->node->kind->id != ZLOOM_NODE_WORKER) {
        return;
    }
    const int64_t limit_ns = zloom_worker_limit_ns (self->node->config, self->lease_ns);
    if (outcome->takes_ns > limit_ns) {
        char limit[48];
        char text[80];
        (void) snprintf (text, sizeof text, "took longer than %s and was ended",
                         zloom_duration_text (limit_ns, limit));
        zloom_play_outcome_fini (outcome);
        zloom_play_fail_message (outcome, ZLOOM_VERDICT_RETRY, "failures", text);
        outcome->takes_ns = limit_ns;
    }
}

static bool
s_begin (zloom_play_node_t *self, zloom_play_replica_t *replica)
{
    zloom_client_core_t *core = replica->peer.core;
    for (size_t i = 0; i < self->in_count && !replica->message; i++) {
        const size_t at = (replica->turn + i) % self->in_count;
        if (zloom_client_core_receive (core, replica->handles[at], &replica->message)) {
            replica->turn = at + 1;
        }
    }
    if (!replica->message) {
        return false;
    }
    zloom_play_list_add (&self->handled, replica->message);
    (void) zloom_client_core_started (core, replica->message);
    (void) zloom_client_core_progress (core, replica->message, 0);
    s_decide (self, replica);
    s_limit (self, &replica->outcome);
    replica->due_ns = zloom_time_add (self->world->now.mono_ns, replica->outcome.takes_ns);
    zloom_play_peer_touch (&replica->peer);
    return true;
}

/* ---- its end -------------------------------------------------------------------------------- */

static void
s_settle (zloom_play_replica_t *replica)
{
    (void) zloom_client_core_settle (replica->peer.core, &replica->message,
                                     &replica->outcome.settlement);
    s_let_go (replica);
}

/* The emits cannot go: that is a failure of the message, for good or not. */
static void
s_give_up (zloom_play_replica_t *replica, zloom_err_t err, const char *text)
{
    const bool hopeless = zloom_step_is_hopeless (err);
    char why[512];
    (void) snprintf (why, sizeof why, "cannot emit: %s", text);
    zloom_play_outcome_fini (&replica->outcome);
    zloom_play_fail_message (&replica->outcome,
                             hopeless ? ZLOOM_VERDICT_REJECT : ZLOOM_VERDICT_RETRY,
                             hopeless ? "rejected" : "failures", why);
    s_settle (replica);
}

static zloom_err_t
s_emit (const zloom_play_node_t *self, zloom_step_t *step, const zloom_play_emit_t *emit)
{
    const char *flow = emit->flow;
    if (!flow && self->out_count != 1) {
        return zloom_fail (ZLOOM_UNKNOWN_FLOW,
                           "node '%s' has %zu flows to send to, and its handler names none",
                           self->node->name, self->out_count);
    }
    return zloom_step_emit (step, flow ? flow : self->outs[0].name, &emit->envelope,
                            self->world->now);
}

static void
s_commit (const zloom_play_node_t *self, zloom_play_replica_t *replica)
{
    const zloom_play_outcome_t *outcome = &replica->outcome;
    zloom_step_t *step = zloom_client_core_step (replica->peer.core);
    zloom_err_t err = zloom_step_settle (step, replica->message, &outcome->settlement);
    if (err == ZLOOM_STALE) {
        zloom_step_destroy (&step);
        s_settle (replica); /* somebody else's by now */
        return;
    }
    for (size_t i = 0; i < outcome->emit_count && err == ZLOOM_OK; i++) {
        err = s_emit (self, step, &outcome->emits[i]);
    }
    if (err == ZLOOM_OK) {
        err = zloom_client_core_commit (replica->peer.core, &step, &replica->step);
    }
    if (err != ZLOOM_OK) {
        zloom_step_destroy (&step);
        s_give_up (replica, err, zloom_note ());
    }
}

static void
s_answered (zloom_play_replica_t *replica)
{
    const zloom_err_t code = replica->step_code;
    replica->step = 0;
    replica->step_over = false;
    if (code == ZLOOM_OK || code == ZLOOM_STALE || code == ZLOOM_SETTLED) {
        s_let_go (replica); /* it is not ours any more */
    } else {
        s_give_up (replica, code, replica->step_text);
    }
}

static bool
s_act (zloom_play_node_t *self, zloom_play_replica_t *replica)
{
    bool moved = zloom_play_peer_carry (&replica->peer);
    if (!replica->peer.core) {
        return moved;
    }
    if (replica->step_over) {
        s_answered (replica);
    } else if (!replica->message) {
        return s_begin (self, replica) || moved;
    } else if (replica->step > 0 || replica->due_ns > self->world->now.mono_ns) {
        return moved;
    } else if (replica->outcome.emit_count > 0) {
        s_commit (self, replica);
    } else {
        s_settle (replica);
    }
    zloom_play_peer_touch (&replica->peer);
    return true;
}

bool
zloom_play_node_act (zloom_play_node_t *self)
{
    bool moved = false;
    if (self->back_ns != ZLOOM_NEVER) {
        if (self->back_ns > self->world->now.mono_ns) {
            return false;
        }
        zloom_play_node_start (self);
        moved = true;
    }
    for (size_t i = 0; i < self->replica_count; i++) {
        moved = s_act (self, &self->replicas[i]) || moved;
    }
    return moved;
}

int64_t
zloom_play_node_next (const zloom_play_node_t *self)
{
    int64_t next_ns = self->back_ns;
    for (size_t i = 0; i < self->replica_count; i++) {
        const zloom_play_replica_t *replica = &self->replicas[i];
        if (replica->message && replica->step == 0 && replica->due_ns < next_ns) {
            next_ns = replica->due_ns;
        }
    }
    return next_ns;
}
