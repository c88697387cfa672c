/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hub.h - a router of a world with buses or bridges: the real engine and journal on a simulated
 * disk of its own. It loses its power at a call to the disk, or is killed, and comes again. What it
 * hosts, and who looks at that, is its host's.
 */
#ifndef ZLOOM_TESTS_SIM_BUS_HUB_H
#define ZLOOM_TESTS_SIM_BUS_HUB_H

#include "engine/core.h"
#include "net.h"
#include "shim.h"

typedef struct {
    void *arg;
    zloom_engine_t *(*engine) (void *arg, const zloom_transport_t *transport, uint64_t seed);
    /* A PACK of that flow was staged. */
    void (*staged) (void *arg, const zloom_hosted_t *flow, const zloom_record_t *record);
    /* It has come again: what is in it now is what it found. */
    void (*opened) (void *arg, const zloom_engine_t *engine);
    /* After each turn; what does not hold is told to the ground. */
    void (*check) (void *arg, const zloom_engine_t *engine);
    sim_watch_t watch;
} bus_host_t;

typedef struct {
    sim_ground_t *ground;
    bus_host_t host;
    sim_net_t *net;
    sim_disk_t *disk;
    zloom_engine_t *engine; /* NULL: it is off */
    zloom_journal_t *journal;
    int64_t turn_ns;
    int64_t work_ns;
    uint64_t crashes;
} bus_hub_t;

void bus_hub_init (bus_hub_t *self, sim_ground_t *ground, sim_net_t *net, const bus_host_t *host);
void bus_hub_fini (bus_hub_t *self);
/* When it wants to be called, and whatever it does then. */
int64_t bus_hub_next (const bus_hub_t *self);
void bus_hub_run (bus_hub_t *self);
/* The process ends; the disk keeps what was written, or only what was synced. It comes again. */
void bus_hub_stop (bus_hub_t *self, bool power_lost);
/* Its disk as it is now, as a copy of it would be found again; and the disk put back to that. */
zloom_simdisk_t *bus_hub_copy (bus_hub_t *self);
void bus_hub_restore (bus_hub_t *self, zloom_simdisk_t **copy_p);
/* Whether nothing is in any flow that is not settled; false while it is off. */
bool bus_hub_empty (const bus_hub_t *self);

#endif
