/* SPDX-License-Identifier: MPL-2.0 */
#include "host.h"

#include "patterns/queue/queue.h"

static zloom_engine_flow_t
s_flow (sim_flow_t flow, int64_t failures, int64_t limit)
{
    return (zloom_engine_flow_t){
      .pattern = &zloom_queue_pattern,
      .fingerprint = 1000 + (uint64_t) flow,
      .config = {.name = sim_flow_name (flow),
                 .pattern = "queue",
                 .confirm = flow == SIM_FAST ? ZLOOM_CONFIRM_MEMORY : ZLOOM_CONFIRM_DISK,
                 .lease_ns = SIM_LEASE_NS,
                 .failures_max = failures,
                 .backoff_ns = SIM_BACKOFF_NS,
                 .backoff_count = 2,
                 .jitter_ppm = 100000,
                 .limit_messages = limit,
                 .limit_bytes = 64 * 1024,
                 .on_full = ZLOOM_ON_FULL_BLOCK,
                 .requeues_max = 5,
                 .exceptions_max = 1000}};
}

static void
s_flows (const sim_host_t *host, zloom_engine_flow_t *flows)
{
    for (int flow = 0; flow < SIM_FLOWS; flow++) {
        flows[flow] = s_flow ((sim_flow_t) flow, 1000000, 100);
    }
    zloom_flow_config_t *orders = &flows[SIM_ORDERS].config;
    orders->failures_max = SIM_ORDERS_FAILURES;
    orders->dead_letter = sim_flow_name (SIM_DEAD);
    if (host->orders_limit > 0) {
        orders->limit_messages = host->orders_limit;
        orders->limit_bytes = host->orders_limit * INT64_C (1024);
    }
    if (host->drops) {
        orders->limit_messages = 12;
        orders->on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    }
    if (host->keyed) {
        orders->key = "/key";
        orders->order = host->order;
    }
    flows[SIM_DEAD].config.limit_messages = 0;
    flows[SIM_DEAD].config.limit_bytes = 0;
    flows[SIM_RING].config.limit_messages = 12;
    flows[SIM_RING].config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
    flows[SIM_JUNK].config.limit_messages = 20;
    flows[SIM_JUNK].config.limit_bytes = 4096;
    flows[SIM_TIMED].config.aging_ns = 1000000 * SIM_S; /* no message grows that old here */
    flows[SIM_ONCE].config.dedup = true;
    flows[SIM_ONCE].config.dedup_window_ns = SIM_WINDOW_NS;
    flows[SIM_ONCE].config.dedup_max = 1000;
}

zloom_engine_t *
sim_host_engine (const sim_host_t *host, const zloom_transport_t *transport, uint64_t seed)
{
    zloom_engine_flow_t flows[SIM_FLOWS];
    s_flows (host, flows);
    size_t count = SIM_FLOWS;
    if (!host->timed) {
        flows[SIM_TIMED] = flows[SIM_JUNK];
        count = SIM_TIMED + 1;
    }
    const zloom_engine_config_t config = {
      .name = "sim", .flows = flows, .flow_count = count, .max_message_bytes = 8192, .seed = seed};
    return zloom_engine_new (&config, transport);
}

zloom_err_t
sim_host_open (const sim_host_t *host, zloom_engine_t *engine, zloom_vfs_t *disk, uint64_t seed,
               zloom_now_t now, zloom_journal_t **journal_p)
{
    const uint32_t segment_bytes = host->segment_bytes > 0 ? host->segment_bytes : 64 * 1024;
    const zloom_journal_config_t config = {.vfs = disk,
                                           .directory = "/log",
                                           .segment_bytes = segment_bytes,
                                           .hot_bytes = 4 * (uint64_t) segment_bytes,
                                           .second_bytes = host->second_bytes,
                                           .tail_cache_bytes = 32 * 1024,
                                           .manual = true,
                                           .seed = seed};
    const zloom_journal_owner_t owner = zloom_engine_owner (engine);
    return zloom_log_open (&config, &owner, now, journal_p);
}
