/* SPDX-License-Identifier: MPL-2.0 */
/* cases_disk.c - scripted: what disks do to a router. */
#include "cases.h"

#include <inttypes.h>
#include <stdio.h>

static const sim_world_options_t s_plain = {.producers = 1,
                                            .messages = 60,
                                            .consumers = 1,
                                            .prefetch = 10,
                                            .pack = 4,
                                            .only_orders = true,
                                            .careful = true};

static uint64_t
s_told (sim_world_t *world)
{
    sim_counts_t counts;
    sim_checker_counts (sim_world_checker (world), &counts);
    return counts.told;
}

/* True when `arg` messages are confirmed. */
static bool
s_are_told (sim_world_t *world, void *arg)
{
    return s_told (world) >= *(uint64_t *) arg;
}

static void
s_flip (sim_world_t *world, const char *path, size_t from, size_t to)
{
    size_t size = 0;
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (sim_world_router (world)));
    uint8_t *data = zloom_simdisk_content (disk, path, &size);
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
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (sim_world_router (world)));
    sim_world_run (world, 20 * SIM_MS);
    zloom_simdisk_fail (disk, ZLOOM_SIMDISK_SYNC, 1 + seed, ZLOOM_DISK);
    sim_world_run (world, SIM_S);
    const bool failed = sim_router_lives (sim_world_router (world))->failures > 0;
    sim_router_kill (sim_world_router (world), true, SIM_MS);
    return sim_case_end (&world, failed, "no sync failed");
}

/* The newest superblock slot is damaged: the older one has to do. */
bool
sim_case_older_slot (uint64_t seed)
{
    sim_world_t *world = sim_world_new (seed, &s_plain, false);
    sim_world_run (world, (int64_t) (100 + seed * 40) * SIM_MS);
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    s_flip (world, seed % 2 ? "/log/slot.0" : "/log/slot.1", 0, 64);
    return sim_case_end (&world, true, NULL);
}

/* A byte of a group that was attested flips: a named hole, never a silent cut. */
bool
sim_case_flipped_byte (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.alone = true;
    options.consumers = 0;
    sim_world_t *world = sim_world_new (seed, &options, false);
    uint64_t enough = 60;
    sim_world_run_until (world, s_are_told, &enough, 10 * SIM_S);
    sim_world_run (world, SIM_S); /* idle: the end is attested */
    sim_router_kill (sim_world_router (world), false, 10 * SIM_MS);
    s_flip (world, "/log/hot-0000000001", 3 * 4096, 4 * 4096);
    sim_checker_excuse (sim_world_checker (world));
    sim_world_run (world, SIM_S);
    zloom_engine_t *engine = sim_router_engine (sim_world_router (world));
    zloom_journal_stats_t stats = {0};
    if (engine) {
        zloom_journal_stats (engine->disk.journal, &stats);
    }
    /* The flip may hit what nobody needs (zeros behind a group); the numbers must never go back. */
    const zloom_hosted_t *orders =
      engine ? zloom_engine_flow (engine, zloom_bytes_text ("orders")) : NULL;
    const bool kept = orders && orders->pattern->next_seq (orders->core) == 61;
    sim_world_destroy (&world);
    if (!kept) {
        fprintf (stderr,
                 "sim: flipped byte, seed %" PRIu64 ": numbers went back (%" PRIu64 " holes)\n",
                 seed, stats.holes);
    }
    return kept;
}

/* An earlier copy of the disk is put back: new messages go on, nothing hangs or is invented. */
bool
sim_case_restored_backup (uint64_t seed)
{
    sim_world_t *world = sim_world_new (seed, &s_plain, false);
    sim_disk_t *disk = sim_router_disk (sim_world_router (world));
    uint64_t enough = 10 + seed % 20;
    sim_world_run_until (world, s_are_told, &enough, 10 * SIM_S);
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    zloom_simdisk_t *backup = zloom_simdisk_copy (sim_disk_inner (disk));
    enough += 20;
    sim_world_run_until (world, s_are_told, &enough, 10 * SIM_S);
    sim_router_kill (sim_world_router (world), true, 10 * SIM_MS);
    sim_disk_replace (disk, &backup);
    sim_checker_excuse (sim_world_checker (world));
    return sim_case_end (&world, true, NULL);
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
    uint64_t enough = 5;
    sim_world_run_until (world, s_are_told, &enough, 10 * SIM_S);
    sim_router_hold_disk (router, true);
    sim_world_run (world, 300 * SIM_MS);
    sim_peer_die (sim_world_peer (world, 0), 10 * SIM_MS, false);
    const uint64_t before = s_told (world);
    sim_world_run (world, 500 * SIM_MS);
    const bool silent = s_told (world) == before;
    sim_router_kill (router, true, 10 * SIM_MS);
    sim_router_hold_disk (router, false);
    return sim_case_end (&world, silent, "something was confirmed while the disk held still");
}
