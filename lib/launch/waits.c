/* SPDX-License-Identifier: MPL-2.0 */
/*
 * waits.c - who waits at the control socket until something is so. Each round of the supervisor's
 * loop asks here; whoever goes away meanwhile is forgotten with the ticket.
 */
#include "launch/supervisor_state.h"

#include "recipe/registry.h"

void
zloom_waits_add (zloom_supervisor_t *self, zloom_control_ticket_t ticket, zloom_wait_t what,
                 const char *node)
{
    /* There is a place: nobody without a connection has a ticket. */
    zloom_waiter_t *waiter = self->waiters;
    while (zloom_control_socket_awaited (self->control, waiter->ticket)) {
        waiter++;
    }
    *waiter = (zloom_waiter_t){.ticket = ticket, .what = what};
    (void) snprintf (waiter->node, sizeof waiter->node, "%s", node);
}

static bool
s_waits (const zloom_supervisor_t *self, const zloom_waiter_t *waiter, zloom_wait_t what)
{
    return waiter->what == what && zloom_control_socket_awaited (self->control, waiter->ticket);
}

bool
zloom_waits_for (const zloom_supervisor_t *self, zloom_wait_t what)
{
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        if (s_waits (self, &self->waiters[i], what)) {
            return true;
        }
    }
    return false;
}

static void
s_end (zloom_supervisor_t *self, const zloom_waiter_t *waiter, zloom_err_t err, const char *text)
{
    if (err == ZLOOM_OK) {
        zloom_control_socket_answer (self->control, waiter->ticket, json_object (), false);
    } else {
        zloom_control_socket_fail (self->control, waiter->ticket, err, "%s", text);
    }
}

void
zloom_waits_end (zloom_supervisor_t *self, zloom_wait_t what, zloom_err_t err, const char *text)
{
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        if (s_waits (self, &self->waiters[i], what)) {
            s_end (self, &self->waiters[i], err, text);
        }
    }
}

/* What a wait for running is told: OK, AGAIN (not yet), or why it will never be. */
static zloom_err_t
s_running (const zloom_supervisor_t *self, char *text, size_t size)
{
    if (self->phase == ZLOOM_PHASE_DRAINING) {
        (void) snprintf (text, size, "it is draining%s%s", self->reason[0] ? ": " : "",
                         self->reason);
        return ZLOOM_DRAINING;
    }
    return self->phase == ZLOOM_PHASE_RUNNING ? ZLOOM_OK : ZLOOM_AGAIN;
}

/*
 * The same of a wait for ready. Who asks for one node is not told of another that is broken: what
 * was ordered of the one is done all the same.
 */
static zloom_err_t
s_ready (const zloom_supervisor_t *self, const char *node, char *text, size_t size)
{
    zloom_err_t err = s_running (self, text, size);
    for (size_t i = 0; err != ZLOOM_DRAINING && i < self->proc_count; i++) {
        if (*node && !zloom_roster_means (self->procs[i], node)) {
            continue;
        }
        const zloom_unit_state_t state = zloom_proc_state (self->procs[i]);
        if (state == ZLOOM_UNIT_FAILED) {
            (void) snprintf (text, size, "node '%s' could not be kept running: %s",
                             zloom_proc_plan (self->procs[i])->name,
                             zloom_proc_end_text (self->procs[i]));
            return ZLOOM_CHILD;
        }
        if (state != ZLOOM_UNIT_READY && state != ZLOOM_UNIT_DONE) {
            err = ZLOOM_AGAIN;
        }
    }
    return err;
}

/* Those that drain as a whole topology end, too: there is no need to tell them. */
static bool
s_is_still (const zloom_supervisor_t *self, const char *node)
{
    for (size_t i = 0; i < self->proc_count; i++) {
        if (zloom_roster_means (self->procs[i], node) && zloom_proc_alive (self->procs[i])) {
            return false;
        }
    }
    return true;
}

void
zloom_waits_turn (zloom_supervisor_t *self)
{
    char text[sizeof self->reason + 64] = "";
    const zloom_err_t running = s_running (self, text, sizeof text);
    if (running != ZLOOM_AGAIN) {
        zloom_waits_end (self, ZLOOM_WAIT_RUNNING, running, text);
    }
    if (running == ZLOOM_DRAINING) {
        zloom_waits_end (self, ZLOOM_WAIT_IDLE, running, text);
    }
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        const zloom_waiter_t *waiter = &self->waiters[i];
        zloom_err_t err = ZLOOM_AGAIN;
        if (s_waits (self, waiter, ZLOOM_WAIT_READY)) {
            err = s_ready (self, waiter->node, text, sizeof text);
        } else if (s_waits (self, waiter, ZLOOM_WAIT_STILL)) {
            err = s_is_still (self, waiter->node) ? ZLOOM_OK : ZLOOM_AGAIN;
        }
        if (err != ZLOOM_AGAIN) {
            s_end (self, waiter, err, text);
        }
    }
}

void
zloom_waits_finish (zloom_supervisor_t *self, zloom_err_t result, const char *note)
{
    if (result != ZLOOM_OK && result != ZLOOM_TIMED_OUT) {
        zloom_waits_end (self, ZLOOM_WAIT_DOWN, result, *note ? note : zloom_err_text (result));
        return;
    }
    for (size_t i = 0; i < ZLOOM_CONTROL_PEERS; i++) {
        const zloom_waiter_t *waiter = &self->waiters[i];
        if (s_waits (self, waiter, ZLOOM_WAIT_DOWN)) {
            json_t *answer = json_object ();
            json_object_set_new (answer, "topology",
                                 json_string (zloom_recipe_name (self->config.recipe)));
            json_object_set_new (answer, "by_force", json_boolean (result == ZLOOM_TIMED_OUT));
            json_object_set_new (answer, "text", json_string (note));
            zloom_control_socket_answer (self->control, waiter->ticket, answer, false);
        }
    }
}
