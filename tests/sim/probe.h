/* SPDX-License-Identifier: MPL-2.0 */
/*
 * probe.h - what would a crash now leave? A probe forks the disk of a living router, lets the power
 * go in the fork, opens a second router on it, holds what that finds against the history, and
 * throws it away; the world goes on as if nothing had been asked. So one run of a world gives as
 * many crash points as it has disk calls, each for the price of an opening.
 *
 * Some probes go on: the process alone dies and comes again from the page cache (maybe after a
 * failed sync), then the power goes; what the first opening served the second must find again.
 */
#ifndef ZLOOM_TESTS_SIM_PROBE_H
#define ZLOOM_TESTS_SIM_PROBE_H

#include "host.h"
#include "simdisk/simdisk.h"

typedef struct sim_probe sim_probe_t;

/* One disk call in `every` is asked about. */
sim_probe_t *sim_probe_new (sim_ground_t *ground, sim_checker_t *checker, const sim_host_t *host,
                            uint64_t every);
void sim_probe_destroy (sim_probe_t **self_p);
/*
 * The router is about to change the disk: with a sync of this file, or NULL. At a sync it is asked
 * about the failing of the sync, too.
 */
void sim_probe_call (sim_probe_t *self, const zloom_simdisk_t *disk, const zloom_file_t *synced);
/* Losses of power so far, each followed by an opening and a comparison. */
uint64_t sim_probe_crashes (const sim_probe_t *self);

#endif
