/* SPDX-License-Identifier: MPL-2.0 */
/* ear.h - the ear from the inside: what is known of the session on each route. */
#ifndef ZLOOM_TESTS_SIM_EAR_H
#define ZLOOM_TESTS_SIM_EAR_H

#include "base/map.h"
#include "mouth.h"

#define SIM_HANDLES 8
#define SIM_STEPS 64
#define SIM_EARLY 64

/* A STEP that was heard and not answered. */
typedef struct {
    zloom_token_t token;
    uint32_t handle;
    zloom_run_t *runs;
    size_t count;
} sim_step_t;

/* Ids that were said. */
typedef struct {
    uint32_t index; /* of the flow */
    uint32_t n;
    uint64_t first;
} sim_ids_t;

/* What it consumes. */
typedef struct {
    uint32_t handle;
    sim_flow_t flow;
    bool consumes;
    uint64_t messages, frames;           /* delivered */
    uint64_t most_messages, most_frames; /* ever granted */
} sim_handle_t;

/* What is known of the session on a route. */
typedef struct {
    zloom_route_t route;
    zloom_buf_t name;
    zloom_buf_t nonce;
    sim_flow_t by_index[SIM_FLOWS + SIM_HANDLES]; /* as WELCOME numbers them */
    sim_handle_t handles[SIM_HANDLES];
    size_t handle_count;
    uint64_t reach[SIM_FLOWS + SIM_HANDLES]; /* ids without a gap, by index */
    sim_ids_t early[SIM_EARLY];              /* said before the WELCOME tells what they follow */
    size_t early_count;
    sim_step_t steps[SIM_STEPS];
    size_t step_count;
    bool welcomed;
    bool again; /* HELLO on a road that had a session: the router may still read what came before */
} sim_session_t;

struct sim_ear {
    sim_ground_t *ground;
    sim_checker_t *checker;
    zloom_idmap_t *sessions; /* by route */
    zloom_arena_t arena;
};

/* heard.c */
void sim_ear_heard (void *arg, zloom_route_t route, zloom_bytes_t frame, zloom_bytes_t pack);
/* Ids that follow what came before may be taken, others never. */
void sim_session_ids (sim_session_t *session, const sim_ids_t *ids);
/* mouth.c */
void sim_session_drop_step (sim_session_t *session, size_t index);
void sim_session_free (sim_session_t *session);
/* The flow that it consumes with this handle, or SIM_NO_FLOW. */
sim_flow_t sim_session_flow (const sim_session_t *session, uint32_t handle);

/* Runs of a liar may name any number of messages. */
static inline uint32_t
sim_sane (uint32_t n)
{
    return n < 100000 ? n : 100000;
}

#endif
