/* SPDX-License-Identifier: MPL-2.0 */
#include "shores.h"

#include "patterns/bus/bus.h"
#include "patterns/queue/queue.h"

const char *const shore_flows[SHORE_FLOWS] = {"events", "jobs"};
const char *const shore_outboxes[SHORE_FLOWS] = {"events@far", "jobs@far"};

/* ---- what they host -------------------------------------------------------------------------- */

static zloom_engine_flow_t
s_queue (const char *name, uint64_t fingerprint)
{
    return (zloom_engine_flow_t){.pattern = &zloom_queue_pattern,
                                 .fingerprint = fingerprint,
                                 .config = {.name = name,
                                            .pattern = "queue",
                                            .confirm = ZLOOM_CONFIRM_DISK,
                                            .lease_ns = 2 * SIM_S,
                                            .failures_max = 1000000,
                                            .backoff_ns = {20 * SIM_MS},
                                            .backoff_count = 1,
                                            .limit_messages = 200,
                                            .limit_bytes = 64 * 1024,
                                            .on_full = ZLOOM_ON_FULL_BLOCK,
                                            .exceptions_max = 1000}};
}

/* As a router makes it (nodes/router/router_flows.c). */
static zloom_engine_flow_t
s_outbox (int flow, uint64_t fingerprint)
{
    zloom_engine_flow_t outbox = s_queue (shore_outboxes[flow], fingerprint);
    outbox.flow = shore_flows[flow];
    outbox.config.lease_ns = 1000000 * SIM_S;
    return outbox;
}

static zloom_engine_t *
s_engine (const char *name, const zloom_engine_flow_t *flows, const zloom_transport_t *transport,
          uint64_t seed)
{
    const zloom_engine_config_t config = {.name = name,
                                          .flows = flows,
                                          .flow_count = SHORE_FLOWS,
                                          .max_message_bytes = 8192,
                                          .seed = seed};
    return zloom_engine_new (&config, transport);
}

static zloom_engine_t *
s_source_engine (void *arg, const zloom_transport_t *transport, uint64_t seed)
{
    (void) arg;
    const zloom_engine_flow_t flows[SHORE_FLOWS] = {s_outbox (SHORE_EVENTS, 1),
                                                    s_outbox (SHORE_JOBS, 2)};
    return s_engine ("source", flows, transport, seed);
}

static zloom_engine_t *
s_far_engine (void *arg, const zloom_transport_t *transport, uint64_t seed)
{
    (void) arg;
    const zloom_engine_flow_t flows[SHORE_FLOWS] = {bus_events_flow (),
                                                    s_queue (shore_flows[SHORE_JOBS], 2)};
    return s_engine ("far", flows, transport, seed);
}

/* ---- who looks ------------------------------------------------------------------------------- */

static bus_truth_t *
s_truth (const shore_t *self, const zloom_hosted_t *flow)
{
    return self->truths[flow->config.name[0] == 'j' ? SHORE_JOBS : SHORE_EVENTS];
}

static void
s_staged (void *arg, const zloom_hosted_t *flow, const zloom_record_t *record)
{
    bus_truth_staged (s_truth (arg, flow), record);
}

static void
s_opened (void *arg, const zloom_engine_t *engine)
{
    for (size_t i = 0; i < engine->flow_count; i++) {
        const zloom_hosted_t *flow = engine->flows[i];
        bus_truth_cut (s_truth (arg, flow), flow->pattern->next_seq (flow->core));
    }
}

static void
s_check (void *arg, const zloom_engine_t *engine)
{
    const shore_t *self = arg;
    for (size_t i = 0; i < engine->flow_count; i++) {
        const zloom_hosted_t *flow = engine->flows[i];
        const bool ok = flow->pattern == &zloom_bus_pattern ? zloom_bus_check (flow->core)
                                                            : zloom_queue_check (flow->core);
        if (!ok) {
            sim_fail (self->ground, "the books of %s do not balance", flow->config.name);
        }
    }
}

bus_host_t
shore_source (shore_t *shore)
{
    return (bus_host_t){.arg = shore,
                        .engine = s_source_engine,
                        .staged = s_staged,
                        .opened = s_opened,
                        .check = s_check,
                        .watch = SIM_WATCH_DISK};
}

bus_host_t
shore_far (shore_t *shore)
{
    bus_host_t host = shore_source (shore);
    host.engine = s_far_engine;
    host.watch = SIM_WATCH_FAR_DISK;
    return host;
}
