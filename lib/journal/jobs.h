/* SPDX-License-Identifier: MPL-2.0 */
/*
 * jobs.h - work behind the owner's back, cut into steps. A thread takes the steps, or, when
 * manual, whoever calls zloom_jobs_step (); the steps are the same. Urgent jobs (reads that a
 * consumer waits for) go before the next step of the others. One taker, so two jobs of one
 * zloom_jobs_t never run at the same time.
 */
#ifndef ZLOOM_JOURNAL_JOBS_H
#define ZLOOM_JOURNAL_JOBS_H

#include "base/error.h"

typedef struct zloom_jobs zloom_jobs_t;
typedef struct zloom_job zloom_job_t;

struct zloom_job {
    /* One step, on the taker's thread; false: there is no further one, `err` says how it went. */
    bool (*step) (zloom_job_t *self);
    /*
     * The end, on the owner's thread: take the result in and free the job. With `owner` NULL the
     * jobs are being thrown away: only free.
     */
    void (*done) (zloom_job_t *self, void *owner);
    zloom_err_t err;
    char *note; /* the taker's note, when err is set */
    zloom_job_t *next;
};

/* `event_fd` is written when a job ends; -1: nobody waits. NULL: no thread to be had. */
zloom_jobs_t *zloom_jobs_new (bool threaded, int event_fd);
/* Waits for the running step, throws the rest away. */
void zloom_jobs_destroy (zloom_jobs_t **self_p);
void zloom_jobs_put (zloom_jobs_t *self, zloom_job_t *job, bool urgent);
/* One step by hand; false when there is nothing to do. */
bool zloom_jobs_step (zloom_jobs_t *self);
/* A job that has ended, or NULL; call its done (). */
zloom_job_t *zloom_jobs_take (zloom_jobs_t *self);
/* Whether a job is there that has not ended. */
bool zloom_jobs_busy (zloom_jobs_t *self);
/* Wait until all have ended (manual: take their steps). */
void zloom_jobs_finish (zloom_jobs_t *self);

#endif
