/* SPDX-License-Identifier: MPL-2.0 */
#include "probe.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One probe in so many loses its power again after the opening. */
#define AGAIN 4
/* One in so many is a process that dies while the machine goes on. */
#define KILLED 8

struct sim_probe {
    sim_ground_t *ground;
    sim_checker_t *checker;
    sim_host_t host;
    uint64_t every;
    zloom_random_t random; /* of its own: asking changes nothing */
    uint64_t calls;
    uint64_t crashes;
};

/* A router on a fork. */
typedef struct {
    zloom_engine_t *engine;
    zloom_journal_t *journal;
} second_t;

sim_probe_t *
sim_probe_new (sim_ground_t *ground, sim_checker_t *checker, const sim_host_t *host, uint64_t every)
{
    sim_probe_t *self = zloom_alloc (sizeof *self);
    self->ground = ground;
    self->checker = checker;
    self->host = *host;
    self->every = every;
    zloom_random_init (&self->random, ground->seed ^ UINT64_C (0x70726f6265));
    return self;
}

void
sim_probe_destroy (sim_probe_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

uint64_t
sim_probe_crashes (const sim_probe_t *self)
{
    return self->crashes;
}

/* ---- a router that nobody talks to ----------------------------------------------------------- */

static bool
s_receive (void *arg, zloom_frame_t *frame)
{
    (void) arg;
    (void) frame;
    return false;
}

static zloom_err_t
s_send (void *arg, zloom_route_t route, zloom_bytes_t verb, zloom_blob_t *blob, zloom_bytes_t pack)
{
    (void) arg;
    (void) route;
    (void) verb;
    (void) blob;
    (void) pack;
    return ZLOOM_GONE;
}

static void
s_forget (void *arg, zloom_route_t route)
{
    (void) arg;
    (void) route;
}

static bool
s_open (sim_probe_t *self, zloom_simdisk_t *disk, second_t *second)
{
    static const zloom_transport_t s_nobody = {
      .receive = s_receive, .send = s_send, .forget = s_forget};
    const zloom_now_t now = sim_now (self->ground);
    second->engine =
      sim_host_engine (&self->host, &s_nobody, 1 + zloom_random_below (&self->random, 1 << 30));
    zloom_err_t err =
      sim_host_open (&self->host, second->engine, zloom_simdisk_vfs (disk),
                     1 + zloom_random_below (&self->random, 1 << 30), now, &second->journal);
    if (err == ZLOOM_OK) {
        err = zloom_engine_start (second->engine, second->journal, now);
    }
    if (err != ZLOOM_OK) {
        sim_fail (self->ground, "a router does not open after a crash: %s: %s",
                  zloom_err_text (err), zloom_note ());
    }
    return err == ZLOOM_OK;
}

/* It is gone; what it does on its way out does not reach the disk. */
static void
s_close (zloom_simdisk_t *disk, second_t *second)
{
    zloom_simdisk_power_off_after (disk, 1);
    zloom_engine_destroy (&second->engine);
    if (second->journal) {
        zloom_journal_close (&second->journal);
    }
}

/* ---- what it found --------------------------------------------------------------------------- */

static uint64_t
s_mix (uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C (0x9e3779b97f4a7c15) ^ (hash >> 29);
}

/* Of the whole state that has to stay. */
static uint64_t
s_digest (const sim_probe_t *self, const zloom_engine_t *engine)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < engine->flow_count; i++) {
        const zloom_hosted_t *flow = engine->flows[i];
        if (!flow->port->disk) {
            continue;
        }
        zloom_flow_stats_t stats = {0};
        zloom_range_t run;
        flow->pattern->stats (flow->core, sim_now (self->ground), &stats);
        const uint64_t end = flow->pattern->next_seq (flow->core);
        const uint64_t told[] = {
          end,          stats.appended, stats.acked, stats.dead,  stats.requeued, stats.expired,
          stats.purged, stats.dropped,  stats.lost,  stats.bytes, stats.waiting,  stats.moving};
        for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
            hash = s_mix (hash, told[k]);
        }
        for (uint64_t from = 1; flow->pattern->next_live (flow->core, from, end, &run);
             from = run.last + 1) {
            hash = s_mix (s_mix (hash, run.first), run.last);
        }
    }
    return hash;
}

/* Open, judge, close; false: the world is broken. */
static bool
s_look (sim_probe_t *self, zloom_simdisk_t *disk, uint64_t *digest)
{
    second_t second = {NULL, NULL};
    if (s_open (self, disk, &second)) {
        sim_checker_found (self->checker, second.engine);
        *digest = s_digest (self, second.engine);
    }
    s_close (disk, &second);
    return !self->ground->failed;
}

/* What would be there, with chance of its own; a disk that was full leaves room to open. */
static zloom_simdisk_t *
s_fork (sim_probe_t *self, const zloom_simdisk_t *disk)
{
    zloom_simdisk_t *fork = zloom_simdisk_fork (disk, zloom_random_next (&self->random));
    zloom_simdisk_capacity (fork, 0);
    return fork;
}

static bool
s_lose_power (sim_probe_t *self, zloom_simdisk_t *disk, uint64_t *digest)
{
    zloom_simdisk_crash (disk);
    self->crashes++;
    return s_look (self, disk, digest);
}

/* It served what it found, and may have told somebody: that must be there again. */
static void
s_lose_again (sim_probe_t *self, zloom_simdisk_t *disk, uint64_t before)
{
    uint64_t after = 0;
    if (s_lose_power (self, disk, &after) && after != before) {
        sim_fail (self->ground, "a crash right after an opening undoes what the opening found");
    }
}

/* The process dies, the machine goes on; `lose`: the sync of this file has failed before. */
static void
s_from_cache (sim_probe_t *self, const zloom_simdisk_t *disk, const char *lose)
{
    uint64_t digest = 0;
    zloom_simdisk_t *fork = s_fork (self, disk);
    if (lose) {
        zloom_simdisk_lose (fork, lose);
    }
    zloom_simdisk_kill (fork);
    if (s_look (self, fork, &digest)) {
        s_lose_again (self, fork, digest);
    }
    zloom_simdisk_destroy (&fork);
}

void
sim_probe_call (sim_probe_t *self, const zloom_simdisk_t *disk, const zloom_file_t *synced)
{
    if (self->every == 0 || zloom_random_below (&self->random, self->every) != 0 ||
        self->ground->failed || !sim_checker_can_judge (self->checker)) {
        return;
    }
    uint64_t digest = 0;
    self->calls++;
    sim_ground_aside (self->ground, true);
    zloom_simdisk_t *fork = s_fork (self, disk);
    if (s_lose_power (self, fork, &digest) && zloom_random_below (&self->random, AGAIN) == 0) {
        s_lose_again (self, fork, digest);
    }
    zloom_simdisk_destroy (&fork);
    if (synced && !self->ground->failed) {
        s_from_cache (self, disk, zloom_simdisk_path (disk, synced));
    } else if (zloom_random_below (&self->random, KILLED) == 0 && !self->ground->failed) {
        s_from_cache (self, disk, NULL);
    }
    sim_ground_aside (self->ground, false);
    if (self->ground->failed) {
        size_t at = strlen (self->ground->why);
        snprintf (self->ground->why + at, sizeof self->ground->why - at,
                  " (asked before a disk call, probe %" PRIu64 ")", self->calls);
    }
}
