/* SPDX-License-Identifier: MPL-2.0 */
/*
 * peers.h - who talks to the router. All but the liar speak through the real client core; each is
 * one process after the other under one name: it can hang, vanish, crash, leave, and come again.
 */
#ifndef ZLOOM_TESTS_SIM_PEERS_H
#define ZLOOM_TESTS_SIM_PEERS_H

#include "checker.h"
#include "client/client_core.h"
#include "net.h"

typedef struct sim_peer sim_peer_t;

typedef enum { SIM_PRODUCER, SIM_CONSUMER, SIM_OPERATOR, SIM_LIAR } sim_kind_t;

/* What peers share. */
typedef struct {
    sim_ground_t *ground;
    sim_checker_t *checker;
    sim_net_t *net;
    bool calm; /* no faults any more: everybody works and acks */
} sim_stage_t;

typedef struct {
    sim_kind_t kind;
    sim_flow_t flow;   /* it sends to, or takes from */
    uint64_t messages; /* a producer's, in all */
    size_t prefetch;
    size_t pack;     /* most messages in one */
    size_t window;   /* a producer's, in messages; 0: 64 */
    size_t burst;    /* a producer's, at one time; 0: by chance */
    int64_t work_ns; /* what a consumer takes for each message, beside chance */
    bool steps;      /* a consumer that emits to SIM_OUT in steps */
    bool careful;    /* only acks, no faults */
    bool stubborn;   /* goes on with a key after something of it failed */
} sim_peer_options_t;

sim_peer_t *sim_peer_new (sim_stage_t *stage, uint32_t index, const sim_peer_options_t *options);
void sim_peer_destroy (sim_peer_t **self_p);
int64_t sim_peer_next (const sim_peer_t *self);
void sim_peer_run (sim_peer_t *self);
const sim_peer_options_t *sim_peer_options (const sim_peer_t *self);

/* ---- what happens to it ---------------------------------------------------------------------- */

/* The process is not scheduled for so long. */
void sim_peer_hang (sim_peer_t *self, int64_t for_ns);
/* The process dies without a word and comes again as a new one. `forget`: it lost its list. */
void sim_peer_die (sim_peer_t *self, int64_t off_ns, bool forget);
/*
 * Another process is started under its name while it lives: a producer without the older one's
 * list. The older one still says what it had to say.
 */
void sim_peer_twin (sim_peer_t *self);
/* It says BYE, and comes again. */
void sim_peer_leave (sim_peer_t *self, int64_t off_ns);
/* Its connection breaks; it may not notice. */
void sim_peer_cut (sim_peer_t *self);
/* It lays a second road while the first one still carries frames. */
void sim_peer_double (sim_peer_t *self);
/* It lives and runs. */
bool sim_peer_lives (const sim_peer_t *self);
/* The longest that a frame of its connection has waited at the router's door. */
int64_t sim_peer_waited (const sim_peer_t *self);
/* What a supervisor would say of it: for an operator's GONE. */
void sim_peer_gone (const sim_peer_t *self, zloom_verb_gone_t *gone);
/* All it had to do is done. */
bool sim_peer_done (const sim_peer_t *self);

/* ---- an operator's hands --------------------------------------------------------------------- */

void sim_operator_ask (sim_peer_t *self, const char *command, sim_flow_t flow);
/* A key of orders may go on. */
void sim_operator_free (sim_peer_t *self, unsigned key);
void sim_operator_report (sim_peer_t *self, const zloom_verb_gone_t *gone);

#endif
