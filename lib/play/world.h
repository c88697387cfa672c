/* SPDX-License-Identifier: MPL-2.0 */
/*
 * world.h - a case while it is played, for the files of this folder:
 *   play.c    its steps, one after the other
 *   world.c   the clock and the router
 *   peer.c    a session: the client core on a road
 *   sender.c  who sends: a program for each step that does
 *   node.c    workers and sinks
 *   mock.c    what the case says of a node's messages
 *   eye.c     who looks: copies of what comes into flows, counters, dead letters
 *   judge.c   expected against seen
 */
#ifndef ZLOOM_PLAY_WORLD_H
#define ZLOOM_PLAY_WORLD_H

#include "client/client_core.h"
#include "play/play.h"
#include "play/roads.h"
#include "simdisk/simdisk.h"

typedef struct zloom_world zloom_world_t;
typedef struct zloom_play_peer zloom_play_peer_t;

/* ---- peer.c --------------------------------------------------------------------------------- */

struct zloom_play_peer {
    zloom_world_t *world;
    char name[96];
    uint8_t nonce[ZLOOM_NONCE_BYTES];
    zloom_client_core_t *core; /* NULL: there is no process */
    zloom_road_t *road;
    int64_t next_ns; /* when the core wants to be called; in the past: at once */
    zloom_client_event_fn *event;
    void *event_arg;
};

/* A process begins. */
void zloom_play_peer_born (zloom_play_peer_t *self, const char *role,
                           const zloom_client_flow_t *flows, size_t flow_count);
void zloom_play_peer_die (zloom_play_peer_t *self);
/* The router is back: the session begins anew. */
void zloom_play_peer_again (zloom_play_peer_t *self);
/* Frames in, timers, frames out, if there is a reason to. */
bool zloom_play_peer_carry (zloom_play_peer_t *self);
/* The caller has asked the core for something. */
void zloom_play_peer_touch (zloom_play_peer_t *self);

/* ---- what was seen -------------------------------------------------------------------------- */

typedef struct {
    uint64_t seq;
    char *flow;
    zloom_buf_t body;
    char *key; /* NULL: none */
    char *topic;
    char *id;
    uint32_t attempt; /* 1 is the first */
    /* Dead letters. */
    char *reason;
    uint64_t failures;
    char *text;
} zloom_play_seen_t;

typedef struct {
    zloom_play_seen_t *items;
    size_t count;
    size_t capacity;
} zloom_play_list_t;

void zloom_play_list_add (zloom_play_list_t *self, const zloom_message_t *message);
void zloom_play_list_fini (zloom_play_list_t *self);

/* ---- sender.c ------------------------------------------------------------------------------- */

typedef struct zloom_play_sender zloom_play_sender_t;
struct zloom_play_sender {
    zloom_play_peer_t peer;
    const zloom_case_send_t *send;
    int64_t left; /* to be given to the core */
    bool refused;
    char why[256];
    zloom_play_sender_t *next;
};

zloom_play_sender_t *zloom_play_sender_new (zloom_world_t *world, const zloom_case_send_t *send);
/* Whether it did anything. */
bool zloom_play_sender_act (zloom_play_sender_t *self);
/* All is confirmed, or it was refused: its program has ended. */
bool zloom_play_sender_over (const zloom_play_sender_t *self);
void zloom_play_sender_destroy (zloom_play_sender_t **self_p);

/* ---- node.c --------------------------------------------------------------------------------- */

typedef struct {
    zloom_play_peer_t peer;
    uint32_t number; /* of the replica, from 1 */
    uint32_t *handles;
    size_t turn;                    /* which flow it takes from next */
    const zloom_message_t *message; /* in its hands; NULL: none */
    zloom_play_outcome_t outcome;
    int64_t due_ns; /* when it says so */
    uint64_t step;  /* under way; 0: none */
    zloom_err_t step_code;
    bool step_over;
    char step_text[256];
} zloom_play_replica_t;

typedef struct {
    zloom_world_t *world;
    const zloom_recipe_node_t *node;
    const zloom_case_mock_t *mock; /* NULL: none */
    int64_t *used;                 /* how often each of its rules was */
    const zloom_recipe_flow_t **ins;
    size_t in_count;
    zloom_client_flow_t *outs;
    size_t out_count;
    int64_t lease_ns; /* the shortest of its flows */
    zloom_play_replica_t *replicas;
    size_t replica_count;
    int64_t back_ns; /* it is away until then; ZLOOM_NEVER: it is there */
    zloom_play_list_t handled;
} zloom_play_node_t;

void zloom_play_node_init (zloom_play_node_t *self, zloom_world_t *world,
                           const zloom_recipe_node_t *node);
void zloom_play_node_start (zloom_play_node_t *self);
void zloom_play_node_kill (zloom_play_node_t *self, int64_t away_ns);
bool zloom_play_node_act (zloom_play_node_t *self);
/* When it does something of its own accord. */
int64_t zloom_play_node_next (const zloom_play_node_t *self);
void zloom_play_node_fini (zloom_play_node_t *self);

/* ---- mock.c --------------------------------------------------------------------------------- */

/* What the case says; false: none of its rules is for this message. */
bool zloom_play_mock (zloom_play_node_t *node, const zloom_message_t *message,
                      zloom_play_outcome_t *outcome);
void zloom_play_outcome_fini (zloom_play_outcome_t *self);
/* A settlement that is none of a mock: the reason's text is copied. */
void zloom_play_fail_message (zloom_play_outcome_t *outcome, zloom_verdict_t verdict,
                              const char *reason, const char *text);
/* Whether a body is the one that is written; `part`: of a map it has to have these keys only. */
bool zloom_play_body_is (const zloom_case_body_t *body, zloom_bytes_t seen, bool part);

/* ---- eye.c ---------------------------------------------------------------------------------- */

typedef struct {
    zloom_play_peer_t peer;
    zloom_play_list_t *flows; /* what came into each, in the recipe's order */
    uint32_t *handles;
    /* What the router is asked. */
    bool asking;
    uint64_t request;
    zloom_err_t code;
    char text[256];
    zloom_buf_t answer; /* results, one behind the other */
} zloom_play_eye_t;

void zloom_play_eye_open (zloom_world_t *world);
bool zloom_play_eye_act (zloom_play_eye_t *self);
void zloom_play_eye_fini (zloom_play_eye_t *self, size_t flow_count);
/* Ask for something about a flow; what the router says is in `answer`. Its error, with a note. */
zloom_err_t zloom_play_eye_ask (zloom_world_t *world, const char *command, const char *flow,
                                uint64_t from);
/* A counter of a flow. */
zloom_err_t zloom_play_eye_counter (zloom_world_t *world, const char *flow, const char *name,
                                    uint64_t *value);
/* Fill in why the flow's dead letters died. */
zloom_err_t zloom_play_eye_letters (zloom_world_t *world, const char *flow,
                                    zloom_play_list_t *list);

/* ---- judge.c -------------------------------------------------------------------------------- */

void zloom_play_judge_flow (zloom_world_t *world, const zloom_case_step_t *step);
void zloom_play_judge_node (zloom_world_t *world, const zloom_case_step_t *step);

/* ---- world.c -------------------------------------------------------------------------------- */

struct zloom_world {
    const zloom_play_config_t *config;
    const zloom_case_t *one;
    const zloom_case_step_t *step; /* under way */
    zloom_play_result_t *result;
    zloom_now_t now;
    int64_t case_ns;   /* all waits so far */
    int64_t active_ns; /* when a frame went last */
    uint64_t turns;    /* since counted_ns */
    int64_t counted_ns;
    uint64_t sent; /* messages, by the case itself */
    uint32_t born; /* processes so far: each gets a nonce of its own */
    bool stuck;    /* it does not come to rest: the case is over */
    zloom_roads_t *roads;
    zloom_engine_flow_t *flows;
    zloom_simdisk_t *disk;
    zloom_engine_t *engine; /* NULL: the router is away */
    zloom_journal_t *journal;
    int64_t turn_ns; /* the router's next one */
    int64_t back_ns; /* it is away until then; ZLOOM_NEVER: it is there */
    zloom_play_eye_t eye;
    zloom_play_node_t *nodes;
    size_t node_count;
    zloom_play_sender_t *senders;
};

void zloom_world_init (zloom_world_t *self);
void zloom_world_fini (zloom_world_t *self);
/* Until nothing moves any more. */
void zloom_world_rest (zloom_world_t *self);
void zloom_world_pass (zloom_world_t *self, int64_t ns);
void zloom_world_kill_router (zloom_world_t *self, int64_t away_ns);
/* Of a flow of the recipe. */
size_t zloom_world_flow (const zloom_world_t *self, const char *name);
/* A failure at a place; the caller adds rows. The first 50 count. (play.c) */
zloom_play_failure_t *zloom_world_fail (zloom_world_t *self, zloom_span_t at, const char *format,
                                        ...) __attribute__ ((format (printf, 3, 4)));

#endif
