/* SPDX-License-Identifier: MPL-2.0 */
/* order.c - in which order messages go and leave: by producer, by key, by time and priority. */
#include "base/memory.h"
#include "history.h"

#include <inttypes.h>

const char *
sim_place_key (const sim_checker_t *self, const sim_place_t *place)
{
    const sim_message_t *message = sim_message (self, place->number);
    return place->flow == SIM_ORDERS && message->key[0] ? message->key : NULL;
}

const sim_place_t *
sim_twin (const sim_checker_t *self, const sim_message_t *message)
{
    const sim_books_t *books = &self->flows[SIM_ONCE];
    for (size_t i = 0; i < books->count && message->own_id[0]; i++) {
        const sim_message_t *other = sim_message (self, books->places[i]->number);
        if (other != message && books->places[i]->now != SIM_NOWHERE &&
            strcmp (other->own_id, message->own_id) == 0) {
            return books->places[i];
        }
    }
    return NULL;
}

/* Whether `lower`, of a lower number, should go first if both are ready. */
static bool
s_goes_before (const sim_place_t *lower, const sim_place_t *place)
{
    return place->flow != SIM_TIMED ||
           (lower->rank >= place->rank && lower->due_wall_ns == 0 && place->due_wall_ns == 0);
}

/* Q6: of one producer, first deliveries are in order. */
static void
s_check_order (sim_checker_t *self, const sim_place_t *place)
{
    const sim_message_t *message = sim_message (self, place->number);
    if (place->unordered || message->id == 0 || place->deliveries > 0) {
        return;
    }
    sim_books_t *books = &self->flows[place->flow];
    /* Of a keyed flow: of one producer and key. */
    const uint64_t who = (message->producer + 1) * 256 + (uint64_t) message->key[1];
    const uint64_t last = (uint64_t) (uintptr_t) zloom_idmap_get (books->first_ids, who);
    if (message->id <= last) {
        sim_fail (self->ground, "Q6: %s delivers p%u's %" PRIu64 " after its %" PRIu64,
                  sim_flow_name (place->flow), message->producer, message->id, last);
    }
    zloom_idmap_put (books->first_ids, who, (void *) (uintptr_t) message->id);
}

const zloom_hosted_t *
sim_hosted (const sim_checker_t *self, sim_flow_t flow)
{
    return self->engine ? zloom_engine_flow (self->engine, zloom_bytes_text (sim_flow_name (flow)))
                        : NULL;
}

bool
sim_place_ran_out (const sim_checker_t *self, const sim_place_t *place)
{
    return place->released && place->started && place->deadline_ns <= self->ground->mono_ns;
}

/*
 * Whether it can be handed out at once: nobody may have charged it with a failure, so it neither
 * waits for its retry nor is it suspect.
 */
static bool
s_may_go (const sim_checker_t *self, const sim_place_t *place)
{
    return place->left == SIM_THERE && place->bad_ends == 0 && !place->rejected &&
           !sim_place_ran_out (self, place) &&
           (!self->flows[place->flow].disk || place->group <= sim_durable (self));
}

/* Q6: what is ready goes in the order of its coming, what came back before what is later. */
static void
s_check_before (sim_checker_t *self, const sim_place_t *place)
{
    sim_books_t *books = &self->flows[place->flow];
    const zloom_hosted_t *hosted = sim_hosted (self, place->flow);
    while (books->first_there < books->count &&
           books->places[books->first_there]->left != SIM_THERE) {
        books->first_there++;
    }
    if (!hosted || place->bad_ends > 0 || books->first_there == books->count) {
        return;
    }
    zloom_range_t run;
    for (uint64_t from = books->places[books->first_there]->seq;
         from < place->seq && hosted->pattern->next_free (hosted->core, from, &run) &&
         run.first < place->seq;
         from = run.last + 1) {
        for (uint64_t seq = run.first; seq <= run.last && seq < place->seq; seq++) {
            const sim_place_t *lower = sim_place (self, place->flow, seq);
            if (lower && s_may_go (self, lower) && s_goes_before (lower, place)) {
                sim_fail (self->ground, "Q6: %s delivers %" PRIu64 " while %" PRIu64 " is ready",
                          sim_flow_name (place->flow), place->seq, seq);
                return;
            }
        }
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

bool
sim_place_expired (const sim_checker_t *self, const sim_place_t *place)
{
    return place->expires_wall_ns > 0 &&
           (place->expires_wall_ns <= sim_now (self->ground).wall_ns ||
            place->stored_offset_ns != self->ground->wall_offset_ns);
}

bool
sim_orders_drop (const sim_checker_t *self)
{
    const zloom_hosted_t *orders = sim_hosted (self, SIM_ORDERS);
    return orders && orders->config.on_full == ZLOOM_ON_FULL_DROP_OLDEST;
}

bool
sim_place_moves (const sim_place_t *place, const zloom_hosted_t *hosted)
{
    zloom_whereabouts_t where;
    hosted->pattern->place (hosted->core, place->seq, &where);
    return where.place == ZLOOM_PLACE_MOVES;
}

/* It has overflowed, by the router's own word, which has to stay. */
static bool
s_overflowed (const sim_checker_t *self, const sim_place_t *place)
{
    return sim_orders_drop (self) && sim_place_moves (place, sim_hosted (self, place->flow));
}

/* It may be on its way to the dead letters: its key need not wait until it has arrived. */
static bool
s_may_die (const sim_checker_t *self, const sim_place_t *place)
{
    return place->rejected || (!place->leased && sim_place_expired (self, place)) ||
           (place->bad_ends >= SIM_ORDERS_FAILURES && self->order != ZLOOM_ORDER_STRICT);
}

/* The next earlier message of the key that is not settled, from *index on; NULL: none. */
static const sim_place_t *
s_earlier (const sim_checker_t *self, const sim_place_t *place, size_t *index)
{
    const sim_books_t *books = &self->flows[place->flow];
    const char *key = sim_place_key (self, place);
    for (; key && *index < books->count && books->places[*index]->seq < place->seq; ++*index) {
        const sim_place_t *other = books->places[*index];
        if (other->left == SIM_THERE && !s_may_die (self, other) && !s_overflowed (self, other) &&
            strcmp (sim_place_key (self, other), key) == 0) {
            ++*index;
            return other;
        }
    }
    return NULL;
}

/*
 * What has expired is not waited for; the next boot, by an earlier clock, may find it ready. Nor is
 * what has overflowed, and no boot may find that ready.
 */
static void
s_pass (const sim_checker_t *self, const sim_place_t *place)
{
    const sim_books_t *books = &self->flows[place->flow];
    const char *key = sim_place_key (self, place);
    for (size_t i = books->first_there; i < books->count && books->places[i]->seq < place->seq;
         i++) {
        sim_place_t *other = books->places[i];
        if (other->left != SIM_THERE || other->leased ||
            strcmp (sim_place_key (self, other), key) != 0) {
            continue;
        }
        other->passed |= sim_place_expired (self, other);
        if (!other->overtaken && !s_may_die (self, other) && s_overflowed (self, other)) {
            other->overtaken = zloom_journal_group (self->engine->disk.journal);
        }
    }
}

/* Q6: where keys are parked, nothing goes behind a dead letter of its key. */
static void
s_check_parked (sim_checker_t *self, const sim_place_t *place)
{
    const sim_books_t *books = &self->flows[place->flow];
    const char *key = sim_place_key (self, place);
    for (size_t i = 0; self->order == ZLOOM_ORDER_PARK && !self->freed && i < books->count &&
                       books->places[i]->seq < place->seq;
         i++) {
        const sim_place_t *other = books->places[i];
        if (other->left == ZLOOM_REASON_MOVED && !other->unfailed &&
            strcmp (sim_place_key (self, other), key) == 0) {
            sim_fail (self->ground,
                      "Q6: %s delivers %" PRIu64 " of key %s, which is parked behind %" PRIu64,
                      sim_flow_name (place->flow), place->seq, key, other->seq);
        }
    }
}

/* Q6: a key is one consumer's at a time. */
static void
s_check_key (sim_checker_t *self, const sim_place_t *place, zloom_route_t route)
{
    const sim_place_t *earlier;
    for (size_t i = self->flows[place->flow].first_there;
         (earlier = s_earlier (self, place, &i));) {
        if (!earlier->leased || earlier->route != route) {
            sim_fail (self->ground,
                      "Q6: %s delivers %" PRIu64 " of key %s to route %" PRIu64 " while %" PRIu64
                      " is %s",
                      sim_flow_name (place->flow), place->seq, sim_place_key (self, place),
                      (uint64_t) route, earlier->seq,
                      earlier->leased ? "with another consumer" : "not settled");
        }
    }
}

/*
 * What was settled before a crash that took the settlement along was worked on in order; who holds
 * the next one may settle it before that settlement is said again.
 */
void
sim_order_acked (sim_checker_t *self, const sim_place_t *place)
{
    size_t i = 0;
    const sim_place_t *earlier = s_earlier (self, place, &i);
    while (earlier && earlier->back) {
        earlier = s_earlier (self, place, &i);
    }
    if (earlier) {
        sim_fail (self->ground, "Q6: %s takes the ack of %" PRIu64 " of key %s before %" PRIu64,
                  sim_flow_name (place->flow), place->seq, sim_place_key (self, place),
                  earlier->seq);
    }
}

bool
sim_order_recalls (const sim_checker_t *self, const sim_place_t *place)
{
    const sim_books_t *books = &self->flows[place->flow];
    const char *key = sim_place_key (self, place);
    for (size_t i = 0; key && i < books->count && books->places[i]->seq < place->seq; i++) {
        const sim_place_t *other = books->places[i];
        if (strcmp (sim_place_key (self, other), key) == 0 &&
            (other->left == ZLOOM_REASON_MOVED ||
             (other->left == SIM_THERE &&
              (!other->leased || other->deadline_ns <= self->ground->mono_ns ||
               other->route != place->route)))) {
            return true;
        }
    }
    return false;
}

/* ---- time, priority, ids --------------------------------------------------------------------- */

static void
s_check_time (sim_checker_t *self, const sim_place_t *place)
{
    const zloom_now_t now = sim_now (self->ground);
    const bool jumped = place->stored_offset_ns != self->ground->wall_offset_ns;
    if (place->due_wall_ns > now.wall_ns && !jumped) {
        sim_fail (self->ground, "Q6: %s delivers %" PRIu64 ", which is due in %" PRId64 " ms",
                  sim_flow_name (place->flow), place->seq,
                  (place->due_wall_ns - now.wall_ns) / SIM_MS);
    }
    if (place->expires_wall_ns > 0 && place->expires_wall_ns <= now.wall_ns) {
        sim_fail (self->ground, "Q6: %s delivers %" PRIu64 ", which expired %" PRId64 " ms ago",
                  sim_flow_name (place->flow), place->seq,
                  (now.wall_ns - place->expires_wall_ns) / SIM_MS);
    }
}

/* Higher priorities first: nothing of a higher one was ready. */
static void
s_check_rank (sim_checker_t *self, const sim_place_t *place)
{
    const zloom_hosted_t *hosted = sim_hosted (self, place->flow);
    const sim_books_t *books = &self->flows[place->flow];
    for (size_t i = books->first_there; hosted && place->bad_ends == 0 && i < books->count; i++) {
        const sim_place_t *other = books->places[i];
        zloom_range_t run;
        if (other->rank > place->rank && s_may_go (self, other) && other->due_wall_ns == 0 &&
            other->expires_wall_ns == 0 &&
            hosted->pattern->next_free (hosted->core, other->seq, &run) &&
            run.first == other->seq) {
            sim_fail (self->ground,
                      "Q6: %s delivers %" PRIu64 " of priority %u while %" PRIu64
                      " of priority %u is ready",
                      sim_flow_name (place->flow), place->seq, place->rank, other->seq,
                      other->rank);
        }
    }
}

void
sim_order_delivered (sim_checker_t *self, const sim_place_t *place, zloom_route_t route)
{
    if (place->flow == SIM_TIMED) {
        s_check_before (self, place);
        s_check_time (self, place);
        s_check_rank (self, place);
        return;
    }
    s_check_order (self, place);
    if (sim_place_key (self, place)) {
        s_check_key (self, place, route);
        s_check_time (self, place);
        s_check_parked (self, place);
        s_pass (self, place);
    } else {
        s_check_before (self, place);
    }
}

/* What an id said lately is not stored again. A clock that jumped may have been past that. */
void
sim_order_stored (sim_checker_t *self, const sim_place_t *place)
{
    const sim_message_t *message = sim_message (self, place->number);
    const sim_books_t *books = &self->flows[SIM_ONCE];
    for (size_t i = 0; place->flow == SIM_ONCE && message->own_id[0] && i < books->count; i++) {
        const sim_place_t *other = books->places[i];
        const int64_t ago_ns = place->stored_wall_ns - other->stored_wall_ns;
        if (strcmp (sim_message (self, other->number)->own_id, message->own_id) == 0 &&
            ago_ns >= 0 && ago_ns < SIM_WINDOW_NS && other->left != ZLOOM_REASON_LOST &&
            other->stored_offset_ns == place->stored_offset_ns) {
            sim_fail (self->ground,
                      "Q1: once stores id %s as %" PRIu64 ", and as %" PRIu64 " %" PRId64
                      " ms before",
                      message->own_id, place->seq, other->seq, ago_ns / SIM_MS);
        }
    }
}

/*
 * It was confirmed and not stored, since its id had been said: within the window before it was
 * heard, as long as no clock has jumped in between.
 */
void
sim_order_swallowed (sim_checker_t *self, const sim_message_t *message)
{
    const sim_books_t *books = &self->flows[SIM_ONCE];
    const int64_t offset_ns = self->ground->wall_offset_ns;
    for (size_t i = 0; i < books->count; i++) {
        const sim_place_t *other = books->places[i];
        const int64_t stored_ns = other->stored_wall_ns - other->stored_offset_ns;
        if (strcmp (sim_message (self, other->number)->own_id, message->own_id) == 0 &&
            (other->stored_offset_ns != offset_ns ||
             stored_ns + SIM_WINDOW_NS >= message->heard_ns)) {
            return;
        }
    }
    sim_fail (self->ground, "Q1: id %s is taken as said, and was not within the window",
              message->own_id);
}
