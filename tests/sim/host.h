/* SPDX-License-Identifier: MPL-2.0 */
/* host.h - what a simulated router is made of: its flows, its engine, its log. */
#ifndef ZLOOM_TESTS_SIM_HOST_H
#define ZLOOM_TESTS_SIM_HOST_H

#include "checker.h"
#include "engine/engine.h"

zloom_engine_t *sim_host_engine (const zloom_transport_t *transport, uint64_t seed);
/* Opens the log on that disk for the engine. */
zloom_err_t sim_host_open (zloom_engine_t *engine, zloom_vfs_t *disk, uint32_t segment_bytes,
                           uint64_t seed, zloom_now_t now, zloom_journal_t **journal_p);

#endif
