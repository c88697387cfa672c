/* SPDX-License-Identifier: MPL-2.0 */
/* jobs.c - walking the messages of a flow, a piece each turn. See jobs.h. */
#include "engine/jobs.h"

#include <stdlib.h>

#include "base/memory.h"

/* Messages looked at by one job in one turn. */
#define PIECE_MESSAGES 256
/* `dlq ls` looks at so many at most; the sum comes from the flow's own count. */
#define LIST_MESSAGES 100000
#define SHOW_MESSAGES 100
#define SHOW_BYTES (1024u * 1024)
#define TELL_NS ZLOOM_NS_PER_S
/* Requests of all sessions together that may be under way. */
#define JOBS_MAX 64

static uint64_t
s_positive (int64_t number, uint64_t fallback)
{
    return number > 0 ? (uint64_t) number : fallback;
}

zloom_err_t
zloom_job_new (const zloom_engine_t *self, const zloom_ask_t *ask, zloom_job_kind_t kind,
               zloom_job_t **job_p)
{
    size_t jobs = 0;
    for (const zloom_job_t *job = self->jobs; job; job = job->next) {
        jobs++;
    }
    if (jobs >= JOBS_MAX) {
        return zloom_fail (ZLOOM_TOO_MANY, "%zu requests are under way already", jobs);
    }
    const zloom_bytes_t id = zloom_admin_text (ask, "id");
    const zloom_bytes_t reason = zloom_admin_text (ask, "reason");
    zloom_job_t *job = zloom_alloc (sizeof *job);
    *job = (zloom_job_t){.kind = kind,
                         .session = ask->session->id,
                         .request = ask->request,
                         .flow = ask->flow,
                         .letters = true,
                         .dry_run = zloom_admin_number (ask, "dry_run", 0) != 0,
                         .rate = s_positive (zloom_admin_number (ask, "rate", 0), 0),
                         .max = s_positive (zloom_admin_number (ask, "max", 0), UINT64_MAX),
                         .at = s_positive (zloom_admin_number (ask, "from", 0), 0),
                         .last = ask->flow ? ask->flow->durable_seq : 0,
                         .next_ns = self->now.mono_ns,
                         .told_ns = self->now.mono_ns};
    if (kind == ZLOOM_JOB_SHOW && job->max > SHOW_MESSAGES) {
        job->max = SHOW_MESSAGES;
    }
    job->reason = reason.data ? zloom_memdup_text (reason.data, reason.size) : NULL;
    job->id_text = id.data ? zloom_memdup_text (id.data, id.size) : NULL;
    if (job->id_text) {
        const zloom_err_t err = zloom_origin_parse (job->id_text, &job->id);
        if (err != ZLOOM_OK) {
            zloom_job_destroy (&job);
            return err;
        }
    }
    *job_p = job;
    return ZLOOM_OK;
}

void
zloom_job_destroy (zloom_job_t **self_p)
{
    zloom_job_t *job = *self_p;
    zloom_buf_fini (&job->items);
    zloom_buf_fini (&job->pack);
    free (job->reason);
    free (job->id_text);
    free (job);
    *self_p = NULL;
}

void
zloom_job_begin (zloom_engine_t *self, zloom_job_t **job_p)
{
    zloom_job_t **end = &self->jobs;
    while (*end) {
        end = &(*end)->next;
    }
    *end = *job_p;
    *job_p = NULL;
}

/* ---- walking ------------------------------------------------------------------------------- */

static bool
s_matches (const zloom_job_t *job, const zloom_letter_t *letter)
{
    if (job->id.producer.data && (job->id.id != letter->origin.id ||
                                  !zloom_bytes_equal (job->id.producer, letter->origin.producer))) {
        return false;
    }
    if (!job->reason) {
        return true;
    }
    const zloom_history_t *history = &letter->history;
    return history->count > 0 && zloom_bytes_equal (history->causes[history->count - 1].reason,
                                                    zloom_bytes_text (job->reason));
}

static zloom_err_t
s_read (zloom_job_t *job, uint64_t seq, zloom_letter_t *letter)
{
    zloom_view_t *view;
    const zloom_err_t err = zloom_hosted_look (job->flow, seq, &view);
    if (err != ZLOOM_OK) {
        return err;
    }
    const uint32_t index = (uint32_t) (seq - view->chunk.seq);
    *letter = (zloom_letter_t){.seq = seq,
                               .blob = view->chunk.blob,
                               .bytes = zloom_view_slice (view, index, 1),
                               .flags = view->head.flags,
                               .past = zloom_pack_head_past (&view->head, index)};
    zloom_src_origin (view->head.src, view->head.src_count, index, &letter->origin);
    /* A history that cannot be read is as none: the message itself is sound. */
    zloom_history_decode (letter->past, &letter->history);
    return ZLOOM_OK;
}

/* Purge of a flow: whole runs, nobody looks into them. */
static zloom_err_t
s_purge_run (zloom_engine_t *self, zloom_job_t *job, const zloom_range_t *run)
{
    uint64_t n = run->last - run->first + 1;
    n = n < job->max - job->moved ? n : job->max - job->moved;
    n = n < UINT32_MAX ? n : UINT32_MAX;
    if (zloom_engine_room (self, job->flow, ZLOOM_ENGINE_EVENT_RECORDS, 65536, false) != ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    const zloom_event_t event = {
      .type = ZLOOM_EVENT_TAKE_OUT,
      .take_out = {.first = run->first, .n = (uint32_t) n, .reason = ZLOOM_REASON_PURGED}};
    zloom_engine_feed (self, job->flow, &event);
    job->matched += n;
    job->moved += n;
    job->at = run->first + n;
    return ZLOOM_OK;
}

static zloom_err_t
s_letter (zloom_engine_t *self, zloom_job_t *job, uint64_t seq)
{
    zloom_letter_t letter;
    zloom_err_t err = s_read (job, seq, &letter);
    if (err == ZLOOM_OK && s_matches (job, &letter)) {
        err = zloom_job_handle (self, job, &letter);
        job->matched += err == ZLOOM_OK ? 1 : 0;
    } else if (err != ZLOOM_AGAIN) {
        err = ZLOOM_OK; /* not meant, or lost to damage: the pattern counts it */
    }
    if (err == ZLOOM_OK) {
        job->scanned++;
        job->at = seq + 1;
    }
    return err;
}

static bool
s_is_full (const zloom_job_t *job)
{
    switch (job->kind) {
    case ZLOOM_JOB_LIST:
        return job->scanned >= LIST_MESSAGES;
    case ZLOOM_JOB_SHOW:
        return job->item_count >= job->max || job->pack.size >= SHOW_BYTES;
    case ZLOOM_JOB_REQUEUE:
    case ZLOOM_JOB_PURGE:
    case ZLOOM_JOB_TRACE:
        break;
    }
    return (job->dry_run ? job->matched : job->moved) >= job->max;
}

/* A piece of the walk: OK when it is at its end, AGAIN when it goes on, else why it stops. */
static zloom_err_t
s_walk (zloom_engine_t *self, zloom_job_t *job)
{
    for (int i = 0; i < PIECE_MESSAGES; i++) {
        zloom_range_t run;
        if (s_is_full (job) || !job->flow->pattern->next_free (job->flow->core, job->at, &run) ||
            run.first > job->last) {
            return ZLOOM_OK;
        }
        if (job->next_ns > self->now.mono_ns) {
            return ZLOOM_AGAIN;
        }
        if (run.last > job->last) {
            run.last = job->last;
        }
        const zloom_err_t err =
          job->letters ? s_letter (self, job, run.first) : s_purge_run (self, job, &run);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    self->more = true;
    return ZLOOM_AGAIN;
}

/* LIST over all flows: the next one that holds dead letters. */
static bool
s_next_flow (const zloom_engine_t *self, zloom_job_t *job)
{
    zloom_hosted_t *before = job->flow;
    for (size_t i = 0; job->every_flow && i < self->flow_count; i++) {
        zloom_hosted_t *flow = self->flows[i];
        if (before) {
            before = before == flow ? NULL : before;
            continue;
        }
        for (size_t j = 0; j < self->flow_count; j++) {
            if (self->flows[j]->dead_letter == flow) {
                job->flow = flow;
                job->at = 0;
                job->last = flow->durable_seq;
                return true;
            }
        }
    }
    return false;
}

/* True when the job is over and its last answer was given. */
static bool
s_go_on (zloom_engine_t *self, zloom_job_t *job)
{
    if (job->kind == ZLOOM_JOB_TRACE) {
        const zloom_err_t traced = zloom_job_trace (self, job);
        if (traced == ZLOOM_OK) {
            zloom_job_tell (self, job, false);
        }
        return traced == ZLOOM_OK;
    }
    if (!job->flow && !s_next_flow (self, job)) {
        zloom_job_tell (self, job, false);
        return true;
    }
    const zloom_err_t err = s_walk (self, job);
    if (err == ZLOOM_AGAIN) {
        if (job->kind != ZLOOM_JOB_LIST && job->kind != ZLOOM_JOB_SHOW &&
            self->now.mono_ns - job->told_ns >= TELL_NS) {
            job->told_ns = self->now.mono_ns;
            zloom_job_tell (self, job, true);
        }
        return false;
    }
    if (job->kind == ZLOOM_JOB_LIST) {
        zloom_job_close_flow (self, job);
        if (s_next_flow (self, job)) {
            self->more = true;
            return false;
        }
    }
    job->err = err;
    zloom_job_tell (self, job, false);
    return true;
}

int64_t
zloom_engine_jobs (zloom_engine_t *self)
{
    int64_t wake_ns = ZLOOM_NEVER;
    for (zloom_job_t **at = &self->jobs; *at;) {
        zloom_job_t *job = *at;
        const zloom_session_t *session = zloom_sessions_by_id (self->sessions, job->session);
        if (!session || s_go_on (self, job)) {
            *at = job->next;
            zloom_job_destroy (&job);
            continue;
        }
        if (job->next_ns > self->now.mono_ns && job->next_ns < wake_ns) {
            wake_ns = job->next_ns;
        }
        at = &job->next;
    }
    return wake_ns;
}

void
zloom_engine_drop_jobs (zloom_engine_t *self, const zloom_session_t *session)
{
    for (zloom_job_t **at = &self->jobs; *at;) {
        zloom_job_t *job = *at;
        if (job->session == session->id) {
            *at = job->next;
            zloom_job_destroy (&job);
        } else {
            at = &job->next;
        }
    }
}
