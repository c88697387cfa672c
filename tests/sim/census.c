/* SPDX-License-Identifier: MPL-2.0 */
/* census.c - between lives, at quiet points and in the end: where is every message? */
#include "history.h"
#include "patterns/queue/queue.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- lives ----------------------------------------------------------------------------------- */

static void
s_forget_place (sim_books_t *books, size_t index)
{
    sim_place_t *place = books->places[index];
    zloom_idmap_remove (books->by_seq, place->seq);
    sim_place_free (place);
}

/* What the router found again in one flow, held against what it had. */
static void
s_reopen_flow (sim_checker_t *self, sim_flow_t flow, const zloom_hosted_t *hosted)
{
    sim_books_t *books = &self->flows[flow];
    const uint64_t end = hosted->pattern->next_seq (hosted->core);
    const uint64_t durable = self->excused ? 0 : self->stopped_durable;
    size_t kept = 0;
    for (size_t i = 0; i < books->count; i++) {
        sim_place_t *place = books->places[i];
        zloom_range_t run;
        if (place->seq >= end) {
            if (place->group <= durable) {
                sim_fail (self->ground,
                          "Q1: %s lost %" PRIu64 ", which was durable with group %" PRIu64,
                          sim_flow_name (flow), place->seq, place->group);
            }
            s_forget_place (books, i);
            continue;
        }
        const bool live = hosted->pattern->next_live (hosted->core, place->seq, place->seq, &run);
        if (!live && !place->left) {
            if (!self->excused) {
                sim_fail (self->ground, "Q1: %" PRIu64 " vanished from %s", place->seq,
                          sim_flow_name (flow));
            }
            place->left = ZLOOM_REASON_LOST;
        } else if (live && place->left) {
            if (!self->excused && (place->left_group <= durable || place->told_gone)) {
                sim_fail (self->ground,
                          "Q4: %" PRIu64 " is in %s again, its settlement was durable", place->seq,
                          sim_flow_name (flow));
            }
            sim_trace (self->ground, "  is back", flow, place->seq, place->left);
            place->left = 0;
            place->unordered = true;
            place->told_gone = false;
        }
        place->leased = false;
        if (!place->left) {
            place->ask_count = 0;
        }
        books->places[kept++] = place;
    }
    books->count = kept;
}

static void
s_forget_flow (sim_checker_t *self, sim_flow_t flow)
{
    sim_books_t *books = &self->flows[flow];
    for (size_t i = 0; i < books->count; i++) {
        s_forget_place (books, i);
    }
    books->count = 0;
    zloom_idmap_destroy (&books->first_ids);
    books->first_ids = zloom_idmap_new ();
    for (size_t i = 0; i < self->count; i++) {
        self->messages[i].excused |= self->messages[i].flow == flow;
    }
}

void
sim_checker_opened (sim_checker_t *self, zloom_engine_t *engine)
{
    self->engine = engine;
    self->boot = zloom_journal_boot (engine->disk.journal).random;
    self->counts.lives++;
    for (int f = 0; f < SIM_FLOWS; f++) {
        const sim_flow_t flow = (sim_flow_t) f;
        const zloom_hosted_t *hosted =
          zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name (flow)));
        if (!hosted) {
            continue; /* not of this world */
        }
        self->flows[f].number = hosted->number;
        if (!self->flows[f].disk) {
            s_forget_flow (self, flow);
        } else if (flow != SIM_JUNK) {
            s_reopen_flow (self, flow, hosted);
        }
    }
    for (size_t i = 0; self->excused && i < self->count; i++) {
        self->messages[i].excused = true;
    }
    sim_checker_census (self);
    self->excused = false;
}

void
sim_checker_stopped (sim_checker_t *self, uint64_t durable)
{
    self->engine = NULL;
    self->stopped_durable = durable;
}

void
sim_checker_excuse (sim_checker_t *self)
{
    self->excused = true;
    for (int f = 0; f < SIM_FLOWS; f++) {
        zloom_idmap_destroy (&self->flows[f].first_ids);
        self->flows[f].first_ids = zloom_idmap_new ();
    }
}

/* ---- the census ------------------------------------------------------------------------------ */

static void
s_count_places (sim_checker_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->messages[i].live = self->messages[i].ended = self->messages[i].emits = 0;
    }
    for (int f = 0; f < SIM_FLOWS; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            const sim_place_t *place = self->flows[f].places[i];
            sim_message_t *message = sim_message (self, place->number);
            message->live += place->left == 0;
            message->ended += place->left != 0 && place->left != ZLOOM_REASON_MOVED;
        }
    }
    self->counts.emitted = 0;
    for (size_t i = 0; i < self->count; i++) {
        const sim_message_t *message = &self->messages[i];
        sim_message_t *source = sim_message (self, message->source);
        if (source) {
            source->emits += message->live + message->ended;
            self->counts.emitted += message->live + message->ended;
        }
    }
}

/* It was settled by a step for sure: nobody who may have held it asked for less. */
static bool
s_by_step (const sim_place_t *place)
{
    size_t acks = 0;
    for (size_t i = 0; i < place->ask_count; i++) {
        if (place->asks[i].verdict == ZLOOM_VERDICT_ACK && !place->asks[i].step) {
            return false;
        }
        acks += place->asks[i].verdict == ZLOOM_VERDICT_ACK;
    }
    return place->left == ZLOOM_REASON_ACKED && acks > 0;
}

/* The effects of steps: there exactly if the input was settled by the step. */
static void
s_check_steps (sim_checker_t *self)
{
    const sim_books_t *orders = &self->flows[SIM_ORDERS];
    for (size_t i = 0; i < orders->count; i++) {
        const sim_place_t *place = orders->places[i];
        const sim_message_t *message = sim_message (self, place->number);
        if (message->excused || place->left == ZLOOM_REASON_MOVED) {
            continue;
        }
        if (message->emits > 1 || (message->emits == 1 && place->left != ZLOOM_REASON_ACKED) ||
            (s_by_step (place) && message->emits == 0)) {
            sim_fail (self->ground,
                      "steps: order %" PRIu64 " (left for %u) has its effect %u times",
                      place->number, place->left, message->emits);
        }
    }
}

void
sim_checker_census (sim_checker_t *self)
{
    s_count_places (self);
    for (size_t i = 0; i < self->count; i++) {
        const sim_message_t *message = &self->messages[i];
        const uint32_t places = message->live + message->ended;
        if (message->excused || message->flow == SIM_JUNK) {
            continue;
        }
        if (places > 1) {
            sim_fail (self->ground, "Q1: message %zu is there %u times and left %u times", i + 1,
                      message->live, message->ended);
        }
        if (message->told && places == 0) {
            sim_fail (self->ground, "Q1: message %zu was confirmed and is nowhere", i + 1);
        }
        if (message->never && places > 0) {
            sim_fail (self->ground, "Q3: message %zu is there although it %s", i + 1,
                      message->never);
        }
    }
    s_check_steps (self);
}

/* ---- books ----------------------------------------------------------------------------------- */

/* Q9 */
static void
s_check_flow (sim_checker_t *self, sim_flow_t flow, const zloom_hosted_t *hosted)
{
    zloom_flow_stats_t stats = {0};
    hosted->pattern->stats (hosted->core, sim_now (self->ground), &stats);
    const uint64_t there = stats.ready + stats.leased + stats.waiting + stats.moving;
    const uint64_t left = stats.acked + stats.dead + stats.requeued + stats.expired + stats.purged +
                          stats.dropped + stats.lost;
    if (stats.appended != there + left || !zloom_queue_check (hosted->core)) {
        sim_fail (self->ground, "Q9: %s took in %" PRIu64 ", has %" PRIu64 ", let go %" PRIu64,
                  sim_flow_name (flow), stats.appended, there, left);
    }
    uint64_t live = 0;
    for (size_t i = 0; i < self->flows[flow].count; i++) {
        live += self->flows[flow].places[i]->left == 0;
    }
    if (flow != SIM_JUNK && live != there) {
        sim_fail (self->ground, "Q9: %s says %" PRIu64 " messages are there, it should be %" PRIu64,
                  sim_flow_name (flow), there, live);
    }
}

void
sim_checker_books (sim_checker_t *self, zloom_engine_t *engine)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        const zloom_hosted_t *hosted =
          zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name ((sim_flow_t) f)));
        if (hosted) {
            s_check_flow (self, (sim_flow_t) f, hosted);
        }
    }
}

bool
sim_checker_drained (const sim_checker_t *self)
{
    for (int f = 0; f < SIM_JUNK; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            if (self->flows[f].places[i]->left == 0) {
                return false;
            }
        }
    }
    return true;
}

void
sim_checker_finish (sim_checker_t *self, zloom_engine_t *engine)
{
    sim_checker_census (self);
    sim_checker_books (self, engine);
    for (size_t i = 0; i < self->count; i++) {
        const sim_message_t *message = &self->messages[i];
        if (message->told && !message->excused && message->ended != 1) {
            sim_fail (self->ground, "Q1: confirmed message %zu ended %u times", i + 1,
                      message->ended);
        }
    }
}
