/* SPDX-License-Identifier: MPL-2.0 */
/*
 * jq.h - expressions of jq, by libjq. The library is not linked: who needs an expression loads the
 * module zloom-jq.so (nodes/jq), which is a file of its own beside zloom-spawn, so that nothing
 * else depends on libjq. The structs below are what the two say to each other.
 *
 * An expression takes one message's body (JSON) and gives any number of values. `to("flow")` and
 * `with({key: …})` say where a value goes and what is known of it, `$message` is what is known of
 * the message, `reject("…")` and `retry("…"; seconds)` are verdicts (docs/workers.md).
 *
 * Threads: the module may be used by many, an expression by one at a time, but for `interrupt`.
 *
 * Example:
 *     if (zloom_jq_module (&module) == ZLOOM_OK &&
 *         (jq = module->compile (".total > 0", &mistake))) {
 *         module->run (jq, message, "shop/7", &host, &failure);
 *         module->destroy (jq);
 *     }
 */
#ifndef ZLOOM_IO_JQ_H
#define ZLOOM_IO_JQ_H

#include "base/error.h"
#include "zloom.h"

/* Of the structs here: a module of another build is not taken. */
#define ZLOOM_JQ_ABI 2
#define ZLOOM_JQ_SYMBOL "zloom_jq_module_2"
#define ZLOOM_JQ_FILE "zloom-jq.so"
#define ZLOOM_JQ_TEXT_BYTES 512

typedef struct zloom_jq zloom_jq_t;

/* Why an expression does not compile. */
typedef struct {
    char text[ZLOOM_JQ_TEXT_BYTES];
    size_t offset; /* the byte of the expression where it is wrong; its length: at its end */
} zloom_jq_mistake_t;

/* Why a message was not handled. */
typedef struct {
    bool retry;       /* else it will never be */
    int64_t delay_ms; /* of a retry; -1: the flow's own backoff */
    char text[ZLOOM_JQ_TEXT_BYTES];
} zloom_jq_failure_t;

/* Who takes the values. */
typedef struct {
    void *arg;
    /* `flow` NULL: the only one. False: it cannot be sent, and `failure` says why. */
    bool (*emit) (void *arg, const char *flow, const zloom_outgoing_t *value,
                  zloom_jq_failure_t *failure);
    /* Whether nobody waits for it any more: asked once, when it can be interrupted. */
    bool (*late) (void *arg);
} zloom_jq_host_t;

typedef struct {
    unsigned abi;
    /* NULL: it is no expression. */
    zloom_jq_t *(*compile) (const char *expression, zloom_jq_mistake_t *mistake);
    /* False: it failed; what was emitted until then is not to be sent. */
    bool (*run) (zloom_jq_t *self, const zloom_message_t *message, const char *name,
                 const zloom_jq_host_t *host, zloom_jq_failure_t *failure);
    /* From any thread: end the run that is under way, if one is, as a failure. */
    void (*interrupt) (zloom_jq_t *self);
    void (*destroy) (zloom_jq_t *self);
} zloom_jq_module_t;

/*
 * Load $ZLOOM_JQ, or what is installed, once a process. NO_PROGRAM with a note: it is not there, or
 * cannot be loaded.
 */
zloom_err_t zloom_jq_module (const zloom_jq_module_t **module_p);

#endif
