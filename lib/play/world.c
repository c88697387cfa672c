/* SPDX-License-Identifier: MPL-2.0 */
/* world.c - the clock of a case, and its router: the real engine on the real journal. */
#include "play/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tag.h"
#include "patterns/registry.h"

/* When a case begins; nobody who reads a date in a report is to take it for today. */
#define START_MONO_NS (1000 * ZLOOM_NS_PER_S)
#define START_WALL_NS (INT64_C (946684800) * ZLOOM_NS_PER_S) /* 2000-01-01 */
/* After the last frame: what is put off by a node's or the router's own will has come by then. */
#define REST_NS (8 * ZLOOM_NS_PER_MS)
/* What a turn takes that wants another one at once. */
#define TURN_NS (20 * ZLOOM_NS_PER_US)
/* Nobody freezes here, so nobody has to be asked whether he lives; a year is soon over then. */
#define HEARTBEAT_NS (3600 * ZLOOM_NS_PER_S)
/* Within one virtual minute, and for each message sent; more are some that go round for ever. */
#define TURNS_MAX 100000u
#define TURNS_A_MESSAGE 20u
#define TURNS_NS (60 * ZLOOM_NS_PER_S)
#define SEGMENT_BYTES (1024u * 1024)

/* ---- the router ----------------------------------------------------------------------------- */

static zloom_err_t
s_open (zloom_world_t *self)
{
    const zloom_engine_config_t config = {
      .name = "router",
      .flows = self->flows,
      .flow_count = self->config->flow_count,
      .heartbeat_ns = HEARTBEAT_NS,
      .seed = ++self->born,
    };
    const zloom_transport_t transport = zloom_roads_transport (self->roads);
    self->engine = zloom_engine_new (&config, &transport);
    const zloom_journal_config_t journal = {
      .vfs = zloom_simdisk_vfs (self->disk),
      .directory = "/journal",
      .segment_bytes = SEGMENT_BYTES,
      .hot_bytes = UINT64_C (4) * SEGMENT_BYTES,
      .manual = true,
      .seed = self->born,
    };
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    zloom_err_t err = zloom_log_open (&journal, &owner, self->now, &self->journal);
    if (err == ZLOOM_OK) {
        err = zloom_engine_start (self->engine, self->journal, self->now);
    }
    self->turn_ns = self->now.mono_ns;
    self->back_ns = ZLOOM_NEVER;
    zloom_roads_up (self->roads, true);
    return err;
}

/* As SIGKILL: nothing is said or written any more, what was written is there. */
static void
s_end_router (zloom_world_t *self)
{
    if (self->engine) {
        zloom_roads_up (self->roads, false);
        zloom_simdisk_power_off_after (self->disk, 1);
        zloom_engine_destroy (&self->engine);
        if (self->journal) {
            zloom_journal_close (&self->journal);
        }
        zloom_simdisk_kill (self->disk);
    }
}

/* The eye comes first, so that it misses nothing of what the others do. */
static void
s_reconnect (zloom_world_t *self)
{
    zloom_play_peer_again (&self->eye.peer);
    zloom_world_rest (self);
    for (size_t i = 0; i < self->node_count; i++) {
        for (size_t j = 0; j < self->nodes[i].replica_count; j++) {
            zloom_play_peer_again (&self->nodes[i].replicas[j].peer);
        }
    }
    for (zloom_play_sender_t *sender = self->senders; sender; sender = sender->next) {
        zloom_play_peer_again (&sender->peer);
    }
}

static void
s_start_router (zloom_world_t *self)
{
    zloom_err_t err = s_open (self);
    if (err != ZLOOM_OK) {
        zloom_world_fail (self, self->step ? self->step->at : self->one->at,
                          "the router does not start: %s: %s", zloom_err_text (err), zloom_note ());
        self->stuck = true;
        return;
    }
    s_reconnect (self);
}

void
zloom_world_kill_router (zloom_world_t *self, int64_t away_ns)
{
    s_end_router (self);
    self->back_ns = zloom_time_add (self->now.mono_ns, away_ns);
    if (away_ns == 0) {
        s_start_router (self);
    }
}

static bool
s_turn (zloom_world_t *self)
{
    const int64_t now_ns = self->now.mono_ns;
    if (!self->engine) {
        if (self->back_ns > now_ns) {
            return false;
        }
        s_start_router (self);
        return true;
    }
    if (self->turn_ns > now_ns && !zloom_roads_wait (self->roads)) {
        return false;
    }
    self->turn_ns = zloom_engine_turn (self->engine, self->now);
    bool worked = false;
    while (zloom_journal_work (self->journal)) {
        worked = true;
    }
    if (worked) {
        self->turn_ns = now_ns; /* the journal's descriptor would wake it */
    } else if (self->turn_ns <= now_ns) {
        self->turn_ns = now_ns + TURN_NS;
    }
    return true;
}

/* ---- the clock ------------------------------------------------------------------------------ */

static bool
s_act (zloom_world_t *self)
{
    bool moved = zloom_play_peer_carry (&self->eye.peer);
    moved = zloom_play_eye_act (&self->eye) || moved;
    for (size_t i = 0; i < self->node_count; i++) {
        moved = zloom_play_node_act (&self->nodes[i]) || moved;
    }
    for (zloom_play_sender_t **at = &self->senders; *at;) {
        zloom_play_sender_t *sender = *at;
        moved = zloom_play_sender_act (sender) || moved;
        moved = zloom_play_peer_carry (&sender->peer) || moved;
        at = &sender->next;
    }
    return s_turn (self) || moved;
}

static int64_t
s_least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
s_peer_next (const zloom_play_peer_t *peer)
{
    return peer->core ? peer->next_ns : ZLOOM_NEVER;
}

static int64_t
s_next (const zloom_world_t *self)
{
    int64_t next_ns = self->engine ? self->turn_ns : self->back_ns;
    next_ns = s_least (next_ns, s_peer_next (&self->eye.peer));
    for (size_t i = 0; i < self->node_count; i++) {
        const zloom_play_node_t *node = &self->nodes[i];
        next_ns = s_least (next_ns, zloom_play_node_next (node));
        for (size_t j = 0; j < node->replica_count; j++) {
            next_ns = s_least (next_ns, s_peer_next (&node->replicas[j].peer));
        }
    }
    for (const zloom_play_sender_t *sender = self->senders; sender; sender = sender->next) {
        next_ns = s_least (next_ns, s_peer_next (&sender->peer));
    }
    return next_ns;
}

static void
s_set_clock (zloom_world_t *self, int64_t mono_ns)
{
    self->now.wall_ns += mono_ns - self->now.mono_ns;
    self->now.mono_ns = mono_ns;
}

/* Whatever comes next, at `limit_ns` at the latest; false: nothing does. */
static bool
s_go_on (zloom_world_t *self, int64_t limit_ns)
{
    if (self->stuck) {
        return false;
    }
    if (self->now.mono_ns - self->counted_ns >= TURNS_NS) {
        self->counted_ns = self->now.mono_ns;
        self->turns = 0;
    }
    if (++self->turns > TURNS_MAX + TURNS_A_MESSAGE * self->sent) {
        zloom_world_fail (self, self->step ? self->step->at : self->one->at,
                          "it does not come to rest: messages go round and round");
        self->stuck = true;
        return false;
    }
    const uint64_t frames = zloom_roads_frames (self->roads);
    const bool moved = s_act (self);
    if (zloom_roads_frames (self->roads) != frames) {
        self->active_ns = self->now.mono_ns;
    }
    if (moved) {
        return true;
    }
    const int64_t next_ns = s_next (self);
    if (next_ns > limit_ns) {
        return false;
    }
    if (next_ns > self->now.mono_ns) {
        s_set_clock (self, next_ns);
    }
    return true;
}

void
zloom_world_rest (zloom_world_t *self)
{
    self->active_ns = self->now.mono_ns;
    while (s_go_on (self, zloom_time_add (self->active_ns, REST_NS))) {
    }
}

void
zloom_world_pass (zloom_world_t *self, int64_t ns)
{
    /* From the sum of all waits, so that what passed while things came to rest does not add up. */
    self->case_ns = zloom_time_add (self->case_ns, ns);
    const int64_t until_ns = zloom_time_add (START_MONO_NS, self->case_ns);
    while (s_go_on (self, until_ns)) {
    }
    if (self->now.mono_ns < until_ns) {
        s_set_clock (self, until_ns);
    }
    zloom_world_rest (self);
}

/* ---- life ----------------------------------------------------------------------------------- */

size_t
zloom_world_flow (const zloom_world_t *self, const char *name)
{
    for (size_t i = 0; i < self->config->flow_count; i++) {
        if (strcmp (self->flows[i].config.name, name) == 0) {
            return i;
        }
    }
    zloom_assert (!"a flow that the recipe does not have");
    return 0;
}

/* How often the router of the recipe would ask who lives. */
static int64_t
s_heartbeat (const zloom_recipe_t *recipe)
{
    const zloom_kind_t *router = zloom_recipe_registry (recipe)->implicit;
    for (size_t i = 0; i < zloom_recipe_node_count (recipe); i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (node->kind == router) {
            const zloom_router_config_t *config = node->config;
            return config->heartbeat_ns;
        }
    }
    zloom_assert (!"a recipe without a router");
    return 0;
}

/*
 * Chance is off: a backoff is as long as it is written. Keys wait after a restart as long as they
 * would at the recipe's heartbeat, which is not the one here.
 */
static void
s_copy_flows (zloom_world_t *self)
{
    const zloom_play_config_t *config = self->config;
    const int64_t hold_ns = ZLOOM_ENGINE_HOLD_HEARTBEATS * s_heartbeat (config->recipe);
    self->flows = zloom_alloc ((config->flow_count + 1) * sizeof *self->flows);
    for (size_t i = 0; i < config->flow_count; i++) {
        self->flows[i] = config->flows[i];
        self->flows[i].config.jitter_ppm = 0;
        self->flows[i].config.hold_ns = hold_ns;
    }
}

/* Workers and sinks; a case sends in the place of the others. */
static void
s_add_nodes (zloom_world_t *self)
{
    const zloom_recipe_t *recipe = self->config->recipe;
    const size_t count = zloom_recipe_node_count (recipe);
    self->nodes = zloom_alloc ((count + 1) * sizeof *self->nodes);
    for (size_t i = 0; i < count; i++) {
        const zloom_recipe_node_t *node = zloom_recipe_node_at (recipe, i);
        if (node->kind->takes) {
            zloom_play_node_init (&self->nodes[self->node_count++], self, node);
        }
    }
}

void
zloom_world_init (zloom_world_t *self)
{
    self->now = (zloom_now_t){START_MONO_NS, START_WALL_NS};
    self->roads = zloom_roads_new ();
    self->disk = zloom_simdisk_new (1);
    s_copy_flows (self);
    s_add_nodes (self);
    self->back_ns = ZLOOM_NEVER;
    zloom_play_eye_open (self);
    s_start_router (self);
    for (size_t i = 0; i < self->node_count; i++) {
        zloom_play_node_start (&self->nodes[i]);
    }
    zloom_world_rest (self);
}

void
zloom_world_fini (zloom_world_t *self)
{
    s_end_router (self);
    while (self->senders) {
        zloom_play_sender_t *sender = self->senders;
        self->senders = sender->next;
        zloom_play_sender_destroy (&sender);
    }
    for (size_t i = 0; i < self->node_count; i++) {
        zloom_play_node_fini (&self->nodes[i]);
    }
    zloom_play_eye_fini (&self->eye, self->config->flow_count);
    zloom_roads_destroy (&self->roads);
    zloom_simdisk_destroy (&self->disk);
    free (self->nodes);
    free (self->flows);
}
