/* SPDX-License-Identifier: MPL-2.0 */
/*
 * peer.h - who talks to a bus: publishers, listeners and members of durable groups, each through
 * the real client core, one process after the other under one name.
 */
#ifndef ZLOOM_TESTS_SIM_BUS_PEER_H
#define ZLOOM_TESTS_SIM_BUS_PEER_H

#include "client/client_core.h"
#include "knows.h"
#include "net.h"
#include "truth.h"

/* A thief takes what is for others, and mostly gives it back. */
typedef enum { BUS_PUBLISHER, BUS_LISTENER, BUS_MEMBER, BUS_THIEF } bus_kind_t;

typedef struct {
    bus_kind_t kind;
    uint32_t number;   /* of publishers: 0, 1, … */
    const char *name;  /* of publishers: w0, w1, … */
    const char *flow;  /* NULL: events */
    const char *group; /* members', of a bus; NULL: the flow is a queue. Listeners': they share */
    const char *patterns; /* parted by blanks; "": everything */
    uint64_t events;      /* a publisher's, in all */
    zloom_on_slow_t on_slow;
    int64_t on_slow_value;
    zloom_from_t from;
    bool stalled; /* it takes nothing until all is calm */
} bus_peer_options_t;

typedef struct {
    sim_ground_t *ground;
    bus_truth_t *truth;
    sim_net_t *net;
    /* What a listener is told of a hole, for who knows more of it than the truth; may be NULL. */
    void (*gap) (const bus_peer_options_t *options, const zloom_client_event_t *gap,
                 sim_ground_t *ground);
    bus_knows_t *pool; /* what listeners that share know together */
    bool calm;
    bool alone; /* nobody takes from a group but its one member: that is to be told all */
} bus_stage_t;

typedef struct bus_peer bus_peer_t;

bus_peer_t *bus_peer_new (bus_stage_t *stage, const bus_peer_options_t *options);
void bus_peer_destroy (bus_peer_t **self_p);
int64_t bus_peer_next (const bus_peer_t *self);
void bus_peer_run (bus_peer_t *self);
void bus_peer_die (bus_peer_t *self, int64_t off_ns);
void bus_peer_hang (bus_peer_t *self, int64_t for_ns);
/* Its connection breaks and comes again. */
void bus_peer_cut (bus_peer_t *self);
/* Its router is back at an earlier state: numbers are given again. */
void bus_peer_forget (bus_peer_t *self);
/* All is calm: a member of a group had, or was told of, whatever it wants. */
void bus_peer_judge (bus_peer_t *self);
bool bus_peer_done (const bus_peer_t *self);
const bus_peer_options_t *bus_peer_options (const bus_peer_t *self);
const bus_ear_t *bus_peer_ear (const bus_peer_t *self);

#endif
