/* SPDX-License-Identifier: MPL-2.0 */
/* admin_dlq.c - dead letters: counting, showing, putting back, throwing away. See admin.h. */
#include "base/memory.h"
#include "base/tag.h"
#include "engine/jobs.h"
#include "engine/trail_watch.h"
#include "wire/encode.h"

/* In the journal, beside message and history, of a requeue. */
#define MOVE_BYTES 16384

static const char *const s_reasons[ZLOOM_JOB_REASONS] = {
  "rejected", "failures", "crash", "malformed", "expired", "overflow", "parked", "other"};

/* ---- what is done with a letter ------------------------------------------------------------ */

static void
s_count (zloom_job_t *job, const zloom_letter_t *letter)
{
    size_t reason = ZLOOM_JOB_REASONS - 1;
    int64_t wall_ns = letter->origin.base_time_ns;
    if (letter->history.count > 0) {
        const zloom_history_cause_t *cause = &letter->history.causes[letter->history.count - 1];
        wall_ns = cause->last_wall_ns;
        for (size_t i = 0; i < ZLOOM_JOB_REASONS; i++) {
            if (zloom_bytes_equal (cause->reason, zloom_bytes_text (s_reasons[i]))) {
                reason = i;
            }
        }
    }
    job->reasons[reason]++;
    if (job->oldest_wall_ns == 0 || wall_ns < job->oldest_wall_ns) {
        job->oldest_wall_ns = wall_ns;
    }
}

static void
s_show (zloom_job_t *job, const zloom_letter_t *letter)
{
    char text[ZLOOM_ORIGIN_TEXT_BYTES];
    zloom_encode_map (&job->items, 4);
    zloom_encode_string (&job->items, "seq");
    zloom_encode_uint (&job->items, letter->seq);
    zloom_encode_string (&job->items, "id");
    zloom_encode_string (&job->items, zloom_origin_text (&letter->origin, text));
    zloom_encode_string (&job->items, "base_time");
    zloom_encode_int (&job->items, letter->origin.base_time_ns);
    zloom_encode_string (&job->items, "history");
    zloom_encode_raw (&job->items, letter->past);
    zloom_buf_add_bytes (&job->pack, letter->bytes);
    job->item_count++;
}

static void
s_moved (zloom_engine_t *self, zloom_job_t *job)
{
    job->moved++;
    if (job->rate > 0) {
        const int64_t from_ns =
          job->next_ns > self->now.mono_ns - ZLOOM_NS_PER_S ? job->next_ns : self->now.mono_ns;
        job->next_ns = from_ns + ZLOOM_NS_PER_S / (int64_t) job->rate;
    }
}

static void
s_take_out (zloom_engine_t *self, const zloom_job_t *job, uint64_t seq,
            zloom_settle_reason_t reason)
{
    const zloom_event_t event = {.type = ZLOOM_EVENT_TAKE_OUT,
                                 .take_out = {.first = seq, .n = 1, .reason = (uint8_t) reason}};
    zloom_engine_feed (self, job->flow, &event);
}

static zloom_err_t
s_purge (zloom_engine_t *self, zloom_job_t *job, const zloom_letter_t *letter)
{
    if (job->dry_run) {
        return ZLOOM_OK;
    }
    if (zloom_engine_room (self, job->flow, ZLOOM_ENGINE_EVENT_RECORDS, MOVE_BYTES, false) !=
        ZLOOM_OK) {
        return ZLOOM_AGAIN;
    }
    s_take_out (self, job, letter->seq, ZLOOM_REASON_PURGED);
    s_moved (self, job);
    return ZLOOM_OK;
}

static bool
s_has_group (const zloom_hosted_t *flow, zloom_bytes_t group)
{
    zloom_subscriber_row_t row = {0};
    uint64_t cursor = 0;
    while (flow->pattern->next_subscriber &&
           flow->pattern->next_subscriber (flow->core, &cursor, &row)) {
        if (row.durable && zloom_bytes_equal (row.group, group)) {
            return true;
        }
        row = (zloom_subscriber_row_t){0};
    }
    return false;
}

/*
 * The flow that it died in: the newest cause says so. FLOW/GROUP is a group of a bus; the flow sees
 * by the history that it is for that group alone. When that was dropped it has no home: all others
 * have had it.
 */
static zloom_hosted_t *
s_home (const zloom_engine_t *self, const zloom_job_t *job, const zloom_letter_t *letter)
{
    if (letter->history.count == 0) {
        return NULL;
    }
    zloom_bytes_t name = letter->history.causes[letter->history.count - 1].flow;
    const uint8_t *slash = name.size > 0 ? memchr (name.data, '/', name.size) : NULL;
    zloom_bytes_t group = ZLOOM_BYTES_NULL;
    if (slash) {
        group = zloom_bytes (slash + 1, name.size - (size_t) (slash - name.data) - 1);
        name.size = (size_t) (slash - name.data);
    }
    zloom_hosted_t *home = zloom_engine_flow (self, name);
    if (home == job->flow || (home && slash && !s_has_group (home, group))) {
        return NULL;
    }
    return home;
}

/* Put back: the copy with its history, and the dead letter's end, in one group. */
static void
s_put_back (zloom_engine_t *self, const zloom_job_t *job, const zloom_letter_t *letter,
            zloom_hosted_t *home)
{
    zloom_history_t history = letter->history;
    zloom_buf_t buf = {0};
    history.requeued++;
    zloom_history_encode (&history, &buf);
    const zloom_src_t src = {.n = 1,
                             .producer = letter->origin.producer,
                             .first_id = letter->origin.id,
                             .base_time_ns = letter->origin.base_time_ns};
    const zloom_past_t past = {zloom_buf_bytes (&buf)};
    const zloom_event_t event = {.type = ZLOOM_EVENT_OFFER,
                                 .offer = {.n = 1,
                                           .pack = letter->bytes,
                                           .blob = letter->blob,
                                           .flags = letter->flags,
                                           .base_time_ns = letter->origin.base_time_ns,
                                           .src = &src,
                                           .src_count = 1,
                                           .past = &past,
                                           .admitted = true}};
    const zloom_hop_t before = zloom_trail_hop (self, ZLOOM_TRAIL_REQUEUED, job->flow, letter->seq);
    zloom_engine_feed (self, home, &event);
    self->hop = before;
    zloom_buf_fini (&buf);
    s_take_out (self, job, letter->seq, ZLOOM_REASON_MOVED);
}

/* Whoever may administer the dead letters alone puts nothing into other flows. */
static bool
s_may_put_back (const zloom_engine_t *self, const zloom_job_t *job, const zloom_hosted_t *home)
{
    const zloom_session_t *session = zloom_sessions_by_id (self->sessions, job->session);
    zloom_assert (session); /* its jobs end with it */
    return zloom_engine_allows (self, session, ZLOOM_RIGHT_PUBLISH, home->config.name) ||
           zloom_engine_allows (self, session, ZLOOM_RIGHT_ADMINISTER, home->config.name);
}

static zloom_err_t
s_requeue (zloom_engine_t *self, zloom_job_t *job, const zloom_letter_t *letter)
{
    zloom_hosted_t *home = s_home (self, job, letter);
    if (!home || !s_may_put_back (self, job, home)) {
        job->refused++;
        return ZLOOM_OK;
    }
    if (letter->history.requeued >= home->config.requeues_max) {
        job->capped++;
        return ZLOOM_OK;
    }
    if (job->dry_run) {
        return ZLOOM_OK;
    }
    const zloom_err_t err = zloom_engine_fits (self, home, 1, letter->bytes.size);
    if (err != ZLOOM_OK) {
        return err;
    }
    const uint64_t bytes = letter->bytes.size + letter->past.size + MOVE_BYTES;
    zloom_err_t room = zloom_engine_room (self, home, ZLOOM_ENGINE_EVENT_RECORDS, bytes, true);
    if (room == ZLOOM_OK) {
        room = zloom_engine_room (self, job->flow, ZLOOM_ENGINE_EVENT_RECORDS, bytes, true);
    }
    if (room != ZLOOM_OK) {
        return room == ZLOOM_AGAIN ? room : zloom_fail (room, "the disk under the journal is full");
    }
    s_put_back (self, job, letter, home);
    s_moved (self, job);
    return ZLOOM_OK;
}

zloom_err_t
zloom_job_handle (zloom_engine_t *self, zloom_job_t *job, const zloom_letter_t *letter)
{
    switch (job->kind) {
    case ZLOOM_JOB_LIST:
        s_count (job, letter);
        break;
    case ZLOOM_JOB_SHOW:
        s_show (job, letter);
        break;
    case ZLOOM_JOB_REQUEUE:
        return s_requeue (self, job, letter);
    case ZLOOM_JOB_PURGE:
        return s_purge (self, job, letter);
    case ZLOOM_JOB_TRACE:
        zloom_assert (!"it looks at packs, not at letters");
        break;
    }
    return ZLOOM_OK;
}

/* ---- answers ------------------------------------------------------------------------------- */

void
zloom_job_close_flow (zloom_engine_t *self, zloom_job_t *job)
{
    const int64_t age_ns = job->oldest_wall_ns > 0 ? self->now.wall_ns - job->oldest_wall_ns : 0;
    size_t reasons = 0;
    for (size_t i = 0; i < ZLOOM_JOB_REASONS; i++) {
        reasons += job->reasons[i] > 0 ? 1 : 0;
    }
    zloom_encode_map (&job->items, 5);
    zloom_encode_string (&job->items, "name");
    zloom_encode_string (&job->items, job->flow->config.name);
    zloom_admin_pair (&job->items, "messages", zloom_hosted_backlog (job->flow));
    zloom_admin_pair (&job->items, "scanned", job->scanned);
    zloom_admin_pair (&job->items, "oldest_ms",
                      age_ns > 0 ? (uint64_t) (age_ns / ZLOOM_NS_PER_MS) : 0);
    zloom_encode_string (&job->items, "reasons");
    zloom_encode_map (&job->items, reasons);
    for (size_t i = 0; i < ZLOOM_JOB_REASONS; i++) {
        if (job->reasons[i] > 0) {
            zloom_admin_pair (&job->items, s_reasons[i], job->reasons[i]);
        }
        job->reasons[i] = 0;
    }
    job->item_count++;
    job->scanned = 0;
    job->matched = 0;
    job->oldest_wall_ns = 0;
}

static void
s_encode (zloom_job_t *job, zloom_buf_t *out)
{
    if (job->kind == ZLOOM_JOB_LIST || job->kind == ZLOOM_JOB_SHOW) {
        zloom_encode_map (out, 2);
        zloom_encode_string (out, job->kind == ZLOOM_JOB_LIST ? "flows" : "messages");
        zloom_encode_array (out, job->item_count);
        zloom_buf_add_bytes (out, zloom_buf_bytes (&job->items));
        zloom_admin_pair (out, "next", job->at);
        return;
    }
    if (job->kind == ZLOOM_JOB_TRACE) {
        zloom_encode_map (out, 2);
        zloom_encode_string (out, "messages");
        zloom_encode_array (out, job->item_count);
        zloom_buf_add_bytes (out, zloom_buf_bytes (&job->items));
        zloom_admin_pair (out, "scanned", job->scanned);
        return;
    }
    zloom_encode_map (out, 5);
    zloom_admin_pair (out, "matched", job->matched);
    zloom_admin_pair (out, "moved", job->moved);
    zloom_admin_pair (out, "refused", job->refused);
    zloom_admin_pair (out, "capped", job->capped);
    zloom_admin_pair (out, "next", job->at);
}

void
zloom_job_tell (zloom_engine_t *self, zloom_job_t *job, bool more)
{
    zloom_session_t *session = zloom_sessions_by_id (self->sessions, job->session);
    const zloom_bytes_t note =
      job->err == ZLOOM_OK ? ZLOOM_BYTES_NULL : zloom_bytes_text (zloom_note ());
    zloom_buf_t out = {0};
    s_encode (job, &out);
    const zloom_verb_t verb = {.kind = ZLOOM_VERB_ANSWER,
                               .answer = {.request = job->request,
                                          .code = job->err,
                                          .text = note,
                                          .more = more,
                                          .result = zloom_buf_bytes (&out)}};
    if (job->pack.size > 0) {
        zloom_blob_t *blob = zloom_blob_new_from_buf (&job->pack);
        zloom_engine_say_pack (self, session, &verb, blob, zloom_blob_bytes (blob));
        zloom_blob_unref (&blob);
    } else {
        zloom_engine_say (self, session, &verb, self->disk.staged);
    }
    zloom_buf_fini (&out);
}

/* ---- commands ------------------------------------------------------------------------------ */

static zloom_err_t
s_begin (zloom_engine_t *self, const zloom_ask_t *ask, zloom_job_kind_t kind, bool letters)
{
    zloom_job_t *job = NULL;
    if (ask->flow && ask->flow->pattern->next_subscriber) {
        return zloom_fail (ZLOOM_WRONG_PATTERN,
                           "flow '%s' is a %s: each group has its own part of it, and its dead "
                           "letters lie in %s%s%s; a durable group ends by `zloom group drop`",
                           ask->flow->config.name, ask->flow->config.pattern,
                           ask->flow->config.dead_letter ? "'" : "no flow",
                           ask->flow->config.dead_letter ? ask->flow->config.dead_letter : "",
                           ask->flow->config.dead_letter ? "'" : "");
    }
    const zloom_err_t err = zloom_job_new (self, ask, kind, &job);
    if (err != ZLOOM_OK) {
        return err;
    }
    job->letters = letters;
    job->every_flow = !ask->flow;
    zloom_job_begin (self, &job);
    return ZLOOM_OK;
}

zloom_err_t
zloom_admin_dlq_ls (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_begin (self, ask, ZLOOM_JOB_LIST, true);
}

zloom_err_t
zloom_admin_dlq_show (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_begin (self, ask, ZLOOM_JOB_SHOW, true);
}

zloom_err_t
zloom_admin_dlq_requeue (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_begin (self, ask, ZLOOM_JOB_REQUEUE, true);
}

zloom_err_t
zloom_admin_dlq_purge (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_begin (self, ask, ZLOOM_JOB_PURGE, true);
}

zloom_err_t
zloom_admin_purge (zloom_engine_t *self, const zloom_ask_t *ask)
{
    return s_begin (self, ask, ZLOOM_JOB_PURGE, false);
}
