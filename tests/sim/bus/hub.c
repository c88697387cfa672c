/* SPDX-License-Identifier: MPL-2.0 */
#include "hub.h"

#include "patterns/bus/bus.h"

#define TURN_NS (SIM_MS / 50)

static void
s_staged (void *arg, bool disk, const zloom_record_t *record, uint64_t group)
{
    bus_hub_t *self = arg;
    (void) disk;
    if (record->type == ZLOOM_RECORD_PACK) {
        sim_trace (self->ground, "staged", record->seq, record->count, group);
        bus_truth_staged (self->truth, record);
    }
}

static zloom_engine_t *
s_engine (bus_hub_t *self, uint64_t seed)
{
    static const char *const a[] = {"a.*"};
    static const zloom_subscriber_config_t subscribers[] = {
      {.name = "ledger", .durable = true},
      {.name = "mail", .patterns = a, .pattern_count = 1, .durable = true}};
    const zloom_engine_flow_t flow = {.pattern = &zloom_bus_pattern,
                                      .fingerprint = 1,
                                      .config = {.name = "events",
                                                 .pattern = "bus",
                                                 .confirm = ZLOOM_CONFIRM_DISK,
                                                 .lease_ns = 2 * SIM_S,
                                                 .failures_max = 1000000,
                                                 .backoff_ns = {20 * SIM_MS},
                                                 .backoff_count = 1,
                                                 .limit_messages = 400,
                                                 .limit_bytes = 64 * 1024,
                                                 .exceptions_max = 1000,
                                                 .retain_messages = 60,
                                                 .subscribers = subscribers,
                                                 .subscriber_count = 2}};
    const zloom_engine_config_t config = {
      .name = "sim", .flows = &flow, .flow_count = 1, .max_message_bytes = 8192, .seed = seed};
    const zloom_transport_t transport = sim_net_transport (self->net);
    return zloom_engine_new (&config, &transport);
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
    self->engine = s_engine (self, seed);
    const zloom_journal_config_t config = {.vfs = sim_disk_vfs (self->disk),
                                           .directory = "/log",
                                           .segment_bytes = 64 * 1024,
                                           .hot_bytes = 4 * 64 * 1024,
                                           .tail_cache_bytes = 16 * 1024,
                                           .manual = true,
                                           .seed = seed};
    const zloom_journal_owner_t owner = zloom_engine_owner (self->engine);
    zloom_err_t err = zloom_log_open (&config, &owner, now, &self->journal);
    if (err != ZLOOM_OK) {
        self->journal = NULL;
    } else {
        sim_watch (self->journal, true, &(sim_watcher_t){self, s_staged});
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
    const zloom_hosted_t *flow = self->engine->flows[0];
    bus_truth_cut (self->truth, flow->pattern->next_seq (flow->core));
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
    } else if (!zloom_bus_check (self->engine->flows[0]->core)) {
        sim_fail (self->ground, "the books of the bus do not balance");
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
bus_hub_init (bus_hub_t *self, sim_ground_t *ground, bus_truth_t *truth, sim_net_t *net)
{
    zloom_simdisk_t *inner = zloom_simdisk_new (sim_below (ground, UINT32_MAX));
    *self = (bus_hub_t){.ground = ground,
                        .truth = truth,
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

void *
bus_hub_core (const bus_hub_t *self)
{
    return self->engine->flows[0]->core;
}
