/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hub.h - the router of a world with a bus: the real engine and journal on the simulated disk. It
 * loses its power at a call to the disk, or is killed, and comes again.
 */
#ifndef ZLOOM_TESTS_SIM_BUS_HUB_H
#define ZLOOM_TESTS_SIM_BUS_HUB_H

#include "engine/core.h"
#include "net.h"
#include "shim.h"
#include "truth.h"

typedef struct {
    sim_ground_t *ground;
    bus_truth_t *truth;
    sim_net_t *net;
    sim_disk_t *disk;
    zloom_engine_t *engine; /* NULL: it is off */
    zloom_journal_t *journal;
    int64_t turn_ns;
    int64_t work_ns;
    uint64_t crashes;
} bus_hub_t;

void bus_hub_init (bus_hub_t *self, sim_ground_t *ground, bus_truth_t *truth, sim_net_t *net);
void bus_hub_fini (bus_hub_t *self);
/* When it wants to be called, and whatever it does then. */
int64_t bus_hub_next (const bus_hub_t *self);
void bus_hub_run (bus_hub_t *self);
/* The process ends; the disk keeps what was written, or only what was synced. It comes again. */
void bus_hub_stop (bus_hub_t *self, bool power_lost);
/* The bus itself, while it is on. */
void *bus_hub_core (const bus_hub_t *self);

#endif
