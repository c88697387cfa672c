/* SPDX-License-Identifier: MPL-2.0 */
/*
 * body.h - what a supervised unit runs as: a process of its own (body_process.c), or a thread of
 * this process (body_thread.c). Its life, when it is started, restarted and buried, is proc.c's
 * and the same for both.
 *
 * A body runs one after the other as often as its unit is restarted.
 */
#ifndef ZLOOM_LAUNCH_BODY_H
#define ZLOOM_LAUNCH_BODY_H

#include "base/bytes.h"
#include "launch/supervisor.h"

/* Bytes of the words that say how one ended, with their NUL. */
#define ZLOOM_BODY_END_BYTES 320

typedef struct zloom_body zloom_body_t;

typedef struct {
    /* A new one; it was not running. Errors with a note. */
    zloom_err_t (*start) (zloom_body_t *self, const uint8_t nonce[16]);
    /* "pid=17", "thread=1": which one runs, for the log. */
    void (*name) (const zloom_body_t *self, char text[32]);
    /* Of the process that runs; 0: none, or it is none of its own. */
    pid_t (*pid) (const zloom_body_t *self);
    /* Ask it to drain. */
    void (*stop) (zloom_body_t *self);
    /* Its time is over. A process is killed; a thread can only be asked to leave at once. */
    void (*kill) (zloom_body_t *self);
    /* Descriptors to poll for reading; -1 where there is none. */
    void (*fds) (const zloom_body_t *self, int fds[3]);
    /* Take in what it says; true: that it serves. */
    bool (*hear) (zloom_body_t *self);
    /* True once it has ended: how, in numbers and in words. */
    bool (*reap) (zloom_body_t *self, zloom_child_end_t *end, char text[ZLOOM_BODY_END_BYTES]);
    /* Append the last words of the one that ended. */
    void (*words) (const zloom_body_t *self, zloom_buf_t *out);
    /* Kills what still runs; waits for a thread. */
    void (*destroy) (zloom_body_t *self);
} zloom_body_ops_t;

/* What every body begins with. */
struct zloom_body {
    const zloom_body_ops_t *ops;
};

/* Everything is borrowed until destroy. */
zloom_body_t *zloom_body_process_new (const zloom_supervisor_config_t *config,
                                      const zloom_plan_unit_t *plan);
zloom_body_t *zloom_body_thread_new (const zloom_supervisor_config_t *config,
                                     const zloom_plan_unit_t *plan);

#endif
