/* SPDX-License-Identifier: MPL-2.0 */
/*
 * admin_trace.c - where the messages of one id are. See admin.h.
 *
 * There is no index from ids to numbers: what is in the flows is walked, a stored pack at a time,
 * and each pack's provenance says whether the id can be in it. What has left its flow is not found;
 * that it was taken shows in what the flow knows of its producer. Of a message that was sent to be
 * traced the trail tells all its way (admin_trail.c).
 */
#include "engine/jobs.h"
#include "wire/encode.h"

/* Packs looked at by one job in one turn. */
#define PIECE_PACKS 64
/* Copies of one message that are shown: it stands in a flow once, and again after a requeue. */
#define SHOWN_MAX 100

static void
s_consumer (const zloom_engine_t *self, const zloom_whereabouts_t *place, zloom_buf_t *out)
{
    const zloom_consumer_t *consumer = zloom_idmap_get (self->consumers, place->consumer);
    zloom_encode_string (out, "consumer");
    zloom_encode_string (out, consumer ? consumer->session->name : NULL);
    zloom_encode_string (out, "started");
    zloom_encode_bool (out, place->started);
    zloom_encode_string (out, "lease_ms");
    zloom_encode_int (out, zloom_admin_left_ms (self, place->place == ZLOOM_PLACE_LEASED
                                                        ? place->lease_end_ns
                                                        : ZLOOM_NEVER));
}

void
zloom_admin_whereabouts (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t seq,
                         zloom_bytes_t past, zloom_buf_t *out)
{
    static const char *const places[] = {
      [ZLOOM_PLACE_NONE] = "never given", [ZLOOM_PLACE_GONE] = "gone",
      [ZLOOM_PLACE_READY] = "ready",      [ZLOOM_PLACE_LEASED] = "leased",
      [ZLOOM_PLACE_WAITS] = "waiting",    [ZLOOM_PLACE_STUCK] = "stuck",
      [ZLOOM_PLACE_MOVES] = "moving",     [ZLOOM_PLACE_KEPT] = "kept",
    };
    zloom_whereabouts_t place;
    flow->pattern->place (flow->core, seq, &place);
    zloom_encode_string (out, "place");
    zloom_encode_string (out, places[place.place]);
    zloom_admin_pair (out, "failures", place.failures);
    zloom_encode_string (out, "history");
    zloom_encode_raw (out, place.history.data ? place.history : past);
    zloom_encode_string (out, "due_ms");
    zloom_encode_int (out, zloom_admin_left_ms (self, place.place == ZLOOM_PLACE_WAITS
                                                        ? place.due_mono_ns
                                                        : ZLOOM_NEVER));
    s_consumer (self, &place, out);
}

/* `origin` may be unknown: of a message that is gone only its number is left. */
static void
s_message (const zloom_engine_t *self, const zloom_hosted_t *flow, uint64_t seq,
           const zloom_origin_t *origin, zloom_bytes_t past, zloom_buf_t *out)
{
    char text[ZLOOM_ORIGIN_TEXT_BYTES];
    zloom_encode_map (out, 11);
    zloom_encode_string (out, "flow");
    zloom_encode_string (out, flow->config.name);
    zloom_encode_string (out, "seq");
    zloom_encode_uint (out, seq);
    zloom_encode_string (out, "id");
    zloom_encode_string (out, origin ? zloom_origin_text (origin, text) : NULL);
    zloom_encode_string (out, "base_time");
    if (origin) {
        zloom_encode_int (out, origin->base_time_ns);
    } else {
        zloom_encode_nil (out);
    }
    zloom_admin_whereabouts (self, flow, seq, past, out);
}

/* ---- walking ------------------------------------------------------------------------------- */

/* The index of the id in the pack, from `from` on; false when it is not in it. */
static bool
s_index (const zloom_job_t *job, const zloom_view_t *view, uint32_t from, uint32_t *index)
{
    uint64_t begin = 0;
    for (size_t i = 0; i < view->head.src_count; i++) {
        const zloom_src_t *src = &view->head.src[i];
        const uint64_t at = begin + (job->id.id - src->first_id);
        if (job->id.id >= src->first_id && job->id.id - src->first_id < src->n && at >= from &&
            zloom_bytes_equal (src->producer, job->id.producer)) {
            *index = (uint32_t) at;
            return true;
        }
        begin += src->n;
    }
    return false;
}

/* All of a stored pack at once: an id stands in it more than once only after requeues. */
static zloom_err_t
s_pack (zloom_engine_t *self, zloom_job_t *job, uint64_t seq)
{
    zloom_view_t *view;
    const zloom_err_t err = zloom_hosted_look (job->flow, seq, &view);
    if (err == ZLOOM_AGAIN) {
        return err;
    }
    if (err != ZLOOM_OK) {
        job->at = seq + 1; /* lost to damage: the pattern counts it */
        return ZLOOM_OK;
    }
    uint32_t index = (uint32_t) (seq - view->chunk.seq);
    job->scanned += view->chunk.count - index;
    job->at = view->chunk.seq + view->chunk.count;
    while (s_index (job, view, index, &index) && job->item_count < SHOWN_MAX) {
        const uint64_t found = view->chunk.seq + index;
        zloom_range_t live;
        if (job->flow->pattern->next_live (job->flow->core, found, found, &live)) {
            zloom_origin_t origin;
            zloom_src_origin (view->head.src, view->head.src_count, index, &origin);
            s_message (self, job->flow, found, &origin, zloom_pack_head_past (&view->head, index),
                       &job->items);
            job->item_count++;
        }
        index++;
    }
    return ZLOOM_OK;
}

static bool
s_next_flow (const zloom_engine_t *self, zloom_job_t *job)
{
    size_t i = 0;
    while (job->flow && self->flows[i] != job->flow) {
        i++; /* it is one of them: no flow leaves the table */
    }
    for (i += job->flow ? 1 : 0; i < self->flow_count; i++) {
        if (self->flows[i]->configured) {
            job->flow = self->flows[i];
            job->at = 0;
            job->last = job->flow->durable_seq;
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_job_trace (zloom_engine_t *self, zloom_job_t *job)
{
    for (int i = 0; i < PIECE_PACKS; i++) {
        zloom_range_t run;
        while (!job->flow ||
               !job->flow->pattern->next_live (job->flow->core, job->at, job->last, &run)) {
            if (!s_next_flow (self, job)) {
                return ZLOOM_OK;
            }
        }
        const zloom_err_t err = s_pack (self, job, run.first);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    self->more = true;
    return ZLOOM_AGAIN;
}

/* ---- the command --------------------------------------------------------------------------- */

/* Which flows have taken messages of this producer, up to which id. */
static void
s_taken (const zloom_engine_t *self, zloom_bytes_t producer, zloom_buf_t *out)
{
    zloom_buf_t items = {0};
    size_t count = 0;
    for (size_t i = 0; i < self->flow_count; i++) {
        const zloom_hosted_t *flow = self->flows[i];
        uint64_t high = 0;
        zloom_bytes_t mark;
        if (flow->configured &&
            flow->pattern->producer (flow->core, producer, &high, &mark, NULL)) {
            zloom_encode_map (&items, 2);
            zloom_encode_string (&items, "flow");
            zloom_encode_string (&items, flow->config.name);
            zloom_admin_pair (&items, "high", high);
            count++;
        }
    }
    zloom_encode_string (out, "taken");
    zloom_encode_array (out, count);
    zloom_buf_add_bytes (out, zloom_buf_bytes (&items));
    zloom_buf_fini (&items);
}

/* By flow and number: nothing has to be looked for. */
static zloom_err_t
s_by_number (zloom_engine_t *self, const zloom_ask_t *ask, uint64_t seq)
{
    zloom_buf_t out = {0};
    zloom_origin_t origin;
    zloom_view_t *view = NULL;
    zloom_range_t live;
    zloom_bytes_t past = ZLOOM_BYTES_NULL;
    if (ask->flow->pattern->next_live (ask->flow->core, seq, seq, &live)) {
        const zloom_err_t err = zloom_hosted_look (ask->flow, seq, &view);
        if (err == ZLOOM_AGAIN) {
            return err; /* its bytes come from the disk */
        }
    }
    if (view) {
        const uint32_t index = (uint32_t) (seq - view->chunk.seq);
        zloom_src_origin (view->head.src, view->head.src_count, index, &origin);
        past = zloom_pack_head_past (&view->head, index);
    }
    zloom_encode_map (&out, 4);
    zloom_encode_string (&out, "log");
    zloom_encode_string (&out, self->log_text);
    zloom_admin_trail (
      self, ask, zloom_trail_mark_seq (self->trail, zloom_bytes_text (ask->flow->config.name), seq),
      &out);
    zloom_encode_string (&out, "messages");
    zloom_encode_array (&out, 1);
    s_message (self, ask->flow, seq, view ? &origin : NULL, past, &out);
    zloom_admin_answer (self, ask, false, &out);
    zloom_buf_fini (&out);
    return ZLOOM_OK;
}

zloom_err_t
zloom_admin_trace (zloom_engine_t *self, const zloom_ask_t *ask)
{
    const int64_t seq = zloom_admin_number (ask, "seq", 0);
    if (ask->flow && seq > 0) {
        return s_by_number (self, ask, (uint64_t) seq);
    }
    if (ask->flow || !zloom_admin_text (ask, "id").data) {
        return zloom_fail (ZLOOM_INVALID, "trace takes an id, or a flow and a seq");
    }
    zloom_job_t *job = NULL;
    const zloom_err_t err = zloom_job_new (self, ask, ZLOOM_JOB_TRACE, &job);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_buf_t out = {0};
    zloom_encode_map (&out, 4);
    zloom_encode_string (&out, "log");
    zloom_encode_string (&out, self->log_text);
    zloom_admin_trail (self, ask, zloom_trail_mark_id (self->trail, zloom_admin_text (ask, "id")),
                       &out);
    s_taken (self, job->id.producer, &out);
    zloom_admin_answer (self, ask, true, &out);
    zloom_buf_fini (&out);
    zloom_job_begin (self, &job);
    return ZLOOM_OK;
}
