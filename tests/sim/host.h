/* SPDX-License-Identifier: MPL-2.0 */
/* host.h - what a simulated router is made of: its flows, its engine, its log. */
#ifndef ZLOOM_TESTS_SIM_HOST_H
#define ZLOOM_TESTS_SIM_HOST_H

#include "checker.h"
#include "engine/engine.h"

typedef struct {
    uint32_t segment_bytes; /* of the log; 0: 64 KiB */
    uint32_t second_bytes;  /* as of a journal's config */
    uint32_t orders_limit;  /* messages in orders; 0: 100 */
    bool keyed;             /* orders has keys */
    zloom_order_t order;    /* of keys */
    bool drops;             /* orders is small, and lets its oldest go */
    bool timed;             /* there are SIM_TIMED and SIM_ONCE */
} sim_host_t;

zloom_engine_t *sim_host_engine (const sim_host_t *host, const zloom_transport_t *transport,
                                 uint64_t seed);
/* Opens the log on that disk for the engine. */
zloom_err_t sim_host_open (const sim_host_t *host, zloom_engine_t *engine, zloom_vfs_t *disk,
                           uint64_t seed, zloom_now_t now, zloom_journal_t **journal_p);

#endif
