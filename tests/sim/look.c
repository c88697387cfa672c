/* SPDX-License-Identifier: MPL-2.0 */
/*
 * look.c - where is every message? A look says for each place whether it is there, left, or is
 * nowhere: as this history has it, or as an engine has found it on the disk. The census and the
 * books are held against the last look.
 */
#include "history.h"
#include "patterns/queue/queue.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- looking --------------------------------------------------------------------------------- */

void
sim_look_told (sim_checker_t *self)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            self->flows[f].places[i]->now = self->flows[f].places[i]->left;
        }
    }
}

static void
s_judge (sim_checker_t *self, const sim_place_t *place, uint64_t durable)
{
    const char *flow = sim_flow_name (place->flow);
    if (place->now == SIM_NOWHERE && place->group <= durable) {
        sim_fail (self->ground, "Q1: %s lost %" PRIu64 ", which was durable with group %" PRIu64,
                  flow, place->seq, place->group);
    } else if (place->now == ZLOOM_REASON_LOST && place->left == SIM_THERE) {
        sim_fail (self->ground, "Q1: %" PRIu64 " vanished from %s", place->seq, flow);
    } else if (place->now == SIM_THERE && place->left != SIM_THERE &&
               (place->left_group <= durable || place->told_gone)) {
        sim_fail (self->ground, "Q4: %" PRIu64 " is in %s again, its settlement was durable",
                  place->seq, flow);
    }
}

/* Q6: what has overflowed while later ones of its key went is not worked on behind them. */
static void
s_judge_overtaken (sim_checker_t *self, const sim_place_t *place, const zloom_hosted_t *hosted,
                   uint64_t durable)
{
    if (place->now == SIM_THERE && place->overtaken && place->overtaken <= durable &&
        !sim_place_moves (place, hosted)) {
        sim_fail (self->ground,
                  "Q6: %" PRIu64 " is ready in %s again, a later one of its key went when it had "
                  "overflowed",
                  place->seq, sim_flow_name (place->flow));
    }
}

static void
s_look_flow (sim_checker_t *self, sim_flow_t flow, const zloom_hosted_t *hosted, uint64_t durable)
{
    const sim_books_t *books = &self->flows[flow];
    const uint64_t end = hosted->pattern->next_seq (hosted->core);
    for (size_t i = 0; i < books->count; i++) {
        sim_place_t *place = books->places[i];
        zloom_range_t run;
        if (place->seq >= end) {
            place->now = SIM_NOWHERE;
        } else if (hosted->pattern->next_live (hosted->core, place->seq, place->seq, &run)) {
            place->now = SIM_THERE;
        } else {
            place->now = place->left != SIM_THERE ? place->left : (uint8_t) ZLOOM_REASON_LOST;
        }
        if (!self->excused) {
            s_judge (self, place, durable);
            s_judge_overtaken (self, place, hosted, durable);
        }
    }
}

/* The highest id of a producer that a flow calls taken. */
static uint64_t
s_high (const zloom_hosted_t *hosted, uint32_t producer)
{
    char name[16];
    uint64_t high = 0;
    zloom_bytes_t mark;
    snprintf (name, sizeof name, "p%u", producer);
    return hosted->pattern->producer (hosted->core, zloom_bytes_text (name), &high, &mark, NULL)
             ? high
             : 0;
}

void
sim_look_ids (sim_checker_t *self, const zloom_engine_t *engine)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        const zloom_hosted_t *hosted =
          zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name ((sim_flow_t) f)));
        for (uint32_t p = 0; p < SIM_PRODUCERS; p++) {
            self->flows[f].highs[p] = hosted ? s_high (hosted, p) : 0;
        }
    }
}

/* What it knows of producers: nothing that was told is forgotten, nothing is skipped in silence. */
static void
s_look_producers (sim_checker_t *self, const zloom_hosted_t *const *hosted)
{
    uint64_t highs[SIM_FLOWS][SIM_PRODUCERS] = {0};
    for (int f = 0; f < SIM_JUNK; f++) {
        for (uint32_t p = 0; hosted[f] && p < SIM_PRODUCERS; p++) {
            highs[f][p] = s_high (hosted[f], p);
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        sim_message_t *message = &self->messages[i];
        const bool asked =
          message->id > 0 && message->producer < SIM_PRODUCERS && hosted[message->flow];
        message->known = asked && highs[message->flow][message->producer] >= message->id;
        if (asked && message->told && !message->excused && !message->known) {
            sim_fail (self->ground, "Q1: p%u's %" PRIu64 " was confirmed and may come again",
                      message->producer, message->id);
        }
    }
}

void
sim_look_found (sim_checker_t *self, const zloom_engine_t *engine)
{
    const zloom_hosted_t *hosted[SIM_FLOWS] = {NULL};
    const uint64_t durable =
      self->engine && self->engine != engine ? sim_durable (self) : self->stopped_durable;
    for (int f = 0; f < SIM_JUNK; f++) {
        if (self->flows[f].disk) {
            hosted[f] =
              zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name ((sim_flow_t) f)));
        }
        if (hosted[f]) {
            s_look_flow (self, (sim_flow_t) f, hosted[f], durable);
        }
    }
    s_look_producers (self, hosted);
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
            message->live += place->now == SIM_THERE;
            message->ended += place->now != SIM_THERE && place->now != SIM_NOWHERE &&
                              place->now != ZLOOM_REASON_MOVED && place->now != SIM_REQUEUED;
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
    return place->now == ZLOOM_REASON_ACKED && acks > 0;
}

/* The effects of steps: there exactly if the input was settled by the step. */
static void
s_check_steps (sim_checker_t *self)
{
    const sim_books_t *orders = &self->flows[SIM_ORDERS];
    for (size_t i = 0; i < orders->count; i++) {
        const sim_place_t *place = orders->places[i];
        const sim_message_t *message = sim_message (self, place->number);
        if (message->excused || place->now == ZLOOM_REASON_MOVED || place->now == SIM_NOWHERE) {
            continue;
        }
        if (message->emits > 1 || (message->emits == 1 && place->now != ZLOOM_REASON_ACKED) ||
            (s_by_step (place) && message->emits == 0)) {
            sim_fail (self->ground,
                      "steps: order %" PRIu64 " (left for %u) has its effect %u times",
                      place->number, place->now, message->emits);
        }
    }
}

void
sim_census (sim_checker_t *self, bool with_memory)
{
    s_count_places (self);
    for (size_t i = 0; i < self->count; i++) {
        const sim_message_t *message = &self->messages[i];
        const uint32_t places = message->live + message->ended;
        if (message->excused || message->flow == SIM_JUNK ||
            (!with_memory && !self->flows[message->flow].disk)) {
            continue;
        }
        if (places > 1) {
            sim_fail (self->ground, "Q1: message %zu is there %u times and left %u times", i + 1,
                      message->live, message->ended);
        }
        if (places == 0 && message->flow == SIM_ONCE && sim_twin (self, message)) {
            continue; /* its id was there */
        }
        if (message->told && places == 0) {
            sim_fail (self->ground, "Q1: message %zu was confirmed and is nowhere", i + 1);
        }
        if (message->known && !message->never && places == 0) {
            sim_fail (self->ground, "Q1: message %zu counts as taken and is nowhere", i + 1);
        }
        if (message->never && places > 0) {
            sim_fail (self->ground, "Q3: message %zu is there although it %s", i + 1,
                      message->never);
        }
    }
    s_check_steps (self);
}

/* ---- books ----------------------------------------------------------------------------------- */

/* Why messages left, as the flow counts it and as the places say. */
static void
s_check_reasons (sim_checker_t *self, sim_flow_t flow, const zloom_flow_stats_t *stats)
{
    const uint64_t said[SIM_REASONS] = {
      [ZLOOM_REASON_ACKED] = stats->acked,   [ZLOOM_REASON_EXPIRED] = stats->expired,
      [ZLOOM_REASON_PURGED] = stats->purged, [ZLOOM_REASON_DROPPED] = stats->dropped,
      [ZLOOM_REASON_MOVED] = stats->dead,    [ZLOOM_REASON_LOST] = stats->lost,
      [SIM_REQUEUED] = stats->requeued,
    };
    uint64_t seen[SIM_REASONS] = {0};
    for (size_t i = 0; i < self->flows[flow].count; i++) {
        const uint8_t now = self->flows[flow].places[i]->now;
        seen[now < SIM_REASONS ? now : SIM_THERE]++;
    }
    for (int reason = 1; reason < SIM_REASONS; reason++) {
        if (said[reason] != seen[reason]) {
            sim_fail (self->ground,
                      "Q9: %s says that %" PRIu64 " messages left for reason %d, it should be "
                      "%" PRIu64,
                      sim_flow_name (flow), said[reason], reason, seen[reason]);
        }
    }
}

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
    if (flow == SIM_JUNK) {
        return;
    }
    uint64_t live = 0;
    for (size_t i = 0; i < self->flows[flow].count; i++) {
        live += self->flows[flow].places[i]->now == SIM_THERE;
    }
    if (live != there) {
        sim_fail (self->ground, "Q9: %s says %" PRIu64 " messages are there, it should be %" PRIu64,
                  sim_flow_name (flow), there, live);
    }
    if (!self->flows[flow].odd) {
        s_check_reasons (self, flow, &stats);
    }
}

void
sim_check_books (sim_checker_t *self, const zloom_engine_t *engine, bool with_memory)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        const zloom_hosted_t *hosted =
          zloom_engine_flow (engine, zloom_bytes_text (sim_flow_name ((sim_flow_t) f)));
        if (hosted && (with_memory || self->flows[f].disk)) {
            s_check_flow (self, (sim_flow_t) f, hosted);
        }
    }
}
