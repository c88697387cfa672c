/* SPDX-License-Identifier: MPL-2.0 */
/*
 * router.h - the one router of a world: the real engine and the real journal on the simulated disk.
 * It lives many lives: it can lose its power at any call to the disk, also while it opens, be
 * killed, be stopped for a while, and leave in good order.
 */
#ifndef ZLOOM_TESTS_SIM_ROUTER_H
#define ZLOOM_TESTS_SIM_ROUTER_H

#include "host.h"
#include "mouth.h"
#include "net.h"
#include "shim.h"

typedef struct sim_router sim_router_t;

typedef enum {
    SIM_OFF,    /* waits for its next life */
    SIM_SERVES, /* turns */
    SIM_STALLS, /* alive and not scheduled */
} sim_router_state_t;

typedef struct {
    uint64_t crashes; /* the power went at a call to the disk, and it recovered */
    uint64_t in_open; /* of these, while opening */
    uint64_t probes;  /* crash points that were only asked about: probe.h */
    uint64_t kills;
    uint64_t drains;
    uint64_t stalls;
    uint64_t reclaimed;   /* segments used again */
    uint64_t moved_bytes; /* to cold segments */
    uint64_t failures;    /* it stopped by itself: a disk call failed */
} sim_lives_t;

sim_router_t *sim_router_new (sim_ground_t *ground, sim_checker_t *checker, sim_ear_t *ear,
                              sim_net_t *net, const sim_host_t *host, uint64_t probe_every);
void sim_router_destroy (sim_router_t **self_p);
sim_disk_t *sim_router_disk (sim_router_t *self);
sim_router_state_t sim_router_state (const sim_router_t *self);
/* NULL when it does not live. */
zloom_engine_t *sim_router_engine (const sim_router_t *self);
const sim_lives_t *sim_router_lives (const sim_router_t *self);

/* When it wants to be called. */
int64_t sim_router_next (const sim_router_t *self);
/* Whatever it does now: open, turn, or one step of the journal's work. */
void sim_router_run (sim_router_t *self);

/* The power goes at the n-th call to the disk from now. */
void sim_router_crash_after (sim_router_t *self, uint64_t nth);
/* Now; the disk keeps what was written, or only what was synced. Comes again after `off_ns`. */
void sim_router_kill (sim_router_t *self, bool power_lost, int64_t off_ns);
/* It is not scheduled for so long. */
void sim_router_stall (sim_router_t *self, int64_t for_ns);
/* A thread of its journal is not scheduled for so long. */
void sim_router_sleep (sim_router_t *self, sim_sleeper_t sleeper, int64_t for_ns);
/* Leave in good order within so long, then come again. */
void sim_router_drain (sim_router_t *self, int64_t within_ns);
/* The disk's own work is slow or not. */
void sim_router_rough (sim_router_t *self, bool rough);
/* The disk does nothing, and nothing fails: what is staged does not become durable. */
void sim_router_hold_disk (sim_router_t *self, bool hold);
/* Opening may fail for once: the test damaged the disk. */
zloom_err_t sim_router_open_error (const sim_router_t *self);

#endif
