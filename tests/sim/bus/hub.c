/* SPDX-License-Identifier: MPL-2.0 */
#include "hub.h"

#define TURN_NS (SIM_MS / 50)

static void
s_staged (void *arg, bool disk, const zloom_record_t *record, uint64_t group)
{
    bus_hub_t *self = arg;
    (void) disk;
    if (record->type != ZLOOM_RECORD_PACK) {
        return;
    }
    sim_trace (self->ground, "staged", record->seq, record->count, group);
    const zloom_engine_t *engine = self->engine;
    for (size_t i = 0; i < engine->flow_count; i++) {
        if (engine->flows[i]->number == record->flow && engine->flows[i]->port->disk) {
            self->host.staged (self->host.arg, engine->flows[i], record);
        }
    }
}

void
bus_hub_stop (bus_hub_t *self, bool power_lost)
{
    sim_disk_freeze (self->disk);
    sim_net_down (self->net);
    zloom_engine_destroy (&self->engine);
    if (self->journal) {
        zloom_journal_close (&self->journal);
    }
    sim_disk_thaw (self->disk, power_lost);
    self->turn_ns = self->ground->mono_ns + 200 * SIM_MS;
    self->work_ns = ZLOOM_NEVER;
}

static void
s_crash (bus_hub_t *self)
{
    sim_trace (self->ground, "crash", sim_disk_calls (self->disk), 0, 0);
    self->crashes++;
    bus_hub_stop (self, true);
}

static void
s_open (bus_hub_t *self)
{
    const zloom_now_t now = sim_now (self->ground);
    const uint64_t seed = 1 + sim_below (self->ground, UINT32_MAX);
    const zloom_transport_t transport = sim_net_transport (self->net);
    self->engine = self->host.engine (self->host.arg, &transport, seed);
    const zloom_journal_config_t config = {.vfs = sim_disk_vfs (self->disk),
                                           .directory = "/log",
                                           .segment_bytes = 64 * 1024,
                                           .hot_bytes = 4 * 64 * 1024,
                                           .second_bytes = seed % 2 == 0 ? 1 : 0,
                                           .tail_cache_bytes = 16 * 1024,
                                           .manual = true,
                                           .seed = seed};
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    zloom_err_t err = zloom_log_open (&config, &owner, now, &self->journal);
    if (err != ZLOOM_OK) {
        self->journal = NULL;
    } else {
        sim_watch (self->journal, self->host.watch, &(sim_watcher_t){self, s_staged});
        err = zloom_engine_start (self->engine, self->journal, now);
    }
    sim_trace (self->ground, "open", (uint64_t) err, 0, 0);
    if (err != ZLOOM_OK && !sim_disk_stopped (self->disk)) {
        sim_fail (self->ground, "the router does not open: %s", zloom_note ());
        return;
    }
    if (sim_disk_stopped (self->disk)) {
        s_crash (self);
        return;
    }
    self->host.opened (self->host.arg, self->engine);
    sim_net_up (self->net);
    self->turn_ns = now.mono_ns;
    self->work_ns = now.mono_ns;
}

static void
s_turn (bus_hub_t *self)
{
    const zloom_now_t now = sim_now (self->ground);
    self->turn_ns = zloom_engine_turn (self->engine, now);
    self->turn_ns = self->turn_ns <= now.mono_ns ? now.mono_ns + TURN_NS : self->turn_ns;
    if (self->work_ns == ZLOOM_NEVER) {
        self->work_ns = now.mono_ns + sim_span (self->ground, SIM_MS / 50, SIM_MS / 2);
    }
    if (sim_disk_stopped (self->disk)) {
        s_crash (self);
    } else {
        self->host.check (self->host.arg, self->engine);
    }
}

void
bus_hub_run (bus_hub_t *self)
{
    if (!self->engine) {
        s_open (self);
        return;
    }
    if (self->work_ns > self->ground->mono_ns) {
        s_turn (self);
        return;
    }
    const bool worked = zloom_journal_work (self->journal);
    if (sim_disk_stopped (self->disk)) {
        s_crash (self);
        return;
    }
    self->work_ns =
      worked ? self->ground->mono_ns + sim_span (self->ground, SIM_MS / 50, SIM_MS) : ZLOOM_NEVER;
    if (worked) {
        s_turn (self);
    }
}

int64_t
bus_hub_next (const bus_hub_t *self)
{
    const int64_t frame_ns = self->engine ? sim_net_next (self->net) : ZLOOM_NEVER;
    const int64_t next_ns = self->turn_ns < self->work_ns ? self->turn_ns : self->work_ns;
    return frame_ns < next_ns ? frame_ns : next_ns;
}

void
bus_hub_init (bus_hub_t *self, sim_ground_t *ground, sim_net_t *net, const bus_host_t *host)
{
    zloom_simdisk_t *inner = zloom_simdisk_new (sim_below (ground, UINT32_MAX));
    *self = (bus_hub_t){.ground = ground,
                        .host = *host,
                        .net = net,
                        .disk = sim_disk_new (&inner),
                        .turn_ns = ground->mono_ns,
                        .work_ns = ZLOOM_NEVER};
}

void
bus_hub_fini (bus_hub_t *self)
{
    bus_hub_stop (self, true);
    sim_disk_destroy (&self->disk);
}

zloom_simdisk_t *
bus_hub_copy (bus_hub_t *self)
{
    zloom_simdisk_t *copy = zloom_simdisk_copy (sim_disk_inner (self->disk));
    sim_trace (self->ground, "copied", sim_disk_calls (self->disk), 0, 0);
    zloom_simdisk_crash (copy);
    return copy;
}

void
bus_hub_restore (bus_hub_t *self, zloom_simdisk_t **copy_p)
{
    sim_trace (self->ground, "restored", sim_disk_calls (self->disk), 0, 0);
    bus_hub_stop (self, false);
    sim_disk_replace (self->disk, copy_p);
}

/* Of a bus: each durable group is through. */
static bool
s_flow_empty (const zloom_hosted_t *flow)
{
    zloom_subscriber_row_t row;
    bool empty = true;
    if (flow->pattern->next_subscriber) {
        for (uint64_t cursor = 0;
             empty && flow->pattern->next_subscriber (flow->core, &cursor, &row);) {
            empty = row.lag == 0;
        }
        return empty;
    }
    zloom_range_t run;
    const uint64_t end = flow->pattern->next_seq (flow->core);
    return end <= 1 || !flow->pattern->next_live (flow->core, 1, end - 1, &run);
}

bool
bus_hub_empty (const bus_hub_t *self)
{
    bool empty = self->engine != NULL;
    for (size_t i = 0; empty && i < self->engine->flow_count; i++) {
        empty = s_flow_empty (self->engine->flows[i]);
    }
    return empty;
}
