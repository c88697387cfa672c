/* SPDX-License-Identifier: MPL-2.0 */
/* cases_life.c - scripted: what peers and routers do to each other. */
#include "cases.h"

#include <stdio.h>

static const sim_world_options_t s_plain = {.producers = 1,
                                            .messages = 80,
                                            .consumers = 2,
                                            .prefetch = 60,
                                            .pack = 4,
                                            .only_orders = true,
                                            .careful = true};

/* Producer 0, then the consumers of orders. */
#define PRODUCER 0
#define CONSUMER 1

/* The disk fills up under a pipelined producer: refused whole, sent again once there is space. */
bool
sim_case_refused (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 300;
    options.host.segment_bytes = 32768;
    options.host.orders_limit = 1000;
    sim_world_t *world = sim_world_new (seed, &options, false);
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (sim_world_router (world)));
    sim_peer_hang (sim_world_peer (world, CONSUMER), 20 * SIM_S);
    sim_peer_hang (sim_world_peer (world, CONSUMER + 1), 20 * SIM_S);
    sim_world_run (world, 60 * SIM_MS);
    zloom_simdisk_capacity (disk, zloom_simdisk_used (disk) + seed * 1024);
    sim_world_run (world, 10 * SIM_S);
    return sim_case_end (&world, sim_case_counts (world).refused > 0, "nothing was refused");
}

/* A consumer dies with all of its prefetched messages, the router right after it; both return. */
bool
sim_case_prefetched (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    options.messages = 400;
    options.prefetch = 400;
    options.window = 400;
    options.burst = 400;
    options.work_ns = SIM_S;
    options.host.orders_limit = 1000;
    sim_world_t *world = sim_world_new (seed, &options, false);
    const bool many = sim_case_leased (world, 300);
    sim_peer_die (sim_world_peer (world, CONSUMER), 300 * SIM_MS, false);
    sim_router_crash_after (sim_world_router (world), 1 + seed % 5);
    sim_world_run (world, 4 * SIM_S);
    const bool crashed = sim_router_lives (sim_world_router (world))->crashes == 1;
    return sim_case_end (&world, many && crashed, "nothing was prefetched, or nothing crashed");
}

/*
 * A consumer hangs until its messages went to another one, and settles then: it is told that they
 * are not its own any more, and the other one's settlements count.
 */
bool
sim_case_late_ack (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.work_ns = 100 * SIM_MS;
    options.prefetch = 20; /* so that both have some */
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 30);
    sim_peer_hang (sim_world_peer (world, CONSUMER), 8 * SIM_S);
    sim_world_run (world, 9 * SIM_S);
    const sim_counts_t counts = sim_case_counts (world);
    return sim_case_end (&world, counts.redelivered > 0 && counts.stale > 0,
                         "nobody else got its messages, or it was not told");
}

/*
 * Only one consumer, and the router restarts: what it holds is its own after that, too, so nothing
 * is handed out twice, and what it settles with the older tokens is taken.
 */
bool
sim_case_across_restart (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    options.work_ns = 300 * SIM_MS;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 20 + seed);
    sim_world_run (world, 2 * SIM_MS); /* until it has them */
    sim_router_kill (sim_world_router (world), seed % 2 == 0, 50 * SIM_MS);
    sim_world_run (world, 5 * SIM_S);
    const sim_counts_t counts = sim_case_counts (world);
    /* One DELIVER may have been under way. */
    return sim_case_end (&world, counts.redelivered <= 8 && counts.late >= 10,
                         "what it held was handed out again, or its settlements were not taken");
}

/*
 * The router is not scheduled for longer than a lease, with settlements in its sockets: they all
 * count, nothing has run out, and nothing is handed out again.
 */
bool
sim_case_stall (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 20 + seed);
    sim_router_stall (sim_world_router (world), 3 * SIM_S);
    sim_world_run (world, 5 * SIM_S);
    return sim_case_end (&world, sim_case_counts (world).redelivered == 0,
                         "something was handed out again");
}

static bool
s_have_settled (sim_world_t *world, void *arg)
{
    return sim_case_orders (world).acked >= *(uint64_t *) arg;
}

/*
 * The router is not scheduled while leases end and settlements of them arrive, not long enough to
 * move deadlines: what is in its sockets is read before what ran out is taken away.
 */
bool
sim_case_short_stall (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    options.messages = 20;
    options.burst = 20;
    options.prefetch = 20;
    options.window = 20;
    options.work_ns = 1900 * SIM_MS;
    options.alone = true;
    sim_world_t *world = sim_world_new (seed, &options, false);
    const bool out = sim_case_leased (world, 20);
    sim_world_run (world, 1800 * SIM_MS);
    sim_router_stall (sim_world_router (world), 800 * SIM_MS);
    uint64_t all = 20;
    const bool settled = sim_world_run_until (world, s_have_settled, &all, 10 * SIM_S);
    const bool once = sim_case_counts (world).redelivered == 0;
    const bool free_of_charge = sim_case_orders (world).failures == 0;
    const bool ok = out && settled && once && free_of_charge && !sim_world_ground (world)->failed;
    if (!ok) {
        fprintf (stderr, "sim: short stall: %s\n",
                 sim_world_ground (world)->failed ? sim_world_ground (world)->why
                                                  : "a settlement in the socket did not count");
    }
    sim_world_destroy (&world);
    return ok;
}

/* A consumer's process dies again and again with one message, which it had or had not started. */
bool
sim_case_crashed (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.consumers = 1;
    options.prefetch = 1;
    options.work_ns = 500 * SIM_MS;
    options.chaos.hands = true;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_peer_t *operator_ = sim_world_peer (world, sim_world_peers (world) - 1);
    bool held = true;
    for (int i = 0; i < 12 && held; i++) {
        held = sim_case_leased (world, 1);
        sim_world_run (world, 20 * SIM_MS);
        zloom_verb_gone_t gone;
        sim_peer_gone (sim_world_peer (world, CONSUMER), &gone);
        sim_operator_report (operator_, &gone);
        sim_peer_die (sim_world_peer (world, CONSUMER), 50 * SIM_MS, false);
        sim_world_run (world, 40 * SIM_MS);
    }
    return sim_case_end (&world, held && sim_case_counts (world).redelivered > 5,
                         "it did not hold what it died with");
}

static bool
s_have_failed (sim_world_t *world, void *arg)
{
    return sim_case_counts (world).failed >= *(uint64_t *) arg;
}

/*
 * A keyed flow, in each of its orders, over restarts of the router, with failures in between: no
 * key is overtaken, and what was held is settled across them.
 */
bool
sim_case_keyed_restart (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 400;
    options.careful = false;
    options.prefetch = 20;
    options.work_ns = 40 * SIM_MS;
    options.chaos.hands = true;
    options.probe_every = 8;
    options.host.keyed = true;
    options.host.order = (zloom_order_t) (seed % 3);
    sim_world_t *world = sim_world_new (seed, &options, false);
    for (uint64_t i = 0; i < 16; i++) {
        sim_case_delivered (world, sim_case_counts (world).delivered + 5 + seed);
        sim_world_run (world, 2 * SIM_MS); /* until they have them */
        if (i % 4 == 3) {                  /* before a failure can be answered, written or not */
            uint64_t failed = sim_case_counts (world).failed + 1;
            sim_world_run_until (world, s_have_failed, &failed, 2 * SIM_S);
            sim_world_run (world, (int64_t) (seed + i) % 5 * SIM_MS / 2);
        }
        sim_router_kill (sim_world_router (world), (seed + i) % 2 == 0, 50 * SIM_MS);
        sim_world_run (world, 1500 * SIM_MS);
    }
    return sim_case_end (&world, sim_case_counts (world).late > 0,
                         "nothing was held over the restarts");
}

/*
 * Consumers of a keyed flow die with several messages, and nobody knows which one it was: suspects
 * are tried in the order of their keys, also by who hands some of them back.
 */
bool
sim_case_keyed_suspects (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 400;
    options.careful = false;
    options.prefetch = 30;
    options.work_ns = 20 * SIM_MS;
    options.chaos.hands = true;
    options.host.keyed = true;
    options.host.order = (zloom_order_t) (seed % 3);
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_peer_t *operator_ = sim_world_peer (world, sim_world_peers (world) - 1);
    for (size_t i = 0; i < 10; i++) {
        sim_peer_t *consumer = sim_world_peer (world, CONSUMER + i % 2);
        (void) sim_case_leased (world, 8); /* or all keys are stuck */
        sim_world_run (world, 5 * SIM_MS);
        zloom_verb_gone_t gone;
        sim_peer_gone (consumer, &gone);
        sim_operator_report (operator_, &gone);
        sim_peer_die (consumer, 50 * SIM_MS, false);
        sim_world_run (world, 150 * SIM_MS);
    }
    return sim_case_end (&world, sim_case_counts (world).redelivered > 20,
                         "they did not hold what they died with");
}

/*
 * A second process of a producer's name, without the first one's list, while the first goes on
 * sending: from the newer one's WELCOME on nothing of the older one is taken.
 */
bool
sim_case_fenced (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 200;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_told (world, 10 + seed);
    for (int i = 0; i < 4; i++) {
        sim_peer_twin (sim_world_peer (world, PRODUCER));
        sim_world_run (world, (int64_t) (1 + seed % 7) * 20 * SIM_MS);
    }
    return sim_case_end (&world, sim_world_logged (world, "peer-bye") > 0, "nobody was fenced");
}

/* An operator purges what is ready and the dead letters, each disk call in it probed. */
bool
sim_case_purged (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.careful = false;
    options.chaos.hands = true;
    options.probe_every = 1;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_delivered (world, 40 + seed);
    sim_world_purge (world, SIM_DEAD);
    for (int i = 0; i < 20 && sim_case_counts (world).purged == 0; i++) {
        sim_world_purge (world, SIM_ORDERS); /* just now nothing may wait there */
        sim_world_run (world, 20 * SIM_MS);
    }
    sim_router_crash_after (sim_world_router (world), 1 + seed % 6);
    sim_world_run (world, SIM_S);
    return sim_case_end (&world, sim_case_counts (world).purged > 0, "nothing was purged");
}

/*
 * A producer comes again from an earlier state: with none of its list but what the router knows of
 * it. It goes on behind that, and neither loses nor doubles what was taken.
 */
bool
sim_case_restored_source (uint64_t seed)
{
    sim_world_options_t options = s_plain;
    options.messages = 200;
    sim_world_t *world = sim_world_new (seed, &options, false);
    sim_case_told (world, 10 + seed);
    for (int i = 0; i < 3; i++) {
        sim_peer_die (sim_world_peer (world, PRODUCER), 30 * SIM_MS, true);
        sim_router_crash_after (sim_world_router (world), 1 + seed % 9);
        sim_world_run (world, (int64_t) seed * 25 * SIM_MS);
    }
    return sim_case_end (&world, true, NULL);
}
