/* SPDX-License-Identifier: MPL-2.0 */
/*
 * deliver.c - DELIVER from stored packs. A hand-out that lies in one stored pack goes out as a view
 * into it, without copying; one that is made of several is joined.
 */
#include "engine/core.h"

/* What a delivery is made of so far. */
typedef struct {
    zloom_blob_t *blob; /* the pack that a single piece lies in; borrowed from its view */
    zloom_bytes_t piece;
    zloom_buf_t joined; /* used from the second piece on */
    size_t pieces;
    zloom_src_t *src;
    size_t src_count, src_capacity;
} parcel_t;

/* Append src runs of one piece; the array lives in the engine's scratch arena. */
static void
s_add_src (zloom_engine_t *self, parcel_t *parcel, const zloom_view_t *view, uint32_t index,
           uint32_t n)
{
    const size_t need = parcel->src_count + view->head.src_count;
    if (need > parcel->src_capacity) {
        zloom_src_t *src = zloom_arena_take (&self->scratch, need * 2, sizeof *src);
        if (parcel->src_count > 0) {
            memcpy (src, parcel->src, parcel->src_count * sizeof *src);
        }
        parcel->src = src;
        parcel->src_capacity = need * 2;
    }
    zloom_src_t *cut = zloom_arena_take (&self->scratch, view->head.src_count, sizeof *cut);
    const size_t count = zloom_src_cut (view->head.src, view->head.src_count, index, n, cut);
    for (size_t i = 0; i < count; i++) {
        if (parcel->pieces > 1) {
            /* The view may be evicted before the parcel is sent. */
            char *name = zloom_arena_take (&self->scratch, cut[i].producer.size + 1, 1);
            memcpy (name, cut[i].producer.data, cut[i].producer.size);
            cut[i].producer.data = (const uint8_t *) name;
        }
        zloom_src_join (parcel->src, &parcel->src_count, &cut[i]);
    }
}

static void
s_add_piece (parcel_t *parcel, const zloom_view_t *view, zloom_bytes_t piece)
{
    parcel->pieces++;
    if (parcel->pieces == 1) {
        parcel->blob = zloom_blob_ref (view->chunk.blob);
        parcel->piece = piece;
        return;
    }
    if (parcel->pieces == 2) {
        zloom_buf_add_bytes (&parcel->joined, parcel->piece);
    }
    zloom_buf_add_bytes (&parcel->joined, piece);
}

static bool
s_fill (zloom_engine_t *self, parcel_t *parcel, zloom_hosted_t *flow, const zloom_run_t *runs,
        size_t run_count)
{
    for (size_t i = 0; i < run_count; i++) {
        uint64_t seq = runs[i].seq;
        uint32_t left = runs[i].n;
        while (left > 0) {
            zloom_view_t *view;
            if (zloom_hosted_view (flow, seq, &view) != ZLOOM_OK) {
                zloom_fail (ZLOOM_NOT_FOUND, "flow '%s': message %llu is not in memory",
                            flow->config.name, (unsigned long long) seq);
                return false;
            }
            const uint32_t index = (uint32_t) (seq - view->chunk.seq);
            uint32_t n = view->chunk.count - index;
            n = n < left ? n : left;
            s_add_piece (parcel, view, zloom_view_slice (view, index, n));
            s_add_src (self, parcel, view, index, n);
            seq += n;
            left -= n;
        }
    }
    return parcel->pieces > 0;
}

static void
s_send (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
        const zloom_verb_deliver_t *what, parcel_t *parcel)
{
    zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER, .deliver = *what};
    verb.deliver.handle = consumer->handle;
    verb.deliver.token = zloom_engine_token_out (self, token);
    verb.deliver.src = parcel->src;
    verb.deliver.src_count = parcel->src_count;
    verb.deliver.delivery_no = ++consumer->delivery_no;
    if (parcel->pieces == 1) {
        zloom_engine_say_pack (self, consumer->session, &verb, parcel->blob, parcel->piece);
        return;
    }
    zloom_blob_t *blob = zloom_blob_new_from_buf (&parcel->joined);
    zloom_engine_say_pack (self, consumer->session, &verb, blob, zloom_blob_bytes (blob));
    zloom_blob_unref (&blob);
}

bool
zloom_engine_deliver (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
                      const zloom_run_t *runs, size_t run_count, const zloom_fact_t *facts,
                      size_t fact_count)
{
    parcel_t parcel = {0};
    zloom_arena_reset (&self->scratch);
    const bool whole = s_fill (self, &parcel, consumer->flow, runs, run_count);
    if (whole) {
        const zloom_verb_deliver_t what = {
          .runs = runs, .run_count = run_count, .facts = facts, .fact_count = fact_count};
        s_send (self, consumer, token, &what, &parcel);
    }
    if (parcel.blob) {
        zloom_blob_unref (&parcel.blob);
    }
    zloom_buf_fini (&parcel.joined);
    return whole;
}
