/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/expression.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "io/jq.h"
#include "wire/source.h"

#define ZLOOM_EXPRESSION_TAG 0x45585052u

struct zloom_expression {
    uint32_t tag;
    const zloom_jq_module_t *module;
    zloom_jq_t *jq;
    size_t out_count;
    zloom_node_actor_t actor;
    pthread_mutex_t lock;
    const zloom_work_t *current; /* under lock: the one that is being handled */
};

/* Where the values of one message go. */
typedef struct {
    const zloom_expression_t *expression;
    zloom_work_t *work;
} s_run_t;

static bool
s_emit (void *arg, const char *flow, const zloom_outgoing_t *value, zloom_jq_failure_t *failure)
{
    const s_run_t *run = arg;
    if (zloom_work_late (run->work)) {
        /* Nobody waits for it any more. */
        (void) snprintf (failure->text, sizeof failure->text, "its time is over");
        return false;
    }
    if (!flow && run->expression->out_count == 0) {
        return true;
    }
    if (zloom_work_emit (run->work, flow, value) == ZLOOM_OK) {
        return true;
    }
    failure->retry = false;
    (void) snprintf (failure->text, sizeof failure->text, "%s%s", zloom_note (),
                     flow || run->expression->out_count < 2 ? "" : ", as in to(\"flow\")");
    return false;
}

static bool
s_late (void *arg)
{
    const s_run_t *run = arg;
    return zloom_work_late (run->work);
}

static void
s_set_current (zloom_expression_t *self, const zloom_work_t *work)
{
    pthread_mutex_lock (&self->lock);
    self->current = work;
    pthread_mutex_unlock (&self->lock);
}

/* On the worker's thread: a work that has ended meanwhile stops none that came after it. */
static void
s_interrupt (void *arg, const zloom_work_t *work)
{
    zloom_expression_t *self = arg;
    ZLOOM_CHECK (self, ZLOOM_EXPRESSION_TAG);
    pthread_mutex_lock (&self->lock);
    if (self->current == work) {
        self->module->interrupt (self->jq);
    }
    pthread_mutex_unlock (&self->lock);
}

static zloom_work_verdict_t
s_handle (void *arg, zloom_work_t *work, const zloom_message_t *message)
{
    zloom_expression_t *self = arg;
    ZLOOM_CHECK (self, ZLOOM_EXPRESSION_TAG);
    s_run_t run = {.expression = self, .work = work};
    const zloom_jq_host_t host = {.arg = &run, .emit = s_emit, .late = s_late};
    const zloom_origin_t origin = {
      .producer = zloom_bytes (message->producer, message->producer_size), .id = message->id};
    char name[ZLOOM_ORIGIN_TEXT_BYTES];
    zloom_jq_failure_t failure;
    s_set_current (self, work);
    const bool done =
      self->module->run (self->jq, message, zloom_origin_text (&origin, name), &host, &failure);
    s_set_current (self, NULL);
    if (done) {
        return ZLOOM_WORK_ACK;
    }
    return failure.retry ? zloom_work_retry (work, failure.delay_ms, failure.text)
                         : zloom_work_reject (work, failure.text);
}

zloom_err_t
zloom_expression_new (const char *text, size_t out_count, zloom_expression_t **self_p)
{
    const zloom_jq_module_t *module = NULL;
    zloom_err_t err = zloom_jq_module (&module);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_jq_mistake_t mistake;
    zloom_jq_t *jq = module->compile (text, &mistake);
    if (!jq) {
        return zloom_fail (ZLOOM_RECIPE, "jq, at character %zu of the expression: %s",
                           mistake.offset + 1, mistake.text);
    }
    zloom_expression_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_EXPRESSION_TAG;
    self->module = module;
    self->jq = jq;
    self->out_count = out_count;
    self->actor =
      (zloom_node_actor_t){.name = "jq", .handle = s_handle, .arg = self, .interrupt = s_interrupt};
    pthread_mutex_init (&self->lock, NULL);
    *self_p = self;
    return ZLOOM_OK;
}

void
zloom_expression_destroy (zloom_expression_t **self_p)
{
    zloom_expression_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_EXPRESSION_TAG);
    *self_p = NULL;
    self->module->destroy (self->jq);
    pthread_mutex_destroy (&self->lock);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

const zloom_node_actor_t *
zloom_expression_actor (const zloom_expression_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_EXPRESSION_TAG);
    return &self->actor;
}
