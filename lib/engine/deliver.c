/* SPDX-License-Identifier: MPL-2.0 */
/*
 * deliver.c - DELIVER from stored packs. A hand-out that lies in one stored pack goes out as a view
 * into it, without copying; one that is made of several is joined. What several subscribers get
 * without a lease is made once for all of them.
 */
#include "engine/core.h"

/* What a delivery is made of so far. Views stay until the turn is over, so all is borrowed. */
typedef struct {
    zloom_blob_t *blob; /* the pack that the first piece lies in */
    zloom_bytes_t *pieces;
    size_t piece_count, piece_capacity;
    size_t bytes;
    zloom_src_t *src;
    size_t src_count, src_capacity;
} parcel_t;

/* The arrays live in the engine's scratch arena: a larger one leaves the smaller behind. */
static void *
s_grown (zloom_engine_t *self, void *items, size_t count, size_t *capacity, size_t need,
         size_t size)
{
    if (need <= *capacity) {
        return items;
    }
    *capacity = need * 2;
    void *larger = zloom_arena_take (&self->scratch, *capacity, size);
    if (count > 0) {
        memcpy (larger, items, count * size);
    }
    return larger;
}

/* Append src runs of one piece. */
static void
s_add_src (zloom_engine_t *self, parcel_t *parcel, const zloom_view_t *view, uint32_t index,
           uint32_t n)
{
    const size_t most = parcel->src_count + view->head.src_count;
    parcel->src = s_grown (self, parcel->src, parcel->src_count, &parcel->src_capacity, most,
                           sizeof *parcel->src);
    uint64_t first = index;
    uint64_t left = n;
    for (size_t i = 0; i < view->head.src_count && left > 0; i++) {
        zloom_src_t cut;
        if (zloom_src_cut (&view->head.src[i], 1, first, left, &cut) > 0) {
            zloom_src_join (parcel->src, &parcel->src_count, &cut);
            left -= cut.n;
            first = 0;
        } else {
            first -= view->head.src[i].n;
        }
    }
}

static void
s_add_piece (zloom_engine_t *self, parcel_t *parcel, const zloom_view_t *view, zloom_bytes_t piece)
{
    parcel->pieces = s_grown (self, parcel->pieces, parcel->piece_count, &parcel->piece_capacity,
                              parcel->piece_count + 1, sizeof *parcel->pieces);
    parcel->blob = parcel->piece_count == 0 ? view->chunk.blob : parcel->blob;
    parcel->pieces[parcel->piece_count++] = piece;
    parcel->bytes += piece.size;
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
            s_add_piece (self, parcel, view, zloom_view_slice (view, index, n));
            s_add_src (self, parcel, view, index, n);
            seq += n;
            left -= n;
        }
    }
    return parcel->piece_count > 0;
}

static zloom_blob_t *
s_join (const parcel_t *parcel)
{
    uint8_t *at;
    zloom_blob_t *blob = zloom_blob_new_empty (parcel->bytes, &at);
    for (size_t i = 0; i < parcel->piece_count; i++) {
        memcpy (at, parcel->pieces[i].data, parcel->pieces[i].size);
        at += parcel->pieces[i].size;
    }
    return blob;
}

static void
s_send (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
        const zloom_verb_deliver_t *what, const parcel_t *parcel)
{
    zloom_verb_t verb = {.kind = ZLOOM_VERB_DELIVER, .deliver = *what};
    verb.deliver.handle = consumer->handle;
    verb.deliver.token = zloom_engine_token_out (self, token);
    verb.deliver.src = parcel->src;
    verb.deliver.src_count = parcel->src_count;
    verb.deliver.delivery_no = ++consumer->delivery_no;
    if (parcel->piece_count == 1) {
        zloom_engine_say_pack (self, consumer->session, &verb, parcel->blob, parcel->pieces[0]);
        return;
    }
    zloom_blob_t *blob = s_join (parcel);
    zloom_engine_say_pack (self, consumer->session, &verb, blob, zloom_blob_bytes (blob));
    zloom_blob_unref (&blob);
}

/* The first of those who get it: the others find the pack and what is equal of the verb. */
static void
s_put_shared (zloom_engine_t *self, zloom_shared_item_t *item, const zloom_verb_deliver_t *what,
              const parcel_t *parcel)
{
    zloom_blob_t *joined = parcel->piece_count > 1 ? s_join (parcel) : NULL;
    zloom_shared_put (&self->shared, item, what->runs, what->run_count,
                      joined ? joined : parcel->blob,
                      joined ? zloom_blob_bytes (joined) : parcel->pieces[0]);
    zloom_blob_unref (&joined);
    zloom_verb_deliver_t equal = *what;
    equal.src = parcel->src;
    equal.src_count = parcel->src_count;
    zloom_verb_encode_equal (&equal, &item->equal);
}

static void
s_send_shared (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
               const zloom_shared_item_t *item)
{
    zloom_buf_clear (&self->out);
    zloom_verb_encode_deliver (consumer->handle, zloom_engine_token_out (self, token),
                               zloom_buf_bytes (&item->equal), ++consumer->delivery_no, &self->out);
    zloom_engine_say_parts (self, consumer->session, zloom_buf_bytes (&self->out), item->blob,
                            item->pack);
}

bool
zloom_engine_deliver (zloom_engine_t *self, zloom_consumer_t *consumer, zloom_token_t token,
                      const zloom_run_t *runs, size_t run_count, const zloom_fact_t *facts,
                      size_t fact_count)
{
    parcel_t parcel = {0};
    const bool alike = token.number == 0 && fact_count == 0; /* nobody's own */
    zloom_shared_item_t *item = alike ? zloom_shared_at (&self->shared, runs, run_count) : NULL;
    if (item && item->run_count > 0) {
        s_send_shared (self, consumer, token, item);
        return true;
    }
    zloom_arena_reset (&self->scratch);
    if (!s_fill (self, &parcel, consumer->flow, runs, run_count)) {
        return false;
    }
    const zloom_verb_deliver_t what = {
      .runs = runs, .run_count = run_count, .facts = facts, .fact_count = fact_count};
    if (item) {
        s_put_shared (self, item, &what, &parcel);
        s_send_shared (self, consumer, token, item);
    } else {
        s_send (self, consumer, token, &what, &parcel);
    }
    return true;
}
