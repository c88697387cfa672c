/* SPDX-License-Identifier: MPL-2.0 */
/* jobs.c - see jobs.h. */
#include "journal/jobs.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/tag.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define JOBS_TAG 0x5A4A4F42u /* ZJOB */
/* What two wake-ups take, the owner's and the thread's: a job that comes later is not missed. */
#define LOOK_NS (20 * ZLOOM_NS_PER_US)

typedef struct {
    zloom_job_t *first;
    zloom_job_t **end;
} queue_t;

struct zloom_jobs {
    uint32_t tag;
    int event_fd;
    bool threaded;
    bool stop;
    bool finishing; /* by hand: nothing is waited for */
    queue_t queues[ZLOOM_JOB_RANKS];
    queue_t ended;
    zloom_jobs_t *behind; /* those give way to us; under their lock and ours */
    zloom_jobs_t *first;  /* we give way to those */
    uint64_t begun;       /* quick jobs put there so far */
    uint64_t done;        /* and ended */
    bool met;             /* a step was to be taken while something was under way there, ... */
    uint64_t met_at;      /* ... and so many had ended */
    int64_t idle_ns;      /* behind a quick job the thread has nothing to do since; 0: no */
    bool was_quick;       /* the last that has ended */
    bool soon;            /* the job before came while a look would have lasted */
    atomic_uint puts;
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

/* Whether steps that give way have to wait. */
static bool
s_has_to_wait (zloom_jobs_t *self)
{
    if (self->begun == self->done || self->finishing) {
        return false;
    }
    if (!self->met) {
        self->met = true;
        self->met_at = self->done;
    }
    return self->met_at == self->done;
}

/*
 * Where the next step is taken; NULL: nowhere now. Nothing overtakes a job that has to wait: what
 * is read of a segment before it goes would be read after.
 */
static queue_t *
s_next (zloom_jobs_t *self)
{
    for (size_t i = 0; i < ZLOOM_JOB_RANKS; i++) {
        const zloom_job_t *job = self->queues[i].first;
        if (job) {
            return job->gives_way && s_has_to_wait (self) ? NULL : &self->queues[i];
        }
    }
    return NULL;
}

/*
 * A job was put here, or has ended. Returns who is to be woken (s_wake_behind): whoever waits for
 * that end, and not a thread that has nothing to do, which would take a CPU from the group's owner
 * for each group.
 */
static zloom_jobs_t *
s_tell_behind (zloom_jobs_t *self, const zloom_job_t *job, bool ended)
{
    zloom_jobs_t *behind = self->behind;
    if (!behind || !job->quick) {
        return NULL;
    }
    pthread_mutex_lock (&behind->lock);
    behind->begun += !ended;
    behind->done += ended;
    const bool waits = ended && behind->met;
    pthread_mutex_unlock (&behind->lock);
    return waits ? behind : NULL;
}

/* Both lock: `behind` is not destroyed while it stands there. */
static void
s_wake_behind (zloom_jobs_t *self, const zloom_jobs_t *waits)
{
    if (waits) {
        pthread_mutex_lock (&self->lock);
        if (self->behind == waits) {
            pthread_cond_signal (&self->behind->more);
        }
        pthread_mutex_unlock (&self->lock);
    }
}

bool
zloom_jobs_step (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    pthread_mutex_lock (&self->lock);
    queue_t *queue = s_next (self);
    zloom_job_t *job = queue ? queue->first : NULL;
    self->met = self->met && !(job && job->gives_way);
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
    self->was_quick = job->quick;
    const zloom_jobs_t *waits = s_tell_behind (self, job, true);
    pthread_cond_broadcast (&self->less);
    pthread_mutex_unlock (&self->lock);
    if (self->event_fd >= 0) { /* the owner first */
        uint64_t one = 1;
        ssize_t written = write (self->event_fd, &one, sizeof one);
        (void) written; /* a full counter is readable all the same */
    }
    s_wake_behind (self, waits);
    return true;
}

static bool
s_has_any (const zloom_jobs_t *self)
{
    bool any = false;
    for (size_t i = 0; i < ZLOOM_JOB_RANKS; i++) {
        any = any || self->queues[i].first;
    }
    return any;
}

/*
 * Nothing to do, behind a quick job: its owner may be about to put the next, and then going to
 * sleep and waking up would take as long as the job. So the thread looks out for it for a moment,
 * if the one before came within such a moment; else others have the CPU. Holds the lock, but for
 * the look.
 */
static void
s_look_out (zloom_jobs_t *self)
{
    self->idle_ns = zloom_clock_mono_ns ();
    if (!self->soon || self->stop) {
        return;
    }
    const unsigned puts = atomic_load (&self->puts);
    const int64_t until = self->idle_ns + LOOK_NS;
    pthread_mutex_unlock (&self->lock);
    while (atomic_load (&self->puts) == puts && zloom_clock_mono_ns () < until) {
    }
    pthread_mutex_lock (&self->lock);
}

static void *
s_thread (void *arg)
{
    zloom_jobs_t *self = arg;
    for (;;) {
        pthread_mutex_lock (&self->lock);
        if (self->was_quick && !s_next (self)) {
            s_look_out (self);
        }
        while (!self->stop && !s_next (self)) {
            pthread_cond_wait (&self->more, &self->lock);
        }
        self->idle_ns = 0;
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
    for (size_t i = 0; i < ZLOOM_JOB_RANKS; i++) {
        s_queue_init (&self->queues[i]);
    }
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
zloom_jobs_give_way (zloom_jobs_t *self, zloom_jobs_t *first)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    ZLOOM_CHECK (first, JOBS_TAG);
    zloom_assert (!self->first && !first->behind);
    pthread_mutex_lock (&first->lock);
    first->behind = self;
    pthread_mutex_unlock (&first->lock);
    self->first = first;
}

/* One of them goes: nobody waits for `first` any more. */
static void
s_part (zloom_jobs_t *first, zloom_jobs_t *behind)
{
    if (!first || !behind) {
        return;
    }
    pthread_mutex_lock (&first->lock);
    first->behind = NULL;
    pthread_mutex_lock (&behind->lock);
    behind->first = NULL;
    behind->begun = behind->done;
    pthread_mutex_unlock (&behind->lock);
    pthread_mutex_unlock (&first->lock);
    pthread_cond_signal (&behind->more);
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
    s_part (self->first, self);
    s_part (self, self->behind);
    for (size_t i = 0; i < ZLOOM_JOB_RANKS; i++) {
        s_throw_away (&self->queues[i]);
    }
    s_throw_away (&self->ended);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->more);
    pthread_cond_destroy (&self->less);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

void
zloom_jobs_put (zloom_jobs_t *self, zloom_job_t *job, zloom_job_rank_t rank)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    zloom_assert (rank < ZLOOM_JOB_RANKS);
    pthread_mutex_lock (&self->lock);
    s_push (&self->queues[rank], job);
    atomic_fetch_add (&self->puts, 1);
    if (self->idle_ns) {
        self->soon = zloom_clock_mono_ns () - self->idle_ns < LOOK_NS;
        self->idle_ns = 0;
    }
    (void) s_tell_behind (self, job, false);
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

void
zloom_jobs_finish (zloom_jobs_t *self)
{
    ZLOOM_CHECK (self, JOBS_TAG);
    if (!self->threaded) {
        self->finishing = true;
        while (zloom_jobs_step (self)) {
        }
        self->finishing = false;
        return;
    }
    pthread_mutex_lock (&self->lock);
    while (s_has_any (self)) {
        pthread_cond_wait (&self->less, &self->lock);
    }
    pthread_mutex_unlock (&self->lock);
}
