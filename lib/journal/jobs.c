/* SPDX-License-Identifier: MPL-2.0 */
/* jobs.c - see jobs.h. */
#include "journal/jobs.h"
#include "base/memory.h"
#include "base/tag.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define JOBS_TAG 0x5A4A4F42u /* ZJOB */

typedef struct {
    zloom_job_t *first;
    zloom_job_t **end;
} queue_t;

struct zloom_jobs {
    uint32_t tag;
    int event_fd;
    bool threaded;
    bool stop;
    queue_t urgent;
    queue_t normal;
    queue_t ended;
    pthread_mutex_t lock;
    pthread_cond_t more; /* something was put, or stop */
    pthread_cond_t less; /* a job has ended */
    pthread_t thread;
};

static void
s_queue_init (queue_t *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static void
s_push (queue_t *queue, zloom_job_t *job)
{
    job->next = NULL;
    *queue->end = job;
    queue->end = &job->next;
}

static zloom_job_t *
s_pop (queue_t *queue)
{
    zloom_job_t *job = queue->first;
    if (job) {
        queue->first = job->next;
        if (!queue->first) {
            queue->end = &queue->first;
        }
        job->next = NULL;
    }
    return job;
}

bool
zloom_jobs_step (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    pthread_mutex_lock (&self->lock);
    queue_t *queue = self->urgent.first ? &self->urgent : &self->normal;
    zloom_job_t *job = queue->first;
    pthread_mutex_unlock (&self->lock);
    if (!job) {
        return false;
    }
    if (job->step (job)) {
        return true;
    }
    if (job->err) {
        job->note = zloom_strdup (zloom_note ());
    }
    pthread_mutex_lock (&self->lock);
    s_push (&self->ended, s_pop (queue));
    pthread_cond_broadcast (&self->less);
    pthread_mutex_unlock (&self->lock);
    if (self->event_fd >= 0) {
        uint64_t one = 1;
        ssize_t written = write (self->event_fd, &one, sizeof one);
        (void) written; /* a full counter is readable all the same */
    }
    return true;
}

static void *
s_thread (void *arg)
{
    zloom_jobs_t *self = arg;
    for (;;) {
        pthread_mutex_lock (&self->lock);
        while (!self->stop && !self->urgent.first && !self->normal.first) {
            pthread_cond_wait (&self->more, &self->lock);
        }
        bool stop = self->stop;
        pthread_mutex_unlock (&self->lock);
        if (stop) {
            return NULL;
        }
        zloom_jobs_step (self);
    }
}

zloom_jobs_t *
zloom_jobs_new (bool threaded, int event_fd)
{
    zloom_jobs_t *self = zloom_alloc (sizeof *self);
    self->tag = JOBS_TAG;
    self->event_fd = event_fd;
    self->threaded = threaded;
    s_queue_init (&self->urgent);
    s_queue_init (&self->normal);
    s_queue_init (&self->ended);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->more, NULL);
    pthread_cond_init (&self->less, NULL);
    if (threaded) {
        /* Signals are the host program's: none is delivered here. */
        sigset_t all;
        sigset_t old;
        sigfillset (&all);
        pthread_sigmask (SIG_SETMASK, &all, &old);
        int rc = pthread_create (&self->thread, NULL, s_thread, self);
        pthread_sigmask (SIG_SETMASK, &old, NULL);
        if (rc != 0) {
            self->threaded = false;
            zloom_jobs_destroy (&self);
            (void) zloom_fail (ZLOOM_SYSTEM, "cannot start a thread for the journal");
        }
    }
    return self;
}

static void
s_throw_away (queue_t *queue)
{
    zloom_job_t *job;
    while ((job = s_pop (queue))) {
        free (job->note);
        job->note = NULL;
        job->done (job, NULL);
    }
}

void
zloom_jobs_destroy (zloom_jobs_t **self_p)
{
    zloom_jobs_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, JOBS_TAG);
    if (self->threaded) {
        pthread_mutex_lock (&self->lock);
        self->stop = true;
        pthread_cond_signal (&self->more);
        pthread_mutex_unlock (&self->lock);
        pthread_join (self->thread, NULL);
    }
    s_throw_away (&self->urgent);
    s_throw_away (&self->normal);
    s_throw_away (&self->ended);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->more);
    pthread_cond_destroy (&self->less);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

void
zloom_jobs_put (zloom_jobs_t *self, zloom_job_t *job, bool urgent)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    pthread_mutex_lock (&self->lock);
    s_push (urgent ? &self->urgent : &self->normal, job);
    pthread_mutex_unlock (&self->lock);
    pthread_cond_signal (&self->more); /* not before: the thread would wake only to wait for us */
}

zloom_job_t *
zloom_jobs_take (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    pthread_mutex_lock (&self->lock);
    zloom_job_t *job = s_pop (&self->ended);
    pthread_mutex_unlock (&self->lock);
    return job;
}

bool
zloom_jobs_busy (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    pthread_mutex_lock (&self->lock);
    bool busy = self->urgent.first || self->normal.first;
    pthread_mutex_unlock (&self->lock);
    return busy;
}

void
zloom_jobs_finish (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    if (!self->threaded) {
        while (zloom_jobs_step (self)) {
        }
        return;
    }
    pthread_mutex_lock (&self->lock);
    while (self->urgent.first || self->normal.first) {
        pthread_cond_wait (&self->less, &self->lock);
    }
    pthread_mutex_unlock (&self->lock);
}
