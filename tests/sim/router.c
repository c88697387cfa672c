/* SPDX-License-Identifier: MPL-2.0 */
#include "router.h"

#include "base/memory.h"
#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>

#define OFF_NS (200 * SIM_MS)
/* As the engine's: a turn later than this moves deadlines. */
#define LATE_NS SIM_S
/* What a turn takes. */
#define TURN_NS (SIM_MS / 50)
/* More openings in a row than this, and it will never open. */
#define OPENINGS 400

struct sim_router {
    sim_ground_t *ground;
    sim_checker_t *checker;
    sim_ear_t *ear;
    sim_net_t *net;
    sim_disk_t *disk;
    sim_probe_t *probe;
    sim_router_state_t state;
    zloom_engine_t *engine;
    zloom_journal_t *journal;
    int64_t next_ns; /* OFF, STALLS: when that ends; else the engine's wish */
    int64_t work_ns; /* the disk's next step */
    int64_t due_ns;  /* STALLS: when the turn was due */
    bool draining;
    bool closing; /* in good order */
    bool held;    /* its disk */
    bool rough;
    sim_sleeper_t sleeper; /* of its journal's threads, until ... */
    int64_t wakes_ns;
    sim_host_t host;
    unsigned openings;
    zloom_err_t open_error;
    sim_lives_t lives;
};

/* ---- life ------------------------------------------------------------------------------------ */

/* Before the disk changes: the books balance now, and would after a crash. */
static void
s_before (void *arg, const zloom_file_t *synced)
{
    sim_router_t *self = arg;
    if (self->state == SIM_SERVES && !self->closing) {
        sim_checker_books (self->checker, self->engine);
    }
    sim_probe_call (self->probe, sim_disk_inner (self->disk), synced);
    self->lives.probes = sim_probe_crashes (self->probe);
}

sim_router_t *
sim_router_new (sim_ground_t *ground, sim_checker_t *checker, sim_ear_t *ear, sim_net_t *net,
                const sim_host_t *host, uint64_t probe_every)
{
    sim_router_t *self = zloom_alloc (sizeof *self);
    zloom_simdisk_t *inner = zloom_simdisk_new (sim_below (ground, UINT32_MAX));
    self->ground = ground;
    self->checker = checker;
    self->ear = ear;
    self->net = net;
    self->host = *host;
    self->disk = sim_disk_new (&inner);
    self->probe = sim_probe_new (ground, checker, host, probe_every);
    sim_disk_watch (self->disk, s_before, self);
    self->next_ns = ground->mono_ns;
    self->work_ns = ZLOOM_NEVER;
    self->wakes_ns = ZLOOM_NEVER;
    return self;
}

static void
s_note_work (sim_router_t *self)
{
    if (self->journal) {
        zloom_journal_stats_t stats = {0};
        zloom_journal_stats (self->journal, &stats);
        self->lives.reclaimed += stats.reclaimed_segments;
        self->lives.moved_bytes += stats.moved_bytes;
    }
}

/* Throw the process away; the disk is frozen, so nothing it does on the way out counts. */
static void
s_discard (sim_router_t *self)
{
    const uint64_t durable = self->journal ? zloom_journal_durable (self->journal) : 0;
    s_note_work (self);
    sim_disk_freeze (self->disk);
    sim_net_down (self->net);
    zloom_engine_destroy (&self->engine);
    if (self->journal) {
        zloom_journal_close (&self->journal);
        sim_checker_stopped (self->checker, durable);
    }
    sim_ear_forget (self->ear);
    self->draining = false;
    self->sleeper = SIM_NONE_SLEEPS;
    self->wakes_ns = ZLOOM_NEVER;
    self->work_ns = ZLOOM_NEVER;
}

void
sim_router_destroy (sim_router_t **self_p)
{
    sim_router_t *self = *self_p;
    if (!self) {
        return;
    }
    s_discard (self);
    sim_disk_destroy (&self->disk);
    sim_probe_destroy (&self->probe);
    free (self);
    *self_p = NULL;
}

static void
s_off (sim_router_t *self, bool power_lost, int64_t off_ns)
{
    s_discard (self);
    sim_disk_thaw (self->disk, power_lost);
    self->state = SIM_OFF;
    self->next_ns = self->ground->mono_ns + off_ns;
}

void
sim_router_kill (sim_router_t *self, bool power_lost, int64_t off_ns)
{
    sim_trace (self->ground, power_lost ? "router-power-lost" : "router-killed", 0, 0, 0);
    self->lives.kills++;
    s_off (self, power_lost, off_ns);
}

static void
s_staged (void *arg, bool disk, const zloom_record_t *record, uint64_t group)
{
    sim_router_t *self = arg;
    sim_checker_staged (self->checker, disk, record, group);
}

static void
s_open (sim_router_t *self)
{
    const zloom_now_t now = sim_now (self->ground);
    const zloom_transport_t transport = sim_net_transport (self->net);
    const uint64_t seed = 1 + sim_below (self->ground, UINT32_MAX);
    self->engine =
      sim_host_engine (&self->host, &transport, 1 + sim_below (self->ground, UINT32_MAX));
    zloom_err_t err = sim_host_open (&self->host, self->engine, sim_disk_vfs (self->disk), seed,
                                     now, &self->journal);
    if (err != ZLOOM_OK) {
        self->journal = NULL;
    } else {
        const sim_watcher_t watcher = {self, s_staged};
        sim_watch (self->journal, SIM_WATCH_DISK, &watcher);
        err = zloom_engine_start (self->engine, self->journal, now);
    }
    self->open_error = err;
    sim_trace (self->ground, "router-open", (uint64_t) err, sim_disk_calls (self->disk), 0);
    if (err == ZLOOM_OK && !sim_disk_stopped (self->disk)) {
        const sim_watcher_t watcher = {self, s_staged};
        sim_watch (self->engine->memory.journal, SIM_WATCH_MEMORY, &watcher);
        sim_net_up (self->net);
        sim_checker_opened (self->checker, self->engine);
        self->state = SIM_SERVES;
        self->next_ns = now.mono_ns;
        self->work_ns = now.mono_ns;
        self->openings = 0;
        return;
    }
    if (sim_disk_stopped (self->disk)) {
        self->lives.crashes++;
        self->lives.in_open++;
        s_off (self, true, OFF_NS);
    } else if (++self->openings > OPENINGS) {
        sim_fail (self->ground, "the router does not open: %s: %s", zloom_err_text (err),
                  zloom_note ());
        s_off (self, false, OFF_NS);
    } else {
        if (err == ZLOOM_DAMAGED || err == ZLOOM_VERSION || err == ZLOOM_FAILED) {
            sim_fail (self->ground, "the router cannot open its journal: %s: %s",
                      zloom_err_text (err), zloom_note ());
        }
        s_off (self, false, OFF_NS);
    }
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* The thread that sleeps is scheduled again, when it is time. */
static void
s_wake (sim_router_t *self)
{
    if (self->wakes_ns <= self->ground->mono_ns) {
        self->sleeper = SIM_NONE_SLEEPS;
        self->wakes_ns = ZLOOM_NEVER;
    }
}

static void
s_turn (sim_router_t *self)
{
    const zloom_now_t now = sim_now (self->ground);
    if (self->next_ns < now.mono_ns - LATE_NS) {
        sim_checker_shifted (self->checker, now.mono_ns - self->next_ns);
    }
    self->next_ns = zloom_engine_turn (self->engine, now);
    if (self->next_ns <= now.mono_ns) {
        self->next_ns = now.mono_ns + TURN_NS;
    }
    s_wake (self);
    if (self->work_ns == ZLOOM_NEVER && !self->held) {
        self->work_ns = now.mono_ns + sim_span (self->ground, SIM_MS / 50, SIM_MS / 2);
    }
    if (zloom_engine_failed (self->engine) != ZLOOM_OK) {
        sim_trace (self->ground, "router-failed", 0, 0, 0);
        self->lives.failures++;
        s_off (self, false, OFF_NS);
        return;
    }
    if (self->draining && zloom_engine_drained (self->engine)) {
        sim_trace (self->ground, "router-drained", 0, 0, 0);
        self->lives.drains++;
        /* In good order: what close writes counts. */
        sim_net_down (self->net);
        zloom_engine_destroy (&self->engine);
        sim_checker_stopped (self->checker, zloom_journal_durable (self->journal));
        self->closing = true;
        zloom_journal_close (&self->journal);
        self->closing = false;
        const bool stopped = sim_disk_stopped (self->disk);
        self->lives.crashes += stopped;
        s_off (self, stopped, OFF_NS);
    }
}

/* One step of what the journal's threads would do. */
static void
s_work (sim_router_t *self)
{
    if (self->held) {
        self->work_ns = ZLOOM_NEVER;
        return;
    }
    s_wake (self);
    const bool worked = sim_work_without (self->journal, self->sleeper);
    if (sim_disk_stopped (self->disk)) {
        sim_trace (self->ground, "router-crash", sim_disk_calls (self->disk), 0, 0);
        self->lives.crashes++;
        s_off (self, true, OFF_NS);
        return;
    }
    const int64_t slow_ns = self->rough && sim_once_in (self->ground, 20) ? 80 * SIM_MS : SIM_MS;
    self->work_ns =
      worked ? self->ground->mono_ns + sim_span (self->ground, SIM_MS / 50, slow_ns) : ZLOOM_NEVER;
    if (worked) {
        /* The journal's descriptor would wake the loop: look soon. */
        sim_trace (self->ground, "disk", sim_disk_calls (self->disk), 0, 0);
        s_turn (self);
    }
}

int64_t
sim_router_next (const sim_router_t *self)
{
    if (self->state != SIM_SERVES) {
        return self->state == SIM_STALLS && self->work_ns < self->next_ns ? self->work_ns
                                                                          : self->next_ns;
    }
    int64_t next_ns = self->next_ns < self->work_ns ? self->next_ns : self->work_ns;
    next_ns = self->wakes_ns < next_ns ? self->wakes_ns : next_ns;
    const int64_t frame_ns = sim_net_next (self->net);
    return frame_ns < next_ns ? frame_ns : next_ns;
}

void
sim_router_run (sim_router_t *self)
{
    const int64_t now_ns = self->ground->mono_ns;
    if (self->state == SIM_OFF) {
        s_open (self);
    } else if (self->state == SIM_STALLS) {
        self->state = SIM_SERVES;
        self->next_ns = self->due_ns;
        s_turn (self);
    } else if (self->work_ns <= now_ns) {
        s_work (self);
    } else {
        s_turn (self);
    }
}

/* ---- what is done to it ---------------------------------------------------------------------- */

void
sim_router_crash_after (sim_router_t *self, uint64_t nth)
{
    sim_trace (self->ground, "crash-after", nth, 0, 0);
    sim_disk_stop_after (self->disk, nth);
}

void
sim_router_stall (sim_router_t *self, int64_t for_ns)
{
    if (self->state != SIM_SERVES) {
        return;
    }
    sim_trace (self->ground, "router-stall", (uint64_t) for_ns, 0, 0);
    self->lives.stalls++;
    self->state = SIM_STALLS;
    self->due_ns = self->next_ns;
    self->next_ns = self->ground->mono_ns + for_ns;
    self->work_ns = self->next_ns;
}

void
sim_router_sleep (sim_router_t *self, sim_sleeper_t sleeper, int64_t for_ns)
{
    if (self->state == SIM_SERVES && !self->sleeper) {
        sim_trace (self->ground, "thread-sleeps", (uint64_t) sleeper, (uint64_t) for_ns, 0);
        self->sleeper = sleeper;
        self->wakes_ns = self->ground->mono_ns + for_ns;
    }
}

void
sim_router_drain (sim_router_t *self, int64_t within_ns)
{
    if (self->state == SIM_SERVES && !self->draining) {
        sim_trace (self->ground, "router-drain", (uint64_t) within_ns, 0, 0);
        self->draining = true;
        zloom_engine_drain (self->engine, self->ground->mono_ns + within_ns);
        self->next_ns = self->ground->mono_ns;
    }
}

void
sim_router_hold_disk (sim_router_t *self, bool hold)
{
    self->held = hold;
    if (!hold && self->state == SIM_SERVES) {
        self->work_ns = self->ground->mono_ns;
    }
}

void
sim_router_rough (sim_router_t *self, bool rough)
{
    self->rough = rough;
    self->wakes_ns = self->sleeper ? self->ground->mono_ns : ZLOOM_NEVER;
    if (!rough && !sim_disk_stopped (self->disk)) {
        sim_disk_stop_after (self->disk, 0);
    }
}

sim_disk_t *
sim_router_disk (sim_router_t *self)
{
    return self->disk;
}

sim_router_state_t
sim_router_state (const sim_router_t *self)
{
    return self->state;
}

zloom_engine_t *
sim_router_engine (const sim_router_t *self)
{
    return self->state == SIM_OFF ? NULL : self->engine;
}

const sim_lives_t *
sim_router_lives (const sim_router_t *self)
{
    return &self->lives;
}

zloom_err_t
sim_router_open_error (const sim_router_t *self)
{
    return self->open_error;
}
