/* SPDX-License-Identifier: MPL-2.0 */
/* engine.c - the engine's life: made from a configuration, started on an opened journal. */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "engine/core.h"
#include "engine/recover.h"
#include "engine/trail_watch.h"
#include "patterns/common/producers.h"

#define ENGINE_TAG 0x5A656E67u
#define HEARTBEAT_NS ZLOOM_NS_PER_S
#define LIVENESS 4
/* Epochs of one boot: more sessions than one boot can ever see. */
#define EPOCHS_OF_BOOT_BITS 32

void
zloom_engine_check (const zloom_engine_t *self)
{
    ZLOOM_CHECK (self, ENGINE_TAG);
}

/* ---- making -------------------------------------------------------------------------------- */

static void
s_port_init (zloom_port_t *port, zloom_engine_t *engine, bool disk)
{
    port->engine = engine;
    port->disk = disk;
    port->seal_at_ns = ZLOOM_NEVER;
    port->flows = zloom_idmap_new ();
}

void
zloom_engine_name_flow (zloom_engine_t *self, zloom_hosted_t *flow, bool found)
{
    const char *const names[] = {flow->config.name, flow->outbox_of};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] && found) {
            zloom_map_put (self->by_name, zloom_bytes_text (names[i]), flow);
        } else if (names[i]) {
            zloom_map_remove (self->by_name, zloom_bytes_text (names[i]));
        }
    }
}

zloom_hosted_t *
zloom_engine_add_flow (zloom_engine_t *self, const zloom_engine_flow_t *flow)
{
    zloom_port_t *port = flow->config.confirm == ZLOOM_CONFIRM_DISK ? &self->disk : &self->memory;
    zloom_hosted_t *hosted = zloom_hosted_new (self, port, &flow->config, flow->pattern);
    hosted->fingerprint = flow->fingerprint;
    hosted->outbox_of = zloom_strdup (flow->flow);
    hosted->outbox_key = zloom_strdup (flow->key);
    hosted->outbox_events = flow->events;
    hosted->configured = true;
    zloom_grow (&self->flows, &self->flow_capacity, self->flow_count + 1, sizeof *self->flows);
    self->flows[self->flow_count++] = hosted;
    zloom_engine_name_flow (self, hosted, true);
    return hosted;
}

void
zloom_engine_join_dead_letters (zloom_engine_t *self)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_hosted_t *flow = self->flows[i];
        flow->dead_letter =
          flow->config.dead_letter
            ? zloom_engine_flow (self, zloom_bytes_text (flow->config.dead_letter))
            : NULL;
        if (flow->dead_letter == flow) {
            flow->dead_letter = NULL;
        }
    }
}

zloom_engine_t *
zloom_engine_new (const zloom_engine_config_t *config, const zloom_transport_t *transport)
{
    zloom_engine_t *self = zloom_alloc (sizeof *self);
    self->tag = ENGINE_TAG;
    self->name = zloom_strdup (config->name ? config->name : "router");
    self->heartbeat_ns = config->heartbeat_ns > 0 ? config->heartbeat_ns : HEARTBEAT_NS;
    self->liveness = config->liveness > 0 ? config->liveness : LIVENESS;
    self->max_message_bytes =
      config->max_message_bytes > 0 && config->max_message_bytes < ZLOOM_LIMIT_MESSAGE_BYTES
        ? config->max_message_bytes
        : ZLOOM_LIMIT_MESSAGE_BYTES;
    self->memory_limit_bytes =
      config->memory_limit_bytes > 0 ? config->memory_limit_bytes : UINT64_MAX;
    self->rights = config->rights;
    self->rights_arg = config->rights_arg;
    self->own_key = config->key;
    self->reload = config->reload;
    self->reload_arg = config->reload_arg;
    self->transport = *transport;
    self->seed = config->seed;
    /* The secret comes from a source of its own: of the other numbers, peers see some. */
    zloom_random_t secret;
    zloom_random_init (&secret, ~self->seed);
    self->secret[0] = zloom_random_next (&secret);
    self->secret[1] = zloom_random_next (&secret);
    if (self->seed == 0) {
        zloom_random_system (&self->seed, sizeof self->seed);
        zloom_random_system (self->secret, sizeof self->secret);
    }
    zloom_random_init (&self->random, self->seed);
    self->inner_boot = zloom_random_next (&self->random) | 1;
    s_port_init (&self->disk, self, true);
    s_port_init (&self->memory, self, false);
    self->by_name = zloom_map_new ();
    self->paused = zloom_map_new ();
    self->consumers = zloom_idmap_new ();
    self->reads = zloom_idmap_new ();
    self->hold = zloom_hold_new ();
    self->trail = zloom_trail_new (ZLOOM_LIMIT_TRACE_BYTES);
    self->next_consumer = 1;
    self->next_read = 1;
    for (size_t i = 0; i < ZLOOM_ENGINE_DEPTH; i++) {
        self->effects[i] = zloom_effects_new ();
    }
    for (size_t i = 0; i < config->flow_count; i++) {
        zloom_engine_add_flow (self, &config->flows[i]);
    }
    return self;
}

static void
s_sessions_fini (zloom_engine_t *self)
{
    zloom_session_t *session;
    for (size_t i = 0; self->sessions && (session = zloom_sessions_next (self->sessions, &i));) {
        zloom_engine_free_part (self, session);
    }
    zloom_sessions_destroy (&self->sessions);
}

void
zloom_engine_destroy (zloom_engine_t **self_p)
{
    zloom_assert (self_p);
    zloom_engine_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ENGINE_TAG);
    if (self->started) {
        zloom_journal_attest (self->disk.journal, self->now); /* its owner leaves */
    }
    s_sessions_fini (self);
    void *value;
    for (size_t i = 0; zloom_idmap_next (self->reads, &i, NULL, &value);) {
        free (value);
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_hosted_destroy (&self->flows[i]);
    }
    zloom_journal_close (&self->memory.journal);
    for (size_t i = 0; i < ZLOOM_ENGINE_DEPTH; i++) {
        zloom_effects_destroy (&self->effects[i]);
    }
    zloom_idmap_destroy (&self->disk.flows);
    zloom_idmap_destroy (&self->memory.flows);
    zloom_idmap_destroy (&self->consumers);
    zloom_idmap_destroy (&self->reads);
    zloom_map_destroy (&self->by_name);
    zloom_map_destroy (&self->paused);
    zloom_hold_destroy (&self->hold);
    zloom_trail_destroy (&self->trail);
    zloom_arena_fini (&self->arena);
    zloom_arena_fini (&self->scratch);
    zloom_buf_fini (&self->out);
    zloom_buf_fini (&self->head);
    zloom_bundle_fini (&self->bundle);
    zloom_shared_fini (&self->shared);
    free (self->flows);
    free (self->ending);
    free (self->over);
    free (self->arrivals);
    free (self->waits);
    free (self->name);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

/* ---- starting ------------------------------------------------------------------------------ */

void
zloom_engine_create (const zloom_engine_t *self, zloom_hosted_t *flow, uint64_t first_seq)
{
    const zloom_birth_t birth = {.boot = self->inner_boot,
                                 .first_seq = first_seq,
                                 .secret = {self->secret[0], self->secret[1]}};
    flow->core = flow->pattern->create (&flow->config, &birth);
    for (size_t i = 0; i < flow->reading_count; i++) {
        zloom_reading_t *reading = &flow->readings[i];
        reading->core = reading->pattern->create (&flow->config, &birth);
    }
}

static void
s_begin_flow (zloom_engine_t *self, zloom_hosted_t *flow)
{
    flow->number = zloom_journal_flow (flow->port->journal, flow->config.name);
    if (!flow->core) {
        const bool from_1 = flow->port->disk || flow->config.copy_of;
        const uint64_t first = from_1 ? 1 : self->boot.counter << ZLOOM_ENGINE_NUMBER_BITS;
        zloom_engine_create (self, flow, first);
    }
    zloom_idmap_put (flow->port->flows, flow->number, flow);
    flow->track = zloom_trail_track (self->trail, zloom_bytes_text (flow->config.name));
}

void
zloom_engine_begin_flow (zloom_engine_t *self, zloom_hosted_t *flow)
{
    s_begin_flow (self, flow);
    zloom_hosted_end_readings (flow);
    flow->pattern->recovered (flow->core, self->now);
    flow->durable_seq = flow->pattern->next_seq (flow->core) - 1;
    const zloom_event_t event = {.type = ZLOOM_EVENT_DURABLE, .durable_seq = flow->durable_seq};
    zloom_engine_feed (self, flow, &event);
}

static zloom_err_t
s_check_forgotten (zloom_engine_t *self)
{
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_hosted_t *flow = self->flows[i];
        const uint64_t backlog = flow->configured ? 0 : zloom_hosted_backlog (flow);
        if (backlog > 0) {
            return zloom_fail (ZLOOM_RECIPE,
                               "flow '%s' holds %llu unsettled messages but is not in the recipe "
                               "as a flow kept on disk: put it back, and take it out when it is "
                               "empty (`zloom dlq purge %s --yes` deletes what it holds)",
                               flow->config.name, (unsigned long long) backlog, flow->config.name);
        }
    }
    return ZLOOM_OK;
}

static void
s_set_boot (zloom_engine_t *self)
{
    self->boot = zloom_journal_boot (self->disk.journal);
    const uint8_t *log_id = zloom_journal_log_id (self->disk.journal);
    for (size_t i = 0; i < ZLOOM_LOG_ID_BYTES; i++) {
        static const char s_hex[] = "0123456789abcdef";
        self->log_text[2 * i] = s_hex[log_id[i] >> 4];
        self->log_text[2 * i + 1] = s_hex[log_id[i] & 15];
    }
    const zloom_sessions_config_t config = {.heartbeat_ns = self->heartbeat_ns,
                                            .liveness = self->liveness,
                                            .passing_mark = ZLOOM_PASSING_MARK,
                                            .first_epoch = self->boot.counter
                                                           << EPOCHS_OF_BOOT_BITS};
    self->sessions = zloom_sessions_new (&config);
}

zloom_err_t
zloom_engine_start (zloom_engine_t *self, zloom_journal_t *journal, zloom_now_t now)
{
    ZLOOM_CHECK (self, ENGINE_TAG);
    zloom_assert (!self->started && journal);
    self->now = now;
    self->disk.journal = journal;
    const zloom_journal_owner_t owner = zloom_recover_owner (&self->memory);
    self->memory.journal = zloom_memory_journal_new (&owner, zloom_random_next (&self->random));
    s_set_boot (self);
    zloom_engine_join_dead_letters (self);
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_hosted_t *flow = self->flows[i];
        if (flow->configured && flow->config.dead_letter && !flow->dead_letter) {
            return zloom_fail (ZLOOM_FAILED, "flow '%s': its dead letters '%s' are no other flow",
                               flow->config.name, flow->config.dead_letter);
        }
    }
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_engine_begin_flow (self, self->flows[i]);
    }
    const zloom_err_t err = s_check_forgotten (self);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_trail_resume (self);
    self->started = true;
    self->next_turn_ns = now.mono_ns;
    zloom_log (ZLOOM_LOG_INFO, "router-start", "router=%s log=%s boot=%llu flows=%zu", self->name,
               self->log_text, (unsigned long long) self->boot.counter, self->flow_count);
    return ZLOOM_OK;
}

/* ---- looking ------------------------------------------------------------------------------- */

zloom_err_t
zloom_engine_failed (const zloom_engine_t *self)
{
    ZLOOM_CHECK (self, ENGINE_TAG);
    return self->started ? zloom_journal_failed (self->disk.journal) : ZLOOM_OK;
}

zloom_hosted_t *
zloom_engine_flow (const zloom_engine_t *self, zloom_bytes_t name)
{
    return zloom_map_get (self->by_name, name);
}

bool
zloom_engine_allows (const zloom_engine_t *self, const zloom_session_t *session,
                     zloom_right_t right, const char *flow)
{
    return !self->rights || self->rights (self->rights_arg, session->key, right, flow);
}

zloom_token_t
zloom_engine_token_out (const zloom_engine_t *self, zloom_token_t token)
{
    if (token.boot == self->inner_boot) {
        token.boot = self->boot.random;
    }
    return token;
}

zloom_token_t
zloom_engine_token_in (const zloom_engine_t *self, zloom_token_t token)
{
    if (token.boot == self->boot.random) {
        token.boot = self->inner_boot;
    } else if (token.boot == self->inner_boot) {
        token.boot = 0; /* nobody was ever given it */
    }
    return token;
}
