/* SPDX-License-Identifier: MPL-2.0 */
/* cases_disk.c - scripted: what disks do to a router. */
#include "base/bytes.h"
#include "cases.h"

#include <inttypes.h>
#include <stdio.h>

#define BLOCK 4096u

static const sim_world_options_t s_plain = {.producers = 1,
                                            .messages = 60,
                                            .consumers = 1,
                                            .prefetch = 10,
                                            .pack = 4,
                                            .only_orders = true,
                                            .careful = true};

static zloom_simdisk_t *
s_disk (sim_world_t *world)
{
    return sim_disk_inner (sim_router_disk (sim_world_router (world)));
}

static void
s_flip (sim_world_t *world, const char *path, size_t from, size_t to)
{
    size_t size = 0;
    uint8_t *data = zloom_simdisk_content (s_disk (world), path, &size);
    sim_ground_t *ground = sim_world_ground (world);
    if (!data || size < to) {
        sim_fail (ground, "%s is not there, or has only %zu bytes", path, size);
        return;
    }
    data[from + sim_below (ground, to - from)] ^= (uint8_t) (1u << sim_below (ground, 8));
}

/* A sync fails; the router comes again from the page cache, then the power goes. */
bool
sim_case_failed_sync (uint64_t seed)
{
    sim_world_t *world = sim_world_new (seed, &s_plain, false);
    sim_world_run (world, 20 * SIM_MS);
    zloom_simdisk_fail (s_disk (world), ZLOOM_SIMDISK_SYNC, 1 + seed, ZLOOM_DISK);
    sim_world_run (world, SIM_S);
    const bool failed = sim_router_lives (sim_world_router (world))->failures > 0;
    sim_router_kill (sim_world_router (world), true, SIM_MS);
    return sim_case_end (&world, failed, "no sync failed");
}

static uint64_t
s_generation (sim_world_t *world, const char *path)
{
    size_t size = 0;
    const uint8_t *data = zloom_simdisk_content (s_disk (world), path, &size);
    return data && size >= 64 ? zloom_get_u64 (data + 32) : 0;
}

/*
 * The newest superblock slot is damaged after the log has turned over: the older one has to do,
 * now and after every later crash.
 */
bool
sim_case_older_slot (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.producers = 2;
    options.only_orders = false;
    options.messages = 300;
    options.consumers = 2;
    options.host.segment_bytes = 32768;
    options.probe_every = 16;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 60 + 20 * seed);
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    const uint64_t first = s_generation (world, "/log/slot.0");
    const uint64_t second = s_generation (world, "/log/slot.1");
    s_flip (world, first > second ? "/log/slot.0" : "/log/slot.1", 0, 64);
    return sim_case_end (&world, first > 0 && second > 0, "there were no two slots");
}

/*
 * The log turns over again and again while keys are parked, ids are said anew, and messages wait
 * for their time: what the records said of them is in the snapshots.
 */
bool
sim_case_remembered (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.producers = 6;
    options.only_orders = false;
    options.careful = false;
    options.messages = 300;
    options.pack = 8;
    options.burst = 12;
    options.consumers = 2;
    options.host.segment_bytes = 32768;
    options.host.keyed = true;
    options.host.order = ZLOOM_ORDER_PARK;
    options.host.timed = true;
    sim_world_t *world = sim_world_new (seed, &options, false);
    for (uint64_t i = 0; i < 8; i++) {
        sim_world_run (world, (int64_t) (300 + 20 * seed) * SIM_MS);
        sim_router_kill (sim_world_router (world), (seed + i) % 2 == 0, 10 * SIM_MS);
    }
    const bool turned = s_generation (world, "/log/slot.0") > 4;
    return sim_case_end (&world, turned, "the log did not turn over");
}

/* Where the last group but one begins in a hot segment, and its size; false: there are no two. */
static bool
s_last_but_one (sim_world_t *world, const char *path, size_t *from, size_t *bytes)
{
    size_t size = 0;
    size_t last = 0;
    size_t groups = 0;
    const uint8_t *data = zloom_simdisk_content (s_disk (world), path, &size);
    for (size_t at = 0; data && at + 128 <= size; at += BLOCK) {
        if (memcmp (data + at, "ZLG1", 4) == 0) {
            *from = last;
            last = at;
            groups++;
        }
    }
    if (groups >= 2) {
        *bytes = zloom_get_u32 (data + *from + 72);
    }
    return groups >= 2;
}

/* A byte flips in the newest group that was attested: a named hole, never a silent cut. */
bool
sim_case_flipped_byte (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.alone = true;
    options.consumers = 0;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_told (world, 60);
    sim_world_run (world, SIM_S); /* idle: the end is attested */
    sim_router_kill (sim_world_router (world), false, 10 * SIM_MS);
    size_t from = 0;
    size_t bytes = 0;
    const bool there = s_last_but_one (world, "/log/hot-0000000001", &from, &bytes);
    if (there) {
        s_flip (world, "/log/hot-0000000001", from, from + bytes);
    }
    sim_checker_excuse (sim_world_checker (world));
    sim_world_run (world, SIM_S);
    zloom_engine_t *engine = sim_router_engine (sim_world_router (world));
    zloom_journal_stats_t stats = {0};
    if (engine) {
        zloom_journal_stats (engine->disk.journal, &stats);
    }
    const zloom_hosted_t *orders =
      engine ? zloom_engine_flow (engine, zloom_bytes_text ("orders")) : NULL;
    const bool kept = orders && orders->pattern->next_seq (orders->core) == 61;
    const bool named = stats.holes > 0;
    sim_world_destroy (&world);
    if (!there || !kept || !named) {
        fprintf (stderr,
                 "sim: flipped byte, seed %" PRIu64 ": numbers %s, %" PRIu64 " holes were named\n",
                 seed, kept ? "stayed" : "went back", stats.holes);
    }
    return there && kept && named;
}

/*
 * An earlier copy of the disk is put back while a consumer holds messages of a life that the copy
 * knows nothing of: its settlements are refused, the producer's numbers leave a named hole, and all
 * goes on.
 */
bool
sim_case_restored_backup (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 150;
    options.work_ns = 100 * SIM_MS;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_disk_t *disk = sim_router_disk (sim_world_router (world));
    sim_case_told (world, 10 + seed % 20);
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    zloom_simdisk_t *backup = zloom_simdisk_copy (sim_disk_inner (disk));
    const uint64_t lives = sim_case_counts (world).lives;
    sim_case_told (world, 50 + seed % 20);
    sim_case_delivered (world, sim_case_counts (world).delivered + 3);
    sim_world_run (world, 2 * SIM_MS); /* until it holds them */
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    sim_disk_replace (disk, &backup);
    sim_checker_restored (sim_world_checker (world), lives);
    sim_world_run (world, 2 * SIM_S);
    return sim_case_end (
      &world, sim_world_logged (world, "producer-hole") > 0 && sim_case_counts (world).stale > 0,
      "there is no hole, or nobody was told that his lease is void");
}

/*
 * A producer dies and comes again while the disk holds still: WELCOME's `high` and the confirm of
 * what it sends again must wait, for then the power goes.
 */
bool
sim_case_early_answer (uint64_t seed)
{
    sim_world_t *world = sim_world_new (seed, &s_plain, false);
    sim_router_t *router = sim_world_router (world);
    sim_case_told (world, 5);
    sim_router_hold_disk (router, true);
    sim_world_run (world, 300 * SIM_MS);
    sim_peer_die (sim_world_peer (world, 0), 10 * SIM_MS, false);
    const uint64_t before = sim_case_counts (world).told;
    sim_world_run (world, 500 * SIM_MS);
    const bool silent = sim_case_counts (world).told == before;
    sim_router_kill (router, true, 10 * SIM_MS);
    sim_router_hold_disk (router, false);
    return sim_case_end (&world, silent, "something was confirmed while the disk held still");
}

static bool
s_have_moved (sim_world_t *world, void *arg)
{
    zloom_journal_stats_t stats = {0};
    const zloom_engine_t *engine = sim_router_engine (sim_world_router (world));
    if (engine) {
        zloom_journal_stats (engine->disk.journal, &stats);
    }
    return stats.moved_bytes >= *(uint64_t *) arg;
}

/* Ask until it is so: the operator may have to lay its road first. */
static void
s_pause (sim_world_t *world)
{
    sim_peer_t *operator_ = sim_world_peer (world, sim_world_peers (world) - 1);
    for (int i = 0; i < 100 && !sim_case_orders (world).paused; i++) {
        sim_operator_ask (operator_, "pause", SIM_ORDERS);
        sim_world_run (world, 5 * SIM_MS);
    }
}

/*
 * Packs of which some messages were settled are copied to cold segments for the sake of the others,
 * while the settlements' own segments are used again: after a crash at any call what was settled
 * before the copy stays settled.
 */
bool
sim_case_settled_copy (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.producers = 3; /* to orders, to the memory flow, and to the ring, which turns the log */
    options.only_orders = false;
    options.messages = 1200;
    options.prefetch = 3;
    options.pack = 8;
    options.chaos.hands = true;
    options.probe_every = 4;
    options.host.segment_bytes = 32768;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_peer_t *operator_ = sim_world_peer (world, sim_world_peers (world) - 1);
    sim_case_delivered (world, 8 + seed); /* the consumer has not done all of them yet */
    uint64_t moved = 1;
    bool copied = true;
    for (int i = 0; i < 3 && copied; i++) {
        s_pause (world);
        copied = sim_world_run_until (world, s_have_moved, &moved, 20 * SIM_S);
        sim_router_crash_after (sim_world_router (world), 1 + seed % 11);
        sim_world_run (world, 500 * SIM_MS);
        sim_operator_ask (operator_, "resume", SIM_ORDERS);
        sim_world_run (world, (int64_t) (20 + seed) * SIM_MS);
    }
    return sim_case_end (&world, copied, "nothing was copied");
}
