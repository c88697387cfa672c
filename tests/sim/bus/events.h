/* SPDX-License-Identifier: MPL-2.0 */
/* events.h - a bus with two durable groups, ledger and mail: as a flow of a hub, and its judge. */
#ifndef ZLOOM_TESTS_SIM_BUS_EVENTS_H
#define ZLOOM_TESTS_SIM_BUS_EVENTS_H

#include "hub.h"
#include "truth.h"

/* What "mail" wants; "ledger" wants everything. */
#define BUS_MAIL "a.*"

zloom_engine_flow_t bus_events_flow (void);
/* The router that hosts nothing else; what is staged goes to the truth. */
bus_host_t bus_events_host (bus_truth_t *truth);
/* All is calm: each group has acked what is for it. */
void bus_events_judge (const zloom_hosted_t *flow, bus_truth_t *truth);

#endif
