/* SPDX-License-Identifier: MPL-2.0 */
/*
 * queue_append.c - messages are stored: each in its class, waiting if it is due later, known by its
 * id where the flow remembers ids. Envelopes are opened only if the sender announced something, or
 * the flow has a key.
 */
#include "base/memory.h"
#include "patterns/queue/state.h"
#include "wire/pack.h"

/* What a message's announcements may take in the journal: a state, a priority, a pack's head. */
#define STATE_BYTES 64
#define RANK_BYTES 8
#define HEAD_BYTES (512 + ZLOOM_LIMIT_PRODUCER_BYTES)
#define ID_RECORD_BYTES 32
/* Announcements that the router must look at, in any flow. */
#define LOOKED_AT (ZLOOM_FLAG_DUE | ZLOOM_FLAG_EXPIRES | ZLOOM_FLAG_PRIORITY)

/* ---- whether they may come in ---------------------------------------------------------------- */

static bool
s_dedups (const zloom_queue_t *self, uint32_t flags)
{
    return self->config.dedup && (flags & ZLOOM_FLAG_ID);
}

/* Delayed ones leave a quarter of the table to those that fail. */
static zloom_err_t
s_check_delayed (const zloom_queue_t *self, uint64_t delayed)
{
    const uint64_t most = (uint64_t) self->config.exceptions_max / 4 * 3;
    if (delayed > 0 && zloom_exceptions_count (self->exceptions) + delayed > most) {
        return zloom_fail (ZLOOM_TOO_MANY_DELAYED,
                           "flow '%s': %llu messages that are due later are more than fit beside "
                           "%llu that wait (limit.exceptions: %lld)",
                           self->config.name, (unsigned long long) delayed,
                           (unsigned long long) zloom_exceptions_count (self->exceptions),
                           (long long) self->config.exceptions_max);
    }
    return ZLOOM_OK;
}

static zloom_err_t
s_check_head (const zloom_queue_t *self, const zloom_offer_t *offer, uint32_t index,
              zloom_bytes_t bytes, uint64_t *delayed)
{
    zloom_envelope_t head = {0};
    const zloom_err_t err = zloom_envelope_decode_head (bytes, &head);
    if (err != ZLOOM_OK) {
        zloom_note_prefix ("flow '%s': message %u of the pack", self->config.name, index);
        return err;
    }
    *delayed += (offer->flags & ZLOOM_FLAG_DUE) && head.has_due ? 1 : 0;
    if (self->config.key && !head.key.data) {
        return zloom_fail (ZLOOM_NO_KEY,
                           "flow '%s': message %u of the pack has no key (the flow is keyed by %s)",
                           self->config.name, index, self->config.key);
    }
    return ZLOOM_OK;
}

/* ---- ids that are known ---------------------------------------------------------------------- */

/* The messages of a pack, looked at one after the other. */
typedef struct {
    const zloom_ids_t *ids;
    size_t forgotten; /* of those, when the pack comes in */
    bool single;      /* there is one message only: it repeats none */
    zloom_ids_t here; /* of messages before */
} seen_t;

typedef enum {
    NEW,
    KNOWN,    /* it came lately, in another pack */
    REPEATED, /* it stands in this pack twice */
} news_t;

static seen_t
s_seen (const zloom_queue_t *self, uint32_t n, int64_t wall_ns)
{
    return (seen_t){.ids = &self->ids,
                    .forgotten =
                      zloom_ids_older (&self->ids, wall_ns - self->config.dedup_window_ns),
                    .single = n == 1};
}

/* *named: it has an id, *hash is its hash. */
static news_t
s_look (seen_t *self, zloom_bytes_t bytes, bool *named, zloom_id_hash_t *hash)
{
    const zloom_envelope_t head = zloom_queue_head (bytes);
    *named = head.id.data;
    if (!*named) {
        return NEW;
    }
    *hash = zloom_id_hash (head.id);
    if (zloom_ids_keeps (self->ids, *hash, self->forgotten)) {
        return KNOWN;
    }
    if (zloom_ids_has (&self->here, *hash)) {
        return REPEATED;
    }
    if (!self->single) {
        zloom_ids_add (&self->here, *hash, 0, SIZE_MAX);
    }
    return NEW;
}

/*
 * The most pieces that a pack can be stored in, and the ids to remember. It is not known here which
 * messages a producer repeats from its last pack, so one that stands in the pack twice may be taken
 * or not; so may each one of a pack that is `shared`.
 */
static uint32_t
s_count_pieces (const zloom_queue_t *self, const zloom_offer_t *offer, uint32_t *id_count)
{
    /* Pieces so far, if the last message is taken (0: it cannot be), and if it is not. */
    uint32_t taken = 0;
    uint32_t left = 0;
    bool may_be_left = true;
    seen_t seen = s_seen (self, offer->n, offer->wall_ns);
    zloom_pack_iter_t iter = zloom_pack_iter (offer->pack);
    zloom_bytes_t bytes;
    *id_count = 0;
    while (zloom_pack_next (&iter, &bytes)) {
        bool named;
        zloom_id_hash_t hash;
        const news_t news = s_look (&seen, bytes, &named, &hash);
        const bool either = named && (offer->shared || news == REPEATED);
        const uint32_t begun = may_be_left ? left + 1 : 0;
        const uint32_t most = taken > left || !may_be_left ? taken : left;
        taken = either || news == NEW ? (taken > begun ? taken : begun) : 0;
        may_be_left = either || news != NEW;
        left = may_be_left ? most : 0;
        *id_count += named && (either || news == NEW) ? 1 : 0;
    }
    zloom_ids_fini (&seen.here);
    return taken > left ? taken : left;
}

/* ---- the door -------------------------------------------------------------------------------- */

zloom_err_t
zloom_queue_check_offer (const void *self, const zloom_offer_t *offer, zloom_cost_t *cost)
{
    const zloom_queue_t *queue = zloom_queue_of_const (self);
    const uint32_t flags = offer->flags;
    const bool dedups = s_dedups (queue, flags);
    if (!offer->pack.data) {
        return ZLOOM_OK;
    }
    const uint64_t drop_bytes = zloom_queue_drop_bytes (queue, offer);
    cost->records += drop_bytes > 0 ? 1 : 0;
    cost->bytes += drop_bytes;
    if (!queue->config.key && !dedups && !(flags & LOOKED_AT)) {
        return ZLOOM_OK;
    }
    if (queue->config.key && !(flags & ZLOOM_FLAG_KEY)) {
        return zloom_fail (ZLOOM_NO_KEY,
                           "flow '%s' is keyed by %s: each message needs a key, and the pack must "
                           "announce it",
                           queue->config.name, queue->config.key);
    }
    if (queue->config.key && (flags & ZLOOM_FLAG_PRIORITY)) {
        return zloom_fail (ZLOOM_UNSUPPORTED,
                           "flow '%s' is keyed: its messages keep their order, so they have no "
                           "priorities; send without",
                           queue->config.name);
    }
    uint64_t delayed = 0;
    zloom_pack_iter_t iter = zloom_pack_iter (offer->pack);
    zloom_bytes_t bytes;
    for (uint32_t i = 0; zloom_pack_next (&iter, &bytes); i++) {
        const zloom_err_t err = s_check_head (queue, offer, i, bytes, &delayed);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
    cost->records += delayed > 0 ? 1 : 0;
    cost->bytes += delayed * STATE_BYTES;
    cost->bytes += (flags & ZLOOM_FLAG_PRIORITY) ? (uint64_t) offer->n * RANK_BYTES : 0;
    if (dedups) {
        uint32_t id_count;
        const uint32_t pieces = s_count_pieces (queue, offer, &id_count);
        cost->records += pieces + 2; /* the ids, and how far its producer is */
        cost->bytes += (uint64_t) pieces * HEAD_BYTES + ID_RECORD_BYTES;
        cost->bytes += (uint64_t) id_count * ZLOOM_ID_HASH_BYTES;
    }
    return s_check_delayed (queue, delayed);
}

/* ---- one piece ------------------------------------------------------------------------------- */

/* Messages [index, index + n) of an OFFER, which are `pack`. */
typedef struct {
    const zloom_event_t *event;
    uint32_t index;
    uint32_t n;
    zloom_bytes_t pack;
} piece_t;

static void
s_append (zloom_queue_t *self, piece_t *piece, const zloom_turn_t *turn)
{
    const zloom_event_t *event = piece->event;
    zloom_effect_t *effect = zloom_effects_add (turn->effects, ZLOOM_EFFECT_APPEND);
    effect->append.seq = self->next_seq;
    effect->append.n = piece->n;
    effect->append.pack = piece->pack;
    effect->append.flags = event->offer.flags;
    effect->append.src = zloom_intake_source (&self->intake, event, piece->index, piece->n,
                                              self->next_seq, &effect->append.src_count, turn);
    effect->append.past = event->offer.past ? event->offer.past + piece->index : NULL;
    effect->append.own = event->offer.src_count == 0 && event->offer.producer.data;
    zloom_queue_describe (self, effect, turn);
    zloom_queue_enter (self, effect, NULL, 0, turn);
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* Append the messages whose ids are not known, piece by piece; false when some were. */
static bool
s_append_new (zloom_queue_t *self, const zloom_event_t *event, uint32_t trimmed, zloom_bytes_t pack,
              const zloom_turn_t *turn)
{
    const int64_t now_ns = turn->now.wall_ns;
    const uint32_t n = event->offer.n - trimmed;
    zloom_id_hash_t *hashes = zloom_effects_memory (turn->effects, n * sizeof *hashes);
    size_t hash_count = 0;
    uint32_t known = 0;
    zloom_ids_set_back (&self->ids, now_ns);
    seen_t seen = s_seen (self, n, now_ns);
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    piece_t piece = {.event = event, .index = trimmed, .pack = {iter.rest.data, 0}};
    zloom_bytes_t bytes;
    for (const uint8_t *at = iter.rest.data; zloom_pack_next (&iter, &bytes); at = iter.rest.data) {
        bool named;
        if (s_look (&seen, bytes, &named, &hashes[hash_count]) == NEW) {
            piece.n++;
            piece.pack.size += (size_t) (iter.rest.data - at);
            hash_count += named ? 1 : 0;
            continue;
        }
        if (piece.n > 0) {
            s_append (self, &piece, turn);
        }
        known++;
        piece = (piece_t){.event = event,
                          .index = piece.index + piece.n + 1,
                          .pack = zloom_bytes (iter.rest.data, 0)};
    }
    zloom_ids_fini (&seen.here);
    if (piece.n > 0) {
        s_append (self, &piece, turn);
    }
    /* What is known was judged by what was known when the pack came: so did the door. */
    zloom_ids_forget (&self->ids, now_ns - self->config.dedup_window_ns);
    for (size_t i = 0; i < hash_count; i++) {
        zloom_ids_add (&self->ids, hashes[i], now_ns, (size_t) self->config.dedup_max);
    }
    if (hash_count > 0) {
        zloom_queue_record_ids (self, hashes, hash_count, turn);
    }
    self->intake.duplicates += known;
    return known == 0;
}

bool
zloom_queue_append (zloom_queue_t *self, const zloom_event_t *event, uint32_t trimmed,
                    zloom_bytes_t pack, const zloom_turn_t *turn)
{
    /* What was moved here, or put back by hand, is no repetition. */
    if (s_dedups (self, event->offer.flags) && !event->offer.past) {
        return s_append_new (self, event, trimmed, pack, turn);
    }
    piece_t piece = {.event = event, .index = trimmed, .n = event->offer.n - trimmed, .pack = pack};
    s_append (self, &piece, turn);
    return true;
}
