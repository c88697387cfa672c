/* SPDX-License-Identifier: MPL-2.0 */
#include "world_state.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Longest that a calm world may take to drain (Q10). */
#define DRAIN_NS (180 * SIM_S)
/* Turns of the scheduler between two looks at the books. */
#define BOOKS_EVERY 97

/* ---- making ---------------------------------------------------------------------------------- */

static void
s_add (sim_world_t *self, const sim_peer_options_t *options)
{
    zloom_grow (&self->peers, &self->capacity, self->count + 1, sizeof *self->peers);
    self->peers[self->count] = sim_peer_new (&self->stage, (uint32_t) self->count, options);
    self->count++;
}

static void
s_add_consumer (sim_world_t *self, sim_flow_t flow, bool careful)
{
    const sim_world_options_t *options = &self->options;
    s_add (self, &(sim_peer_options_t){.kind = SIM_CONSUMER,
                                       .flow = flow,
                                       .prefetch = options->prefetch,
                                       .work_ns = options->work_ns,
                                       .steps = flow == SIM_ORDERS,
                                       .stubborn = self->count % 2 == 1,
                                       .careful = careful});
}

static void
s_populate (sim_world_t *self)
{
    static const sim_flow_t s_to[] = {SIM_ORDERS, SIM_FAST, SIM_RING};
    static const sim_flow_t s_to_timed[] = {SIM_ORDERS, SIM_TIMED, SIM_ONCE};
    const sim_world_options_t *options = &self->options;
    for (size_t i = 0; i < options->producers; i++) {
        s_add (self, &(sim_peer_options_t){.kind = SIM_PRODUCER,
                                           .flow = options->only_orders  ? SIM_ORDERS
                                                   : options->host.timed ? s_to_timed[i % 3]
                                                                         : s_to[i % 3],
                                           .messages = options->messages,
                                           .pack = options->pack,
                                           .window = options->window,
                                           .burst = options->burst});
    }
    self->first_consumer = self->count;
    for (size_t i = 0; i < options->consumers; i++) {
        s_add_consumer (self, SIM_ORDERS, options->careful);
    }
    if (options->alone) {
        self->operator_at = self->count;
        return;
    }
    s_add_consumer (self, SIM_DEAD, true);
    s_add_consumer (self, SIM_OUT, options->careful);
    if (!options->only_orders) {
        s_add_consumer (self, SIM_FAST, options->careful);
        s_add_consumer (self, SIM_RING, options->careful);
    }
    if (!options->only_orders && options->host.timed) {
        s_add_consumer (self, SIM_TIMED, options->careful);
        s_add_consumer (self, SIM_ONCE, options->careful);
    }
    self->operator_at = self->count;
    if (options->chaos.hands) {
        s_add (self, &(sim_peer_options_t){.kind = SIM_OPERATOR, .flow = SIM_ORDERS});
    }
    for (size_t i = 0; i < options->liars; i++) {
        s_add (self,
               &(sim_peer_options_t){.kind = SIM_LIAR, .flow = i % 2 == 0 ? SIM_JUNK : SIM_ORDERS});
    }
}

/* What the parts have to say: between the lines of a trace, and one thing that is judged. */
static void
s_log (zloom_log_level_t level, const char *id, const char *text, void *arg)
{
    sim_world_t *self = arg;
    (void) level;
    if (self->ground.trace) {
        printf ("             log: %s %s\n", id, text);
    }
    size_t at = 0;
    while (at < self->logged_count && strcmp (self->logged[at].id, id) != 0) {
        at++;
    }
    if (at == self->logged_count && at < LOGGED) {
        self->logged[self->logged_count++] = (logged_t){id, 0};
    }
    self->logged[at < LOGGED ? at : 0].count++;
    if (strcmp (id, "deliver-bytes") == 0) {
        sim_checker_phantom (self->checker);
    }
}

sim_world_t *
sim_world_new (uint64_t seed, const sim_world_options_t *options, bool trace)
{
    sim_world_t *self = zloom_alloc (sizeof *self);
    sim_ground_init (&self->ground, seed, trace);
    self->options = *options;
    self->checker =
      sim_checker_new (&self->ground, options->host.keyed ? (int) options->host.order : SIM_NO_KEYS,
                       options->host.timed);
    self->ground.log = s_log;
    self->ground.log_arg = self;
    sim_ground_aside (&self->ground, false);
    self->ear = sim_ear_new (&self->ground, self->checker);
    const sim_mouth_t mouth = sim_ear_mouth (self->ear);
    self->net = sim_net_new (&self->ground, &mouth);
    self->router = sim_router_new (&self->ground, self->checker, self->ear, self->net,
                                   &options->host, options->probe_every);
    self->stage = (sim_stage_t){&self->ground, self->checker, self->net, false};
    sim_net_rough (self->net, options->chaos.network);
    sim_router_rough (self->router, options->chaos.stalls);
    s_populate (self);
    self->chaos_ns = self->ground.mono_ns + 100 * SIM_MS;
    return self;
}

void
sim_world_destroy (sim_world_t **self_p)
{
    sim_world_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        sim_peer_destroy (&self->peers[i]);
    }
    free (self->peers);
    sim_router_destroy (&self->router);
    sim_net_destroy (&self->net);
    sim_ear_destroy (&self->ear);
    zloom_log_set (ZLOOM_LOG_INFO, NULL, NULL);
    sim_checker_destroy (&self->checker);
    free (self);
    *self_p = NULL;
}

/* ---- the scheduler --------------------------------------------------------------------------- */

/* Let whoever is next do something; false when nobody ever will before `until_ns`. */
static bool
s_step (sim_world_t *self, int64_t until_ns)
{
    int64_t next_ns = sim_router_next (self->router);
    size_t who = self->count;
    for (size_t i = 0; i < self->count; i++) {
        const int64_t wants_ns = sim_peer_next (self->peers[i]);
        if (wants_ns < next_ns) {
            next_ns = wants_ns;
            who = i;
        }
    }
    const bool chaos = !self->stage.calm && self->chaos_ns < next_ns;
    next_ns = chaos ? self->chaos_ns : next_ns;
    if (next_ns > until_ns) {
        self->ground.mono_ns = until_ns;
        return false;
    }
    if (next_ns > self->ground.mono_ns) {
        self->ground.mono_ns = next_ns;
    }
    if (chaos) {
        sim_world_hurt (self);
        self->chaos_ns = self->ground.mono_ns + sim_span (&self->ground, 5 * SIM_MS, 400 * SIM_MS);
    } else if (who < self->count) {
        sim_peer_run (self->peers[who]);
    } else {
        sim_router_run (self->router);
    }
    zloom_engine_t *engine = sim_router_engine (self->router);
    if (++self->steps % BOOKS_EVERY == 0 && engine) {
        sim_checker_books (self->checker, engine);
    }
    return true;
}

bool
sim_world_run_until (sim_world_t *self, sim_world_until_fn *done, void *arg, int64_t most_ns)
{
    const int64_t until_ns = self->ground.mono_ns + most_ns;
    while (!self->ground.failed) {
        if (done && done (self, arg)) {
            return true;
        }
        if (!s_step (self, until_ns)) {
            return !done;
        }
    }
    return false;
}

bool
sim_world_run (sim_world_t *self, int64_t for_ns)
{
    return sim_world_run_until (self, NULL, NULL, for_ns);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool
s_drained (sim_world_t *self, void *arg)
{
    (void) arg;
    if (sim_router_state (self->router) != SIM_SERVES || !sim_checker_drained (self->checker)) {
        return false;
    }
    for (size_t i = 0; i < self->count; i++) {
        if (!sim_peer_done (self->peers[i])) {
            return false;
        }
    }
    return true;
}

static void
s_calm (sim_world_t *self)
{
    sim_trace (&self->ground, "calm", 0, 0, 0);
    self->stage.calm = true;
    sim_net_rough (self->net, false);
    sim_router_rough (self->router, false);
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (self->router));
    zloom_simdisk_capacity (disk, 0);
    zloom_simdisk_fail (disk, ZLOOM_SIMDISK_ANY, 0, ZLOOM_OK);
}

static bool
s_serves (sim_world_t *self, void *arg)
{
    (void) arg;
    return sim_router_state (self->router) == SIM_SERVES;
}

/* Whatever was paused goes on, and keys that are stuck: said again until it is heard. */
static void
s_resume (sim_world_t *self)
{
    static const sim_flow_t s_flows[] = {SIM_ORDERS, SIM_OUT, SIM_FAST};
    for (size_t i = 0; self->options.chaos.hands && i < 3; i++) {
        sim_operator_ask (self->peers[self->operator_at], "resume", s_flows[i]);
    }
    for (unsigned key = 0; self->options.chaos.hands && self->options.host.keyed && key < SIM_KEYS;
         key++) {
        sim_operator_free (self->peers[self->operator_at], key);
    }
}

/* What is left, and where. */
static void
s_explain (sim_world_t *self)
{
    zloom_buf_t text = {0};
    const zloom_engine_t *engine = sim_router_engine (self->router);
    for (size_t i = 0; engine && i < engine->flow_count; i++) {
        const zloom_hosted_t *flow = engine->flows[i];
        zloom_flow_stats_t stats = {0};
        flow->pattern->stats (flow->core, sim_now (&self->ground), &stats);
        zloom_buf_printf (&text,
                          "; %s: %" PRIu64 " ready, %" PRIu64 " leased, %" PRIu64 " wait, %" PRIu64
                          " move, %" PRIu64 " consumers%s",
                          flow->config.name, stats.ready, stats.leased, stats.waiting, stats.moving,
                          stats.consumers, stats.paused ? ", paused" : "");
    }
    for (size_t i = 0; i < self->count; i++) {
        if (!sim_peer_done (self->peers[i])) {
            zloom_buf_printf (&text, "; p%zu is not done", i);
        }
    }
    sim_fail (&self->ground, "Q10: it does not drain within %" PRId64 " s; router state %d%s",
              DRAIN_NS / SIM_S, (int) sim_router_state (self->router), zloom_buf_text (&text));
    zloom_buf_fini (&text);
}

bool
sim_world_finish (sim_world_t *self)
{
    s_calm (self);
    bool drained = false;
    for (int64_t at_ns = 0; at_ns < DRAIN_NS && !drained && !self->ground.failed;
         at_ns += 5 * SIM_S) {
        s_resume (self);
        drained = sim_world_run_until (self, s_drained, NULL, 5 * SIM_S);
    }
    if (!drained) {
        s_explain (self);
        return false;
    }
    sim_checker_finish (self->checker, sim_router_engine (self->router));
    sim_router_kill (self->router, true, SIM_S);
    if (!sim_world_run_until (self, s_serves, NULL, 60 * SIM_S)) {
        sim_fail (&self->ground, "Q10: the router does not come again");
        return false;
    }
    sim_checker_finish (self->checker, sim_router_engine (self->router));
    return !self->ground.failed;
}

uint64_t
sim_world_logged (const sim_world_t *self, const char *id)
{
    for (size_t i = 0; i < self->logged_count; i++) {
        if (strcmp (self->logged[i].id, id) == 0) {
            return self->logged[i].count;
        }
    }
    return 0;
}

sim_ground_t *
sim_world_ground (sim_world_t *self)
{
    return &self->ground;
}

sim_router_t *
sim_world_router (sim_world_t *self)
{
    return self->router;
}

sim_checker_t *
sim_world_checker (sim_world_t *self)
{
    return self->checker;
}

sim_peer_t *
sim_world_peer (sim_world_t *self, size_t index)
{
    zloom_assert (index < self->count);
    return self->peers[index];
}

size_t
sim_world_peers (const sim_world_t *self)
{
    return self->count;
}
