/* SPDX-License-Identifier: MPL-2.0 */
/* world_state.h - a world from the inside: the scheduler (world.c) and what goes wrong (hurt.c). */
#ifndef ZLOOM_TESTS_SIM_WORLD_STATE_H
#define ZLOOM_TESTS_SIM_WORLD_STATE_H

#include "world.h"

/* Kinds of things that the parts say. */
#define LOGGED 64

typedef struct {
    const char *id;
    uint64_t count;
} logged_t;

struct sim_world {
    sim_ground_t ground;
    sim_world_options_t options;
    sim_stage_t stage;
    sim_checker_t *checker;
    sim_ear_t *ear;
    sim_net_t *net;
    sim_router_t *router;
    sim_peer_t **peers;
    size_t count;
    size_t capacity;
    size_t first_consumer;
    size_t operator_at;
    int64_t chaos_ns;
    bool full;
    uint64_t steps;
    logged_t logged[LOGGED];
    size_t logged_count;
};

/* Something goes wrong, as the world's chaos allows. */
void sim_world_hurt (sim_world_t *self);

#endif
