/* SPDX-License-Identifier: MPL-2.0 */
/*
 * recover.c - the journal's owner. A flow that stands in the log and not in the configuration is
 * hosted all the same, without being reachable: its snapshots and what it still needs are kept, and
 * start () refuses to go on if it holds messages.
 */
#include "engine/recover.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"

/*
 * What a flow may repeat at a time: of the smallest records as many as their bytes hold, and one
 * that is as large as the wire allows may come on top.
 */
#define REPEAT_BYTES 2048
#define REPEAT_RECORDS (REPEAT_BYTES / 16)
#define ONE_BYTES (ZLOOM_LIMIT_MARK_BYTES + 512)

static zloom_hosted_t *
s_flow (const zloom_port_t *port, uint32_t number)
{
    return zloom_idmap_get (port->flows, number);
}

/* Each of the configuration's patterns reads the flow, the first one of them as its own. */
static void
s_add_readings (const zloom_engine_t *engine, zloom_hosted_t *flow)
{
    for (size_t i = 0; i < engine->flow_count; i++) {
        const zloom_pattern_t *pattern = engine->flows[i]->pattern;
        bool known = pattern == flow->pattern;
        for (size_t j = 0; j < flow->reading_count; j++) {
            known = known || flow->readings[j].pattern == pattern;
        }
        if (!known && flow->reading_count < ZLOOM_ENGINE_READINGS) {
            flow->readings[flow->reading_count++] = (zloom_reading_t){.pattern = pattern};
        }
    }
}

/* A flow that is only in the journal. */
static zloom_hosted_t *
s_host_forgotten (zloom_engine_t *engine, const char *name)
{
    if (engine->flow_count == 0) {
        return NULL;
    }
    const zloom_hosted_t *like = engine->flows[0];
    zloom_flow_config_t config = like->config;
    config.name = name;
    config.dead_letter = NULL;
    config.key = NULL;
    config.weight_count = 0;
    config.confirm = ZLOOM_CONFIRM_DISK;
    zloom_hosted_t *flow = zloom_hosted_new (engine, &engine->disk, &config, like->pattern);
    s_add_readings (engine, flow);
    zloom_grow (&engine->flows, &engine->flow_capacity, engine->flow_count + 1,
                sizeof *engine->flows);
    engine->flows[engine->flow_count++] = flow;
    return flow;
}

static zloom_err_t
s_on_flow (void *arg, uint32_t number, const char *name)
{
    zloom_port_t *port = arg;
    zloom_engine_t *engine = port->engine;
    zloom_hosted_t *flow = zloom_engine_flow (engine, zloom_bytes_text (name));
    if (!flow || flow->port != port) {
        flow = s_host_forgotten (engine, name);
    }
    if (!flow) {
        return zloom_fail (ZLOOM_FAILED,
                           "flow '%s' stands in the journal, but the recipe has no "
                           "flow at all",
                           name);
    }
    if (!flow->core) {
        flow->number = number;
        zloom_engine_create (engine, flow, 1);
        zloom_idmap_put (port->flows, number, flow);
    }
    return ZLOOM_OK;
}

/* The trail is worth no log that does not open: what cannot be read of it is left out. */
static void
s_replay_trail (const zloom_port_t *port, zloom_bytes_t bytes)
{
    if (zloom_trail_replay (port->engine->trail, bytes) != ZLOOM_OK) {
        zloom_log (ZLOOM_LOG_WARN, "trail-bytes", "router=%s %s", port->engine->name,
                   zloom_note ());
    }
}

/* One snapshot or record, read by a pattern. */
static zloom_err_t
s_read_by (const zloom_pattern_t *pattern, void *core, const zloom_bytes_t *snapshot,
           const zloom_replay_t *record)
{
    return snapshot ? pattern->restore (core, *snapshot) : pattern->replay (core, record);
}

/* ... and by all that may be the flow's. The first one that goes on takes the place of one that
 * does not; an error when none is left. */
static zloom_err_t
s_read (zloom_hosted_t *flow, const zloom_bytes_t *snapshot, const zloom_replay_t *record)
{
    size_t kept = 0;
    for (size_t i = 0; i < flow->reading_count; i++) {
        zloom_reading_t reading = flow->readings[i];
        if (s_read_by (reading.pattern, reading.core, snapshot, record) == ZLOOM_OK) {
            flow->readings[kept++] = reading;
        } else {
            reading.pattern->destroy (&reading.core);
        }
    }
    flow->reading_count = kept;
    const zloom_err_t err = s_read_by (flow->pattern, flow->core, snapshot, record);
    if (err == ZLOOM_OK || kept == 0) {
        return err;
    }
    flow->pattern->destroy (&flow->core);
    flow->pattern = flow->readings[0].pattern;
    flow->core = flow->readings[0].core;
    memmove (flow->readings, flow->readings + 1, --flow->reading_count * sizeof *flow->readings);
    return ZLOOM_OK;
}

static zloom_err_t
s_on_restore (void *arg, uint32_t number, zloom_bytes_t snapshot)
{
    zloom_hosted_t *flow = s_flow (arg, number);
    if (!flow && snapshot.size == 0) {
        return ZLOOM_OK; /* of a flow that this engine never had */
    }
    if (number == 0) {
        s_replay_trail (arg, snapshot);
        return ZLOOM_OK;
    }
    if (!flow) {
        return zloom_fail (ZLOOM_DAMAGED, "snapshot of flow %u, which has no name", number);
    }
    const zloom_err_t err = s_read (flow, &snapshot, NULL);
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("flow '%s': snapshot", flow->config.name);
    }
    return err;
}

static zloom_err_t
s_on_replay (void *arg, const zloom_record_t *record)
{
    zloom_hosted_t *flow = s_flow (arg, record->flow);
    if (record->type == ZLOOM_RECORD_TRACE) {
        s_replay_trail (arg, record->head);
        return ZLOOM_OK;
    }
    if (record->flow == 0 && record->type == ZLOOM_RECORD_HOLE) {
        return ZLOOM_OK; /* whole groups are lost, as the log said; flows hear of their own holes */
    }
    if (!flow) {
        return zloom_fail (ZLOOM_DAMAGED, "record of flow %u, which has no name", record->flow);
    }
    const zloom_replay_t replay = {.type = (uint8_t) record->type,
                                   .group = record->group,
                                   .seq = record->seq,
                                   .count = record->count,
                                   .payload_bytes = record->stored_bytes,
                                   .head = record->head};
    const zloom_err_t err = s_read (flow, NULL, &replay);
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("flow '%s': record at %llu", flow->config.name,
                           (unsigned long long) record->seq);
    }
    return err;
}

static void
s_on_snapshot (void *arg, uint32_t number, zloom_buf_t *out)
{
    const zloom_port_t *port = arg;
    const zloom_hosted_t *flow = s_flow (port, number);
    if (number == 0) {
        zloom_trail_snapshot (port->engine->trail, out);
    } else if (flow) {
        flow->pattern->snapshot (flow->core, out);
    }
}

static bool
s_on_next_live (void *arg, uint32_t number, uint64_t from, uint64_t last, zloom_range_t *run)
{
    const zloom_hosted_t *flow = s_flow (arg, number);
    return flow && flow->pattern->next_live (flow->core, from, last, run);
}

typedef struct {
    size_t bytes;
    bool more;
} repeat_t;

static void
s_repeat (zloom_hosted_t *flow, const zloom_turn_t *turn, void *arg)
{
    repeat_t *repeat = arg;
    repeat->more |= flow->pattern->repeat (flow->core, repeat->bytes, turn);
}

/* Inside the journal's poll: what it has no room for now is asked for again. */
static bool
s_on_repeat (void *arg)
{
    zloom_port_t *port = arg;
    zloom_engine_t *engine = port->engine;
    repeat_t repeat = {.bytes = REPEAT_BYTES};
    for (size_t i = 0; i < engine->flow_count; i++) {
        zloom_hosted_t *flow = engine->flows[i];
        if (flow->port != port || !flow->core || !flow->pattern->repeat) {
            continue;
        }
        if (zloom_journal_room (port->journal, REPEAT_RECORDS, REPEAT_BYTES + ONE_BYTES, false)) {
            return true;
        }
        zloom_engine_call (engine, flow, s_repeat, &repeat);
    }
    return repeat.more;
}

/* On a thread of the journal's: bytes in, bytes out. */
static bool
s_cut (const zloom_chunk_t *pack, uint64_t first, uint32_t count, zloom_buf_t *head,
       zloom_bytes_t *payload)
{
    const uint32_t index = (uint32_t) (first - pack->seq);
    zloom_bytes_t all;
    return zloom_pack_slice (pack->payload, 0, pack->count, &all) == ZLOOM_OK &&
           zloom_pack_slice (pack->payload, index, count, payload) == ZLOOM_OK &&
           zloom_pack_head_cut (pack->head, index, count, head) == ZLOOM_OK;
}

static void
s_on_fetched (void *arg, uint64_t cookie, zloom_err_t err, zloom_chunk_t *chunk)
{
    zloom_port_t *port = arg;
    zloom_engine_fetched (port->engine, cookie, err, chunk);
}

zloom_journal_owner_t
zloom_recover_owner (zloom_port_t *port)
{
    return (zloom_journal_owner_t){.arg = port,
                                   .flow = s_on_flow,
                                   .restore = s_on_restore,
                                   .replay = s_on_replay,
                                   .snapshot = s_on_snapshot,
                                   .next_live = s_on_next_live,
                                   .cut = s_cut,
                                   .repeat = s_on_repeat,
                                   .fetched = s_on_fetched};
}

zloom_journal_owner_t
zloom_engine_owner (zloom_engine_t *self)
{
    zloom_engine_check (self);
    return zloom_recover_owner (&self->disk);
}
