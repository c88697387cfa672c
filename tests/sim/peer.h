/* SPDX-License-Identifier: MPL-2.0 */
/* peer.h - a peer from the inside: the common part, and what each kind does. */
#ifndef ZLOOM_TESTS_SIM_PEER_H
#define ZLOOM_TESTS_SIM_PEER_H

#include "peers.h"

/* A message in a consumer's hands. */
typedef struct {
    const zloom_message_t *message;
    uint64_t number;
    int64_t due_ns; /* when it is settled */
    uint64_t step;  /* that settles it; 0: none */
    uint64_t emit;  /* the message that the step emits */
    zloom_verdict_t verdict;
    bool by_step;
    char key[4]; /* empty: none */
} sim_work_t;

struct sim_peer {
    sim_stage_t *stage;
    uint32_t index;
    sim_peer_options_t options;
    char name[16];
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    zloom_client_core_t *core; /* NULL: no process */
    sim_road_t *road;
    /* A former process of the same name that does not know yet that it is replaced. */
    zloom_client_core_t *ghost;
    sim_road_t *ghost_road;
    int64_t next_ns;
    int64_t act_ns;    /* when it does something of its own accord */
    int64_t hung_ns;   /* hangs until then */
    int64_t reborn_ns; /* no process until then */
    bool welcomed;     /* in this process */
    bool fenced;       /* for good */
    bool haunted;      /* what is heard now is for the ghost */
    bool forgot;       /* its list does not count beyond what WELCOME tells */
    /* producer: its list of messages by id, kept over restarts */
    uint64_t *numbers;
    size_t count, capacity;
    uint64_t believed;
    /* consumer */
    uint32_t handle;
    sim_work_t *work;
    size_t work_count, work_capacity;
    zloom_buf_t body;
    /* liar */
    uint64_t sent_id; /* the last one that it sent */
};

/* producer.c */
void sim_producer_act (sim_peer_t *self);
void sim_producer_event (sim_peer_t *self, const zloom_client_event_t *event);
/* consumer.c */
void sim_consumer_born (sim_peer_t *self);
void sim_consumer_act (sim_peer_t *self);
void sim_consumer_event (sim_peer_t *self, const zloom_client_event_t *event);
/* liar.c */
void sim_liar_run (sim_peer_t *self);

#endif
