/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bus.h - every subscriber gets every event that it wants: the pattern "bus" for the engine.
 *
 * One log of events. Beside it stand its subscribers:
 *
 *   volatile  A listener (one consumer, or a group whose members share) has what is meant for it as
 *             runs of numbers. It gets views of the stored packs, without a lease; a hand-out is
 *             done when it is said. What it is too slow for is its own matter (on_slow), and every
 *             hole is told where it is (GAP), with the exact number of events.
 *   durable   A group outlives its consumers: it has leases, retries and dead letters, because it
 *             is a queue (patterns/queue) over the bus's log, with records of its own.
 *
 * What the engine should know
 *   - DELIVER with token number 0 is no lease: nothing is settled.
 *   - An event stages at most what one of the queue does, for each group that it concerns: SETTLE
 *     and the like concern one group, OFFER writes nothing beside its pack but what check_offer
 *     adds, TIMER and FETCHED go on with one group at a time when there is much to write.
 *   - A message leaves when every durable group is past it, no listener waits for it and `retain`
 *     does not hold it.
 */
#ifndef ZLOOM_PATTERNS_BUS_BUS_H
#define ZLOOM_PATTERNS_BUS_BUS_H

#include "patterns/common/pattern.h"

/* One DELIVER holds at most so many messages and bytes, or one message. */
#define ZLOOM_BUS_LEASE_MESSAGES 65536u
#define ZLOOM_BUS_LEASE_BYTES (1024u * 1024)

/* What may wait for a listener when it does not say: messages; keys of `latest`; bytes on disk. */
#define ZLOOM_BUS_SLOW_MESSAGES 65536
#define ZLOOM_BUS_SLOW_KEYS 65536
#define ZLOOM_BUS_SLOW_BYTES (INT64_C (1) << 30)
#define ZLOOM_BUS_SLOW_MS 1000

extern const zloom_pattern_t zloom_bus_pattern;

/*
 * Whether the books balance: what was meant for each listener is delivered, lost and told, or
 * waits; each group's queue balances, too. For tests and checkers.
 */
bool zloom_bus_check (const void *self);

#endif
