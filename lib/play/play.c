/* SPDX-License-Identifier: MPL-2.0 */
/* play.c - the steps of a case, one after the other. */
#include "play/play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "play/world.h"

#define FAILURES_MAX 50

/* ---- steps ---------------------------------------------------------------------------------- */

/* Programs that have nothing left to do are gone. */
static void
s_sweep (zloom_world_t *world)
{
    for (zloom_play_sender_t **at = &world->senders; *at;) {
        zloom_play_sender_t *sender = *at;
        if (zloom_play_sender_over (sender)) {
            *at = sender->next;
            zloom_play_sender_destroy (&sender);
        } else {
            at = &sender->next;
        }
    }
}

static void
s_send (zloom_world_t *world, const zloom_case_step_t *step)
{
    const zloom_case_send_t *send = &step->is.send;
    zloom_play_sender_t *sender = zloom_play_sender_new (world, send);
    zloom_play_sender_t **end = &world->senders;
    while (*end) {
        end = &(*end)->next;
    }
    *end = sender;
    world->sent += (uint64_t) send->count;
    zloom_world_rest (world);
    if (sender->refused && !send->refused) {
        zloom_world_fail (world, step->at, "flow '%s' refuses the message: %s", send->flow,
                          sender->why);
    } else if (!sender->refused && send->refused) {
        zloom_world_fail (world, step->at, "flow '%s' does not refuse the message", send->flow);
    }
    s_sweep (world);
}

static void
s_kill (zloom_world_t *world, const zloom_case_kill_t *kill)
{
    for (size_t i = 0; i < world->node_count; i++) {
        if (strcmp (world->nodes[i].node->name, kill->node) == 0) {
            zloom_play_node_kill (&world->nodes[i], kill->away_ns);
            return;
        }
    }
    zloom_world_kill_router (world, kill->away_ns);
}

static void
s_command (zloom_world_t *world, const zloom_case_step_t *step, const char *command)
{
    const char *flow = step->is.flow.flow;
    if (zloom_play_eye_ask (world, command, flow, 0) != ZLOOM_OK) {
        zloom_world_fail (world, step->at, "%s of flow '%s': %s", command, flow, zloom_note ());
    }
}

static void
s_step (zloom_world_t *world, const zloom_case_step_t *step)
{
    world->step = step;
    switch (step->verb) {
    case ZLOOM_CASE_SEND:
        s_send (world, step);
        break;
    case ZLOOM_CASE_WAIT:
        zloom_world_pass (world, step->is.wait.wait_ns);
        s_sweep (world);
        break;
    case ZLOOM_CASE_KILL:
        s_kill (world, &step->is.kill);
        break;
    case ZLOOM_CASE_PAUSE:
        s_command (world, step, "pause");
        break;
    case ZLOOM_CASE_RESUME:
        s_command (world, step, "resume");
        break;
    case ZLOOM_CASE_REQUEUE:
        s_command (world, step, "dlq requeue");
        break;
    case ZLOOM_CASE_EXPECT:
        world->result->expectations++;
        zloom_play_judge_flow (world, step);
        break;
    case ZLOOM_CASE_HANDLED:
        world->result->expectations++;
        zloom_play_judge_node (world, step);
        break;
    case ZLOOM_CASE_VERBS:
        break;
    }
    zloom_world_rest (world);
}

/* ---- results -------------------------------------------------------------------------------- */

/* Bodies and what programs said may stand in it: no controls, and nothing but UTF-8. */
static void
s_clean (char *text)
{
    const bool utf8 = zloom_bytes_is_utf8 (zloom_bytes_text (text));
    for (; *text; text++) {
        const unsigned char byte = (unsigned char) *text;
        *text = byte < ' ' || byte == 0x7f || (byte > 0x7f && !utf8) ? '.' : *text;
    }
}

zloom_play_failure_t *
zloom_world_fail (zloom_world_t *self, zloom_span_t at, const char *format, ...)
{
    zloom_play_result_t *result = self->result;
    char what[512];
    va_list args;
    va_start (args, format);
    (void) vsnprintf (what, sizeof what, format, args);
    va_end (args);
    s_clean (what);
    zloom_grow (&result->failures, &result->failure_capacity, result->failure_count + 1,
                sizeof *result->failures);
    zloom_play_failure_t *failure = &result->failures[result->failure_count++];
    *failure =
      (zloom_play_failure_t){.at = at, .time_ns = self->case_ns, .what = zloom_strdup (what)};
    self->stuck = self->stuck || result->failure_count >= FAILURES_MAX;
    return failure;
}

/* ---- from outside --------------------------------------------------------------------------- */

void
zloom_play_case (const zloom_play_config_t *config, const zloom_case_t *one,
                 zloom_play_result_t *result)
{
    zloom_world_t world = {.config = config, .one = one, .result = result};
    *result = (zloom_play_result_t){.failures = NULL};
    zloom_world_init (&world);
    for (size_t i = 0; i < one->step_count && !world.stuck; i++) {
        s_step (&world, &one->steps[i]);
    }
    result->time_ns = world.case_ns;
    zloom_world_fini (&world);
}

void
zloom_play_result_fini (zloom_play_result_t *self)
{
    for (size_t i = 0; i < self->failure_count; i++) {
        zloom_play_failure_t *failure = &self->failures[i];
        for (size_t j = 0; j < failure->row_count; j++) {
            free (failure->rows[j].expected);
            free (failure->rows[j].seen);
        }
        free (failure->rows);
        free (failure->what);
    }
    free (self->failures);
    *self = (zloom_play_result_t){.failures = NULL};
}
