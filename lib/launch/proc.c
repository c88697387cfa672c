/* SPDX-License-Identifier: MPL-2.0 */
#include "launch/proc.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/tag.h"
#include "launch/body.h"
#include "recipe/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLOOM_PROC_TAG 0x4C1D0003u
#define FAR_READY_NS (INT64_C (365) * 24 * 3600 * ZLOOM_NS_PER_S)

struct zloom_proc {
    uint32_t tag;
    const zloom_supervisor_config_t *config;
    zloom_plan_unit_t plan;
    zloom_unit_t *unit;
    zloom_body_t *body;
    uint8_t nonce[16]; /* of its sessions, so that GONE names this run and no later one */
    char end_text[ZLOOM_BODY_END_BYTES];
    bool completes;
    bool leaves;        /* it is stopped for good */
    int exit;           /* of the last run that ended */
    bool killed;        /* it did not stop in time */
    int64_t started_ns; /* mono; of the run that is under way */
    uint64_t starts;    /* so far */
    int64_t ended_ns;   /* wall; of the last run that ended */
};

/*
 * A node is ready when its router has answered. One on another host answers when it comes: nothing
 * here is broken meanwhile, and starting the node again would not help.
 */
static int64_t
s_ready_limit_ns (const zloom_supervisor_config_t *config, const zloom_recipe_t *recipe,
                  const zloom_plan_unit_t *plan)
{
    const zloom_recipe_node_t *router = zloom_recipe_home (recipe, plan->node);
    const bool here = !router || zloom_plan_is_here (config->here, router->name);
    return here ? config->ready_limit_ns : FAR_READY_NS;
}

zloom_proc_t *
zloom_proc_new (const zloom_supervisor_config_t *config, const zloom_recipe_t *recipe,
                const zloom_plan_unit_t *plan)
{
    /* A bridge is written in no recipe: it is started again as its router is. */
    const bool is_bridge = plan->node->of && !plan->node->kind->listens;
    const zloom_node_common_t *common = is_bridge ? plan->node->of->config : plan->node->config;
    bool once = plan->node->kind->id == ZLOOM_NODE_POLLER &&
                !((const zloom_poller_config_t *) plan->node->config)->file.follow;
    zloom_unit_config_t unit = {
      .backoff_ns = common->restart.backoff_ns,
      .budget = common->restart.budget,
      .within_ns = common->restart.within_ns,
      .ready_limit_ns = s_ready_limit_ns (config, recipe, plan),
      .completes = once,
    };
    zloom_proc_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_PROC_TAG;
    self->config = config;
    self->completes = once;
    self->plan = *plan;
    self->unit = zloom_unit_new (&unit);
    self->body = config->threads ? zloom_body_thread_new (config, &self->plan)
                                 : zloom_body_process_new (config, &self->plan);
    self->exit = -1;
    return self;
}

void
zloom_proc_destroy (zloom_proc_t **self_p)
{
    zloom_proc_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    self->body->ops->destroy (self->body);
    zloom_unit_destroy (&self->unit);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

const zloom_plan_unit_t *
zloom_proc_plan (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return &self->plan;
}

void
zloom_proc_adopt (zloom_proc_t *self, const zloom_recipe_node_t *node, int rank)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    self->plan.node = node;
    self->plan.rank = rank;
}

zloom_unit_state_t
zloom_proc_state (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_state (self->unit);
}

bool
zloom_proc_alive (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_alive (self->unit);
}

int64_t
zloom_proc_deadline (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return zloom_unit_deadline (self->unit);
}

const char *
zloom_proc_end_text (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->end_text;
}

int
zloom_proc_exit (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->exit;
}

void
zloom_proc_look (const zloom_proc_t *self, zloom_proc_view_t *view)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    const bool alive = zloom_unit_alive (self->unit);
    *view = (zloom_proc_view_t){
      .state = zloom_unit_state (self->unit),
      .pid = alive ? self->body->ops->pid (self->body) : 0,
      .started_ns = alive ? self->started_ns : 0,
      .starts = self->starts,
      .restarts = zloom_unit_restarts (self->unit),
      .deadline_ns = zloom_unit_deadline (self->unit),
      .end_text = self->end_text,
      .ended_ns = self->ended_ns,
    };
}

void
zloom_proc_words (const zloom_proc_t *self, zloom_buf_t *out)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    self->body->ops->words (self->body, out);
}

bool
zloom_proc_completes (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->completes;
}

bool
zloom_proc_was_killed (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->killed;
}

pid_t
zloom_proc_pid (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->body->ops->pid (self->body);
}

void
zloom_proc_fds (const zloom_proc_t *self, int fds[3])
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    self->body->ops->fds (self->body, fds);
}

/* ---- start ---------------------------------------------------------------------------------- */

static zloom_err_t
s_run (zloom_proc_t *self)
{
    zloom_random_system (self->nonce, sizeof self->nonce);
    self->started_ns = zloom_clock_mono_ns ();
    self->starts++;
    zloom_err_t err = self->body->ops->start (self->body, self->nonce);
    if (err == ZLOOM_OK) {
        char name[32];
        self->body->ops->name (self->body, name);
        zloom_log (ZLOOM_LOG_INFO, "node-start", "node=%s %s", self->plan.name, name);
    }
    return err;
}

static void s_act (zloom_proc_t *self, zloom_unit_action_t action, int64_t mono_ns);

static void
s_start_failed (zloom_proc_t *self, int64_t mono_ns)
{
    zloom_log (ZLOOM_LOG_ERROR, "node-start-failed", "node=%s %s", self->plan.name, zloom_note ());
    (void) snprintf (self->end_text, sizeof self->end_text, "cannot be started: %.280s",
                     zloom_note ());
    zloom_child_end_t end = {.exit = 126, .start_errno = ENOEXEC};
    s_act (self, zloom_unit_ended (self->unit, &end, mono_ns), mono_ns);
}

static void
s_act (zloom_proc_t *self, zloom_unit_action_t action, int64_t mono_ns)
{
    switch (action) {
    case ZLOOM_UNIT_NOTHING:
        break;
    case ZLOOM_UNIT_SPAWN:
        if (s_run (self) != ZLOOM_OK) {
            s_start_failed (self, mono_ns);
        }
        break;
    case ZLOOM_UNIT_TERMINATE:
        self->body->ops->stop (self->body);
        break;
    case ZLOOM_UNIT_KILL:
        zloom_log (ZLOOM_LOG_WARN, "node-kill", "node=%s why=\"%s\"", self->plan.name,
                   zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING ? "did not stop in time"
                                                                        : "not ready in time");
        self->killed = zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING;
        self->body->ops->kill (self->body);
        break;
    }
}

void
zloom_proc_start (zloom_proc_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_act (self, zloom_unit_start (self->unit, mono_ns), mono_ns);
}

void
zloom_proc_stop (zloom_proc_t *self, int64_t kill_at_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_act (self, zloom_unit_stop (self->unit, kill_at_ns), 0);
}

bool
zloom_proc_again (zloom_proc_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    if (self->leaves || !zloom_unit_revive (self->unit)) {
        return false;
    }
    self->killed = false;
    zloom_proc_start (self, mono_ns);
    return true;
}

void
zloom_proc_leave (zloom_proc_t *self, int64_t kill_at_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    self->leaves = true;
    zloom_proc_stop (self, kill_at_ns);
}

bool
zloom_proc_leaves (const zloom_proc_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    return self->leaves;
}

/* ---- what comes from the body --------------------------------------------------------------- */

static void
s_hear (zloom_proc_t *self)
{
    if (self->body->ops->hear (self->body)) {
        char name[32];
        self->body->ops->name (self->body, name);
        zloom_unit_ready (self->unit);
        zloom_log (ZLOOM_LOG_INFO, "node-ready", "node=%s %s", self->plan.name, name);
    }
}

/* The obituary: what is known of the death, for people, for the router, for the last report. */
static void
s_bury (zloom_proc_t *self, const zloom_child_end_t *end, bool asked, int64_t mono_ns)
{
    self->exit = end->exit;
    self->ended_ns = zloom_clock_now ().wall_ns;
    if (asked || (end->exit == 0 && zloom_unit_state (self->unit) == ZLOOM_UNIT_DONE)) {
        zloom_log (ZLOOM_LOG_INFO, "node-stop", "node=%s end=\"%s\" ran_ms=%lld", self->plan.name,
                   self->end_text, (long long) (end->ran_ns / ZLOOM_NS_PER_MS));
        return;
    }
    zloom_unit_state_t state = zloom_unit_state (self->unit);
    char then[96] = "no restart: trying again is of no use, mend the cause first";
    if (state == ZLOOM_UNIT_BACKOFF) {
        (void) snprintf (
          then, sizeof then, "restart %lld in %lld ms",
          (long long) zloom_unit_restarts (self->unit),
          (long long) ((zloom_unit_deadline (self->unit) - mono_ns) / ZLOOM_NS_PER_MS));
    } else if (!zloom_unit_exit_is_final (end)) {
        (void) snprintf (then, sizeof then, "no restart: the budget of restarts is used up");
    }
    zloom_log (ZLOOM_LOG_ERROR, "node-death", "node=%s end=\"%s\" ran_ms=%lld then=\"%s\"",
               self->plan.name, self->end_text, (long long) (end->ran_ns / ZLOOM_NS_PER_MS), then);
    const zloom_watch_t *watch = self->config->watch;
    if (watch && watch->gone) {
        zloom_buf_t words = {0};
        self->body->ops->words (self->body, &words);
        watch->gone (watch->arg, self->plan.name, self->nonce, end, zloom_buf_text (&words));
        zloom_buf_fini (&words);
    }
}

static void
s_reap (zloom_proc_t *self, int64_t mono_ns)
{
    zloom_child_end_t end;
    if (!self->body->ops->reap (self->body, &end, self->end_text)) {
        return;
    }
    bool asked = zloom_unit_state (self->unit) == ZLOOM_UNIT_STOPPING;
    zloom_unit_action_t action = zloom_unit_ended (self->unit, &end, mono_ns);
    s_bury (self, &end, asked, mono_ns);
    s_act (self, action, mono_ns);
}

void
zloom_proc_turn (zloom_proc_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, ZLOOM_PROC_TAG);
    s_hear (self);
    s_reap (self, mono_ns);
    if (mono_ns >= zloom_unit_deadline (self->unit)) {
        s_act (self, zloom_unit_timer (self->unit, mono_ns), mono_ns);
    }
}
