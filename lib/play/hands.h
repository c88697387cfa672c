/* SPDX-License-Identifier: MPL-2.0 */
/* hands.h - what a node of a case does with a message: the words between player and handler. */
#ifndef ZLOOM_PLAY_HANDS_H
#define ZLOOM_PLAY_HANDS_H

#include "client/client_types.h"
#include "recipe/recipe.h"
#include "wire/arena.h"

typedef struct {
    const char *flow; /* NULL: the node's only one */
    zloom_envelope_t envelope;
} zloom_play_emit_t;

/* What becomes of a message in a node's hands. */
typedef struct {
    zloom_settlement_t settlement;
    zloom_play_emit_t *emits; /* with an ack only */
    size_t emit_count;
    int64_t takes_ns;    /* ZLOOM_NEVER: it hangs */
    zloom_arena_t arena; /* of all that the views mean, but for the message itself */
} zloom_play_outcome_t;

/*
 * The node's own handler, for messages of nodes without a mock. An error (its note says which) is
 * none of the message: the case fails with it.
 */
typedef zloom_err_t (zloom_play_work_fn) (void *arg, const zloom_recipe_node_t *node,
                                          uint32_t replica, const zloom_message_t *message,
                                          zloom_play_outcome_t *outcome);

#endif
