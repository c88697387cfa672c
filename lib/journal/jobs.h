/* SPDX-License-Identifier: MPL-2.0 */
/*
 * jobs.h - work behind the owner's back, cut into steps. A thread takes the steps, or, when
 * manual, whoever calls zloom_jobs_step (); the steps are the same. One taker, so no two steps of
 * one zloom_jobs_t are taken at the same time.
 *
 * A disk does one thing after the other, and somebody may wait for a group. So a job can give way:
 * each of its steps first waits for the end of what is under way, at that time, of the quick jobs
 * of others (`zloom_jobs_give_way ()`), and not for what is put there later. Then steps and groups
 * take turns: no group waits for more than one step, and no step for more than one group, whatever
 * either takes. While nothing quick is under way there, nothing waits. What stands behind a job
 * that waits, waits, too: what was put is done in its order, but for the ranks.
 *
 * A thread that has done a quick job looks out for the next one for a moment before it goes to
 * sleep, if the one before came as soon as that.
 */
#ifndef ZLOOM_JOURNAL_JOBS_H
#define ZLOOM_JOURNAL_JOBS_H

#include "base/error.h"

typedef struct zloom_jobs zloom_jobs_t;
typedef struct zloom_job zloom_job_t;

/* Of two jobs the next step is of the one that stands first here. */
typedef enum {
    ZLOOM_JOB_URGENT, /* a read that a consumer waits for */
    ZLOOM_JOB_NORMAL,
    ZLOOM_JOB_IDLE, /* nobody waits for it */
    ZLOOM_JOB_RANKS
} zloom_job_rank_t;

struct zloom_job {
    /* One step, on the taker's thread; false: there is no further one, `err` says how it went. */
    bool (*step) (zloom_job_t *self);
    /*
     * The end, on the owner's thread: take the result in and free the job. With `owner` NULL the
     * jobs are being thrown away: only free.
     */
    void (*done) (zloom_job_t *self, void *owner);
    bool gives_way;
    bool quick; /* who gives way does so to this one */
    zloom_err_t err;
    char *note; /* the taker's note, when err is set */
    zloom_job_t *next;
};

/* `event_fd` is written when a job ends; -1: nobody waits. NULL: no thread to be had. */
zloom_jobs_t *zloom_jobs_new (bool threaded, int event_fd);
/* Waits for the running step, throws the rest away. */
void zloom_jobs_destroy (zloom_jobs_t **self_p);
/* From now on jobs of `self` that give way do so to those of `first`; before anything is put. */
void zloom_jobs_give_way (zloom_jobs_t *self, zloom_jobs_t *first);
void zloom_jobs_put (zloom_jobs_t *self, zloom_job_t *job, zloom_job_rank_t rank);
/* One step by hand; false when there is nothing to do, or what there is gives way. */
bool zloom_jobs_step (zloom_jobs_t *self);
/* A job that has ended, or NULL; call its done (). */
zloom_job_t *zloom_jobs_take (zloom_jobs_t *self);
/* Wait until all have ended (manual: take their steps, which give way to nobody). */
void zloom_jobs_finish (zloom_jobs_t *self);

#endif
