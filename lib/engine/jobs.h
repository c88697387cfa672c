/* SPDX-License-Identifier: MPL-2.0 */
/*
 * jobs.h - commands that walk the messages of a flow and take more than a turn: a piece each turn,
 * so that nobody waits for them; bytes that are on the disk are read behind the turn's back.
 */
#ifndef ZLOOM_ENGINE_JOBS_H
#define ZLOOM_ENGINE_JOBS_H

#include "engine/admin.h"
#include "patterns/common/history.h"

typedef enum {
    ZLOOM_JOB_LIST,
    ZLOOM_JOB_SHOW,
    ZLOOM_JOB_REQUEUE,
    ZLOOM_JOB_PURGE,
    ZLOOM_JOB_TRACE, /* admin_trace.c walks by itself: packs, not messages */
} zloom_job_kind_t;

/* Reasons of dead letters, as they are counted by `dlq ls`. */
#define ZLOOM_JOB_REASONS 8

struct zloom_job {
    zloom_job_t *next;
    zloom_job_kind_t kind;
    uint64_t session;
    uint64_t request;
    zloom_hosted_t *flow;
    bool every_flow; /* LIST: goes on with the next flow that holds dead letters */
    /* what is looked for */
    zloom_origin_t id; /* producer unset: any */
    char *id_text;     /* its memory */
    char *reason;      /* NULL: any */
    uint64_t max;
    uint64_t rate; /* a second; 0: as fast as it goes */
    bool dry_run;
    bool letters; /* histories matter; false: purge of any flow */
    /* where it stands */
    uint64_t at;
    uint64_t last; /* what came after the question is not looked at */
    int64_t next_ns;
    int64_t told_ns;
    uint64_t scanned, matched, moved, refused, capped;
    uint64_t reasons[ZLOOM_JOB_REASONS];
    int64_t oldest_wall_ns;
    zloom_buf_t items; /* LIST, SHOW: what was found */
    size_t item_count;
    zloom_buf_t pack;
    zloom_err_t err; /* why it ended early */
};

/* One message that a job came to. */
typedef struct {
    uint64_t seq;
    zloom_blob_t *blob;
    zloom_bytes_t bytes; /* as a pack of one */
    uint32_t flags;
    zloom_origin_t origin;
    zloom_bytes_t past;
    zloom_history_t history;
} zloom_letter_t;

/* Begin; the job's answer ends the request. Takes over the job. */
void zloom_job_begin (zloom_engine_t *self, zloom_job_t **job_p);
/* A job of this kind with the filter of the arguments. */
zloom_err_t zloom_job_new (const zloom_engine_t *self, const zloom_ask_t *ask,
                           zloom_job_kind_t kind, zloom_job_t **job_p);
void zloom_job_destroy (zloom_job_t **self_p);

/*
 * admin_dlq.c: what a job does with a letter that matches. OK: go on with the next; AGAIN: come
 * back to this one next turn; anything else: the job ends.
 */
zloom_err_t zloom_job_handle (zloom_engine_t *self, zloom_job_t *job, const zloom_letter_t *letter);
/* admin_trace.c: a piece of the walk; OK: it is over, AGAIN. */
zloom_err_t zloom_job_trace (zloom_engine_t *self, zloom_job_t *job);
/* The answer as it stands; `more`: the job goes on. */
void zloom_job_tell (zloom_engine_t *self, zloom_job_t *job, bool more);
/* LIST: keep what was counted of this flow. */
void zloom_job_close_flow (zloom_engine_t *self, zloom_job_t *job);

#endif
