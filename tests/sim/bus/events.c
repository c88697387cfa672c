/* SPDX-License-Identifier: MPL-2.0 */
#include "events.h"

#include "patterns/bus/bus.h"

#include <inttypes.h>

zloom_engine_flow_t
bus_events_flow (void)
{
    static const char *const mail[] = {BUS_MAIL};
    static const zloom_subscriber_config_t subscribers[] = {
      {.name = "ledger", .durable = true},
      {.name = "mail", .patterns = mail, .pattern_count = 1, .durable = true}};
    return (zloom_engine_flow_t){.pattern = &zloom_bus_pattern,
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
}

static zloom_engine_t *
s_engine (void *arg, const zloom_transport_t *transport, uint64_t seed)
{
    const bus_truth_t *truth = arg;
    zloom_engine_flow_t flow = bus_events_flow ();
    if (truth->drops) {
        flow.config.on_full = ZLOOM_ON_FULL_DROP_OLDEST;
        flow.config.limit_messages = 60;
    }
    const zloom_engine_config_t config = {
      .name = "sim", .flows = &flow, .flow_count = 1, .max_message_bytes = 8192, .seed = seed};
    return zloom_engine_new (&config, transport);
}

static void
s_staged (void *arg, const zloom_hosted_t *flow, const zloom_record_t *record)
{
    (void) flow;
    bus_truth_staged (arg, record);
}

static void
s_opened (void *arg, const zloom_engine_t *engine)
{
    const zloom_hosted_t *flow = engine->flows[0];
    bus_truth_cut (arg, flow->pattern->next_seq (flow->core));
}

static void
s_check (void *arg, const zloom_engine_t *engine)
{
    bus_truth_t *truth = arg;
    if (!zloom_bus_check (engine->flows[0]->core)) {
        sim_fail (truth->ground, "the books of the bus do not balance");
    }
}

bus_host_t
bus_events_host (bus_truth_t *truth)
{
    return (bus_host_t){.arg = truth,
                        .engine = s_engine,
                        .staged = s_staged,
                        .opened = s_opened,
                        .check = s_check,
                        .watch = SIM_WATCH_DISK};
}

void
bus_events_judge (const zloom_hosted_t *flow, bus_truth_t *truth)
{
    zloom_subscriber_row_t row;
    for (uint64_t cursor = 0; flow->pattern->next_subscriber (flow->core, &cursor, &row);) {
        if (row.durable) {
            const bool mail = zloom_bytes_equal (row.group, zloom_bytes_text ("mail"));
            const uint64_t wanted = bus_truth_count (truth, mail ? BUS_MAIL : "");
            truth->acked += row.acked;
            truth->dropped += row.dropped;
            if (row.acked + (truth->drops ? row.dropped : 0) != wanted) {
                sim_fail (truth->ground,
                          "%.*s: %" PRIu64 " were for it, %" PRIu64 " are acked, %" PRIu64
                          " dropped",
                          (int) row.group.size, (const char *) row.group.data, wanted, row.acked,
                          row.dropped);
            }
        }
    }
}
