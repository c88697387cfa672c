/* SPDX-License-Identifier: MPL-2.0 */
#include "registry.h"

#include <stdlib.h>

#include "kinds.h"
#include "lints.h"

/* A handler without `timeout` ends so long before its lease, at most. */
#define EARLY_NS INT64_C (1000000000)

static const zloom_later_t s_later_patterns[] = {
  {"call", "use a queue each way until then"},
  {"stream", "use a queue until then"},
};

/* Words of other systems, and zloom's. */
static const zloom_synonym_t s_synonyms[] = {
  {"pubsub", "bus"},
  {"pub-sub", "bus"},
  {"topic", "bus"},
  {"topics", "bus"},
  {"exchange", "bus"},
  {"fanout", "bus"},
  {"event", "bus"},
  {"events", "bus"},
  {"rpc", "call"},
  {"request", "call"},
  {"request-reply", "call"},
  {"reqrep", "call"},
  {"log", "stream"},
  {"kafka", "stream"},
  {"jobs", "queue"},
  {"tasks", "queue"},
  {"push", "queue"},
  {"pipeline", "queue"},
  {"fifo", "queue"},
  {"buffer", "queue"},
  {"source", "poller"},
  {"input", "poller"},
  {"reader", "poller"},
  {"producer", "poller"},
  {"consumer", "worker"},
  {"processor", "worker"},
  {"handler", "worker"},
  {"function", "worker"},
  {"lambda", "worker"},
  {"service", "worker"},
  {"script", "worker"},
  {"task", "worker"},
  {"output", "sink"},
  {"writer", "sink"},
  {"target", "sink"},
  {"broker", "router"},
  {"hub", "router"},
  {"proxy", "forwarder"},
  {"bridge", "forwarder"},
  {"command", "run"},
  {"cmd", "run"},
  {"exec", "run"},
  {"args", "run"},
  {"program", "run"},
  {"params", "with"},
  {"type", "kind"},
  {"type", "pattern"},
  {"instances", "replicas"},
  {"workers", "replicas"},
  {"concurrency", "replicas"},
  {"parallel", "replicas"},
  {"credit", "prefetch"},
  {"max_in_flight", "prefetch"},
  {"environment", "env"},
  {"directory", "cwd"},
  {"workdir", "cwd"},
  {"deadline", "timeout"},
  {"visibility_timeout", "lease"},
  {"ack_wait", "lease"},
  {"ack_timeout", "lease"},
  {"dlq", "dead_letter"},
  {"deadletter", "dead_letter"},
  {"dead-letter", "dead_letter"},
  {"dead_letters", "dead_letter"},
  {"max_deliver", "retry"},
  {"max_attempts", "retry"},
  {"attempts", "failures"},
  {"retries", "failures"},
  {"max", "messages"},
  {"delay", "backoff"},
  {"delays", "backoff"},
  {"durability", "confirm"},
  {"acks", "confirm"},
  {"persistent", "confirm"},
  {"overflow", "on_full"},
  {"policy", "on_full"},
  {"max_length", "limit"},
  {"filename", "path"},
  {"name", "path"},
  {"tail", "follow"},
  {"sync", "fsync"},
  {"input", "from"},
  {"output", "to"},
  {"consumers", "to"},
  {"producers", "from"},
  {"channels", "flows"},
  {"queues", "flows"},
  {"edges", "flows"},
  {"services", "nodes"},
  {"processes", "nodes"},
  {"version", "zloom"},
  {"parameters", "params"},
  {"variables", "params"},
  {"console", "stdout"},
};

/* What a case of `tests:` may ask of a flow. */
static const char *const s_counters[] = {
#define COUNTER(name, help) #name,
  ZLOOM_FLOW_STAT_MAP (COUNTER)
#undef COUNTER
};

int64_t
zloom_worker_limit_ns (const zloom_worker_config_t *config, int64_t lease_ns)
{
    if (config->timeout_ns > 0) {
        return config->timeout_ns;
    }
    const int64_t tenth_ns = lease_ns / 10;
    const int64_t early_ns = tenth_ns < EARLY_NS ? tenth_ns : EARLY_NS;
    return lease_ns > 0 ? lease_ns - early_ns : INT64_MAX;
}

const zloom_registry_t *
zloom_registry (void)
{
    static const zloom_registry_t registry = {
      .nodes = zloom_node_kinds,
      .node_count = ZLOOM_NODE_KINDS,
      .patterns = zloom_flow_kinds,
      .pattern_count = ZLOOM_FLOW_KINDS,
      .later_patterns = s_later_patterns,
      .later_pattern_count = ZLOOM_COUNT (s_later_patterns),
      .implicit = &zloom_node_kinds[0],
      .implicit_name = ZLOOM_IMPLICIT_ROUTER,
      .carrier = &zloom_forwarder_kind,
      .edge = &zloom_node_kinds[ZLOOM_NODE_KINDS - 1],
      .synonyms = s_synonyms,
      .synonym_count = ZLOOM_COUNT (s_synonyms),
      .counters = s_counters,
      .counter_count = ZLOOM_COUNT (s_counters),
      .lints = zloom_lints,
      .lint_count = ZLOOM_LINTS,
    };
    return &registry;
}
