/* SPDX-License-Identifier: MPL-2.0 */
#include "test_real.h"

#include "base/memory.h"
#include "nodes/worker/trial.h"

#include <stdlib.h>
#include <string.h>

/* A program that has said nothing for so long says nothing at all. */
#define LIMIT_MS 30000

typedef struct {
    const zloom_recipe_node_t *node;
    uint32_t replica;
    zloom_trial_t *trial;
} s_seat_t;

struct zloom_test_real {
    const zloom_recipe_t *recipe;
    s_seat_t *seats;
    size_t count;
    size_t capacity;
};

zloom_test_real_t *
zloom_test_real_new (const zloom_recipe_t *recipe)
{
    zloom_test_real_t *self = zloom_alloc (sizeof *self);
    self->recipe = recipe;
    return self;
}

void
zloom_test_real_destroy (zloom_test_real_t **self_p)
{
    zloom_test_real_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->count; i++) {
            zloom_trial_destroy (&self->seats[i].trial);
        }
        free (self->seats);
        free (self);
        *self_p = NULL;
    }
}

static zloom_err_t
s_find (zloom_test_real_t *self, const zloom_recipe_node_t *node, uint32_t replica,
        s_seat_t **seat_p)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->seats[i].node == node && self->seats[i].replica == replica) {
            *seat_p = &self->seats[i];
            return ZLOOM_OK;
        }
    }
    zloom_trial_t *trial = NULL;
    zloom_err_t err = zloom_trial_new (self->recipe, node, replica, &trial);
    if (err == ZLOOM_OK) {
        zloom_grow (&self->seats, &self->capacity, self->count + 1, sizeof *self->seats);
        *seat_p = &self->seats[self->count++];
        **seat_p = (s_seat_t){node, replica, trial};
    }
    return err;
}

static void
s_leave (zloom_test_real_t *self, size_t index)
{
    zloom_trial_destroy (&self->seats[index].trial);
    self->seats[index] = self->seats[--self->count];
}

/* ---- what came of it ------------------------------------------------------------------------ */

static zloom_bytes_t
s_copy (zloom_play_outcome_t *outcome, zloom_bytes_t bytes)
{
    if (!bytes.data) {
        return bytes;
    }
    uint8_t *copy = zloom_arena_take (&outcome->arena, bytes.size + 1, 1); /* and a NUL */
    memcpy (copy, bytes.data, bytes.size);
    return zloom_bytes (copy, bytes.size);
}

static void
s_outcome (void *arg, const zloom_outcome_t *from)
{
    zloom_play_outcome_t *to = arg;
    to->settlement = from->settlement;
    to->settlement.cause.reason = s_copy (to, from->settlement.cause.reason);
    to->settlement.cause.text = s_copy (to, from->settlement.cause.text);
    to->emits = zloom_arena_take (&to->arena, from->emit_count, sizeof *to->emits);
    for (size_t i = 0; i < from->emit_count; i++) {
        const zloom_emission_t *emission = &from->emits[i];
        zloom_play_emit_t *emit = &to->emits[to->emit_count++];
        emit->flow = (const char *) s_copy (to, emission->flow).data;
        emit->envelope = emission->envelope;
        emit->envelope.topic = s_copy (to, emission->envelope.topic);
        emit->envelope.key = s_copy (to, emission->envelope.key);
        emit->envelope.id = s_copy (to, emission->envelope.id);
        emit->envelope.attrs = s_copy (to, emission->envelope.attrs);
        emit->envelope.body = s_copy (to, emission->envelope.body);
        if (!emit->envelope.body.data) {
            emit->envelope.body = zloom_bytes_text ("");
        }
    }
    to->takes_ns = 0;
}

zloom_err_t
zloom_test_real_work (void *arg, const zloom_recipe_node_t *node, uint32_t replica,
                      const zloom_message_t *message, zloom_play_outcome_t *outcome)
{
    zloom_test_real_t *self = arg;
    s_seat_t *seat = NULL;
    zloom_err_t err = s_find (self, node, replica, &seat);
    if (err != ZLOOM_OK) {
        return err;
    }
    err = zloom_trial_work (seat->trial, message, LIMIT_MS, s_outcome, outcome);
    if (err != ZLOOM_OK) {
        s_leave (self, (size_t) (seat - self->seats));
    }
    return err;
}

void
zloom_test_real_killed (void *arg, const zloom_recipe_node_t *node)
{
    zloom_test_real_t *self = arg;
    for (size_t i = self->count; i > 0; i--) {
        if (self->seats[i - 1].node == node) {
            s_leave (self, i - 1);
        }
    }
}
