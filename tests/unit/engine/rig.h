/* SPDX-License-Identifier: MPL-2.0 */
/*
 * rig.h - an engine with the real queue on a real log over a simulated disk, a virtual clock, and
 * peers that a test plays by hand. A peer is a route number.
 *
 * Example:
 *     rig_t rig;
 *     rig_open (&rig, flows, 1);
 *     rig_put (&rig, 1, &verb, &pack);
 *     rig_settle (&rig);                          // turns and disk work until nothing moves
 *     rig_expect (&rig, 1, ZLOOM_VERB_CONFIRM);   // it is in rig.verb and rig.pack then
 */
#ifndef ZLOOM_TESTS_ENGINE_RIG_H
#define ZLOOM_TESTS_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "patterns/queue/queue.h"
#include "simdisk/simdisk.h"
#include "wire/pack.h"
#include "wire/verb.h"

#define RIG_ROUTES 512

typedef struct {
    zloom_route_t route;
    zloom_buf_t verb;
    zloom_blob_t *pack;
    const void *from; /* where the engine has the pack's bytes */
    bool malformed;
    bool done;
} rig_frame_t;

typedef struct {
    zloom_engine_t *engine;
    zloom_journal_t *journal;
    zloom_simdisk_t *disk;
    zloom_now_t now;
    uint64_t seed;
    rig_frame_t *in; /* to the engine */
    size_t in_count, in_capacity, in_at;
    rig_frame_t *out; /* from the engine */
    size_t out_count, out_capacity;
    zloom_err_t broken[RIG_ROUTES]; /* what sending to it returns */
    bool forgotten[RIG_ROUTES];
    const char *keys[RIG_ROUTES]; /* with which it came; NULL: none */
    zloom_blob_t *received;       /* keeps rig.verb's frame */
    zloom_arena_t arena;
    zloom_verb_t verb;     /* what rig_take found */
    zloom_buf_t frame;     /* its bytes */
    zloom_buf_t pack;      /* its pack */
    const void *pack_from; /* ... and where the engine has it: to compare, not to read */
    const zloom_engine_flow_t *flows;
    size_t flow_count;
    int64_t wake_ns;
    zloom_rights_fn *rights;
    const char *key; /* of the router's own host; NULL: none */
    uint64_t hot_bytes;
    uint64_t disk_limit_bytes;
    uint64_t memory_limit_bytes;
    uint64_t max_message_bytes;
    int64_t heartbeat_ns; /* 0: the engine's own */
    uint32_t liveness;
} rig_t;

/* ---- flows --------------------------------------------------------------------------------- */

static inline zloom_engine_flow_t
rig_flow (const char *name, zloom_confirm_t confirm)
{
    return (zloom_engine_flow_t){.config = {.name = name,
                                            .pattern = "queue",
                                            .confirm = confirm,
                                            .lease_ns = 30 * ZLOOM_NS_PER_S,
                                            .failures_max = 3,
                                            .limit_messages = 1000000,
                                            .limit_bytes = INT64_C (1) << 30,
                                            .on_full = ZLOOM_ON_FULL_BLOCK,
                                            .requeues_max = 3,
                                            .exceptions_max = 1000000},
                                 .pattern = &zloom_queue_pattern,
                                 .fingerprint = 7};
}

/* ---- the transport ------------------------------------------------------------------------- */

static inline bool
rig_receive (void *arg, zloom_frame_t *frame)
{
    rig_t *rig = arg;
    if (rig->in_at == rig->in_count) {
        for (size_t i = 0; i < rig->in_count; i++) {
            zloom_buf_fini (&rig->in[i].verb);
        }
        rig->in_at = rig->in_count = 0;
        return false;
    }
    rig_frame_t *item = &rig->in[rig->in_at++];
    *frame = (zloom_frame_t){.route = item->route,
                             .key = rig->keys[item->route],
                             .verb = zloom_buf_bytes (&item->verb),
                             .pack = item->pack,
                             .malformed = item->malformed};
    item->pack = NULL;
    return true;
}

static inline zloom_err_t
rig_send (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob,
          zloom_bytes_t pack)
{
    rig_t *rig = arg;
    assert_true (route > 0 && route < RIG_ROUTES);
    assert_true (pack.size == 0 || blob != NULL);
    if (rig->broken[route] != ZLOOM_OK) {
        return rig->broken[route];
    }
    zloom_grow (&rig->out, &rig->out_capacity, rig->out_count + 1, sizeof *rig->out);
    rig_frame_t *item = &rig->out[rig->out_count++];
    *item = (rig_frame_t){.route = route};
    zloom_buf_add_bytes (&item->verb, verb);
    item->pack = blob ? zloom_blob_new (pack.data, pack.size) : NULL;
    item->from = pack.data;
    return ZLOOM_OK;
}

static inline void
rig_forget (void *arg, zloom_route_t route)
{
    rig_t *rig = arg;
    rig->forgotten[route] = true;
}

/* ---- life ---------------------------------------------------------------------------------- */

static inline zloom_err_t
rig_start (rig_t *rig)
{
    const zloom_engine_config_t config = {.name = "hub",
                                          .flows = rig->flows,
                                          .flow_count = rig->flow_count,
                                          .rights = rig->rights,
                                          .key = rig->key,
                                          .memory_limit_bytes = rig->memory_limit_bytes,
                                          .max_message_bytes = rig->max_message_bytes,
                                          .heartbeat_ns = rig->heartbeat_ns,
                                          .liveness = rig->liveness,
                                          .seed = ++rig->seed};
    const zloom_transport_t transport = {rig, rig_receive, rig_send, rig_forget};
    rig->engine = zloom_engine_new (&config, &transport);
    const zloom_journal_owner_t owner = zloom_engine_owner (rig->engine);
    const zloom_journal_config_t journal = {.vfs = zloom_simdisk_vfs (rig->disk),
                                            .directory = "/log",
                                            .manual = true,
                                            .segment_bytes = 16u * 1024 * 1024,
                                            .hot_bytes = rig->hot_bytes,
                                            .disk_limit_bytes = rig->disk_limit_bytes,
                                            .seed = rig->seed};
    const zloom_err_t err = zloom_log_open (&journal, &owner, rig->now, &rig->journal);
    if (err != ZLOOM_OK) {
        return err;
    }
    return zloom_engine_start (rig->engine, rig->journal, rig->now);
}

static inline void
rig_init (rig_t *rig, const zloom_engine_flow_t *flows, size_t count)
{
    *rig = (rig_t){.flows = flows, .flow_count = count, .seed = 1};
    rig->hot_bytes = 128u * 1024 * 1024;
    rig->now = (zloom_now_t){1000 * ZLOOM_NS_PER_S, 2000000000 * ZLOOM_NS_PER_S};
    rig->disk = zloom_simdisk_new (1);
}

static inline void
rig_open (rig_t *rig, const zloom_engine_flow_t *flows, size_t count)
{
    rig_init (rig, flows, count);
    const zloom_err_t err = rig_start (rig);
    if (err != ZLOOM_OK) {
        fail_msg ("start: %s: %s", zloom_err_name (err), zloom_note ());
    }
}

static inline void
rig_drop_frames (rig_t *rig)
{
    for (size_t i = 0; i < rig->in_count; i++) {
        zloom_buf_fini (&rig->in[i].verb);
        if (rig->in[i].pack) {
            zloom_blob_unref (&rig->in[i].pack);
        }
    }
    for (size_t i = 0; i < rig->out_count; i++) {
        zloom_buf_fini (&rig->out[i].verb);
        if (rig->out[i].pack) {
            zloom_blob_unref (&rig->out[i].pack);
        }
    }
    rig->in_count = rig->in_at = rig->out_count = 0;
}

static inline void
rig_stop (rig_t *rig)
{
    zloom_engine_destroy (&rig->engine);
    zloom_journal_close (&rig->journal);
    rig_drop_frames (rig);
}

static inline void
rig_close (rig_t *rig)
{
    rig_stop (rig);
    zloom_simdisk_destroy (&rig->disk);
    zloom_arena_fini (&rig->arena);
    zloom_buf_fini (&rig->frame);
    zloom_buf_fini (&rig->pack);
    free (rig->in);
    free (rig->out);
}

/* The machine stops and comes back: what was not synced is gone. */
static inline void
rig_crash (rig_t *rig)
{
    zloom_engine_destroy (&rig->engine);
    zloom_simdisk_power_off_after (rig->disk, 1);
    zloom_journal_close (&rig->journal);
    zloom_simdisk_crash (rig->disk);
    rig_drop_frames (rig);
    memset (rig->forgotten, 0, sizeof rig->forgotten);
    const zloom_err_t err = rig_start (rig);
    if (err != ZLOOM_OK) {
        fail_msg ("restart: %s: %s", zloom_err_name (err), zloom_note ());
    }
}

/* ---- time ---------------------------------------------------------------------------------- */

static inline void
rig_turn (rig_t *rig)
{
    rig->wake_ns = zloom_engine_turn (rig->engine, rig->now);
}

static inline void
rig_pass (rig_t *rig, int64_t ns)
{
    rig->now.mono_ns += ns;
    rig->now.wall_ns += ns;
}

/* Turns and disk work until nothing moves at this time. */
static inline void
rig_settle (rig_t *rig)
{
    for (int i = 0; i < 10000; i++) {
        rig_turn (rig);
        bool worked = false;
        while (zloom_journal_work (rig->journal)) {
            worked = true;
        }
        /* A drained engine wants to be asked at once, and does nothing more. */
        if (!worked && (rig->wake_ns > rig->now.mono_ns || zloom_engine_drained (rig->engine))) {
            return;
        }
    }
    fail_msg ("the engine does not come to rest");
}

/* Let time pass in steps of the engine's own deadlines. */
static inline void
rig_run (rig_t *rig, int64_t ns)
{
    const int64_t end_ns = rig->now.mono_ns + ns;
    rig_settle (rig);
    while (rig->wake_ns < end_ns && !zloom_engine_drained (rig->engine)) {
        rig_pass (rig, rig->wake_ns - rig->now.mono_ns);
        rig_settle (rig);
    }
    rig_pass (rig, end_ns - rig->now.mono_ns);
    rig_settle (rig);
}

/* ---- frames -------------------------------------------------------------------------------- */

static inline rig_frame_t *
rig_put_bytes (rig_t *rig, zloom_route_t route, zloom_bytes_t verb, zloom_bytes_t pack)
{
    zloom_grow (&rig->in, &rig->in_capacity, rig->in_count + 1, sizeof *rig->in);
    rig_frame_t *item = &rig->in[rig->in_count++];
    *item = (rig_frame_t){.route = route};
    zloom_buf_add_bytes (&item->verb, verb);
    item->pack = pack.data ? zloom_blob_new (pack.data, pack.size) : NULL;
    return item;
}

static inline void
rig_put (rig_t *rig, zloom_route_t route, const zloom_verb_t *verb, const zloom_buf_t *pack)
{
    zloom_buf_t out = {0};
    zloom_verb_encode (verb, &out);
    rig_put_bytes (rig, route, zloom_buf_bytes (&out),
                   pack ? zloom_buf_bytes (pack) : ZLOOM_BYTES_NULL);
    zloom_buf_fini (&out);
}

/* The next frame to that route, of that kind if one is named; it is taken out. */
static inline bool
rig_take (rig_t *rig, zloom_route_t route, zloom_verb_kind_t kind)
{
    for (size_t i = 0; i < rig->out_count; i++) {
        rig_frame_t *item = &rig->out[i];
        if (item->route != route || item->done) {
            continue;
        }
        zloom_buf_clear (&rig->frame);
        zloom_buf_add_bytes (&rig->frame, zloom_buf_bytes (&item->verb));
        zloom_arena_reset (&rig->arena);
        const zloom_err_t err =
          zloom_verb_decode (zloom_buf_bytes (&rig->frame), &rig->arena, &rig->verb);
        if (err != ZLOOM_OK) {
            fail_msg ("the router said nonsense: %s %s", zloom_err_name (err), zloom_note ());
        }
        if (kind != ZLOOM_VERB_NONE && rig->verb.kind != kind) {
            continue;
        }
        zloom_buf_clear (&rig->pack);
        rig->pack_from = item->from;
        if (item->pack) {
            zloom_buf_add_bytes (&rig->pack, zloom_blob_bytes (item->pack));
        }
        assert_int_equal (
          zloom_verb_check_pack (&rig->verb, rig->frame.size,
                                 item->pack ? zloom_buf_bytes (&rig->pack) : ZLOOM_BYTES_NULL,
                                 ZLOOM_LIMIT_MESSAGE_BYTES),
          ZLOOM_OK);
        item->done = true;
        return true;
    }
    return false;
}

static inline void
rig_expect (rig_t *rig, zloom_route_t route, zloom_verb_kind_t kind)
{
    if (!rig_take (rig, route, kind)) {
        fail_msg ("route %llu: no %s came", (unsigned long long) route,
                  zloom_verb_info (kind)->name);
    }
}

static inline void
rig_expect_none (rig_t *rig, zloom_route_t route, zloom_verb_kind_t kind)
{
    if (rig_take (rig, route, kind)) {
        fail_msg ("route %llu: %s came", (unsigned long long) route, zloom_verb_info (kind)->name);
    }
}

/* Forget what was said so far. */
static inline void
rig_quiet (rig_t *rig)
{
    for (size_t i = 0; i < rig->out_count; i++) {
        rig->out[i].done = true;
    }
}

#endif
