/* SPDX-License-Identifier: MPL-2.0 */
/* census.c - between lives, at quiet points and in the end: look.c knows where every message is. */
#include "base/memory.h"
#include "history.h"

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

/* Take over what the last look found. */
static void
s_reopen_flow (sim_checker_t *self, sim_flow_t flow)
{
    sim_books_t *books = &self->flows[flow];
    size_t kept = 0;
    for (size_t i = 0; i < books->count; i++) {
        sim_place_t *place = books->places[i];
        if (place->now == SIM_NOWHERE) {
            s_forget_place (books, i);
            continue;
        }
        const bool overtaken = place->overtaken > self->stopped_durable;
        if ((place->left != SIM_THERE || place->passed || overtaken) && place->now == SIM_THERE) {
            sim_trace (self->ground, "  is back", flow, place->seq, place->left);
            place->unordered = place->back = true;
            place->told_gone = place->passed = place->unfailed = false;
            place->overtaken = overtaken ? 0 : place->overtaken;
        }
        place->left = place->now;
        place->leased = place->released = false;
        if (place->left == SIM_THERE) {
            place->ask_count = 0;
        }
        books->places[kept++] = place;
    }
    books->count = kept;
    books->first_there = 0;
}

static void
s_forget_flow (sim_checker_t *self, sim_flow_t flow)
{
    sim_books_t *books = &self->flows[flow];
    for (size_t i = 0; i < books->count; i++) {
        s_forget_place (books, i);
    }
    books->count = 0;
    books->first_there = 0;
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
    zloom_grow (&self->boots, &self->boot_capacity, self->boot_count + 1, sizeof *self->boots);
    self->boots[self->boot_count++] = self->boot;
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
        }
    }
    for (size_t i = 0; self->excused && i < self->count; i++) {
        self->messages[i].excused = true;
    }
    sim_look_found (self, engine);
    sim_look_ids (self, engine);
    sim_census (self, true);
    sim_check_books (self, engine, true);
    for (int f = 0; f < SIM_JUNK; f++) {
        if (self->flows[f].disk) {
            s_reopen_flow (self, (sim_flow_t) f);
        }
    }
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
        self->flows[f].odd = true;
        zloom_idmap_destroy (&self->flows[f].first_ids);
        self->flows[f].first_ids = zloom_idmap_new ();
    }
}

void
sim_checker_restored (sim_checker_t *self, uint64_t lives)
{
    sim_checker_excuse (self);
    self->boot_count = lives < self->boot_count ? (size_t) lives : self->boot_count;
}

/* ---- questions ------------------------------------------------------------------------------- */

void
sim_checker_books (sim_checker_t *self, zloom_engine_t *engine)
{
    sim_look_told (self);
    sim_check_books (self, engine, true);
}

void
sim_checker_found (sim_checker_t *self, const zloom_engine_t *engine)
{
    sim_look_found (self, engine);
    sim_census (self, false);
    sim_check_books (self, engine, false);
}

bool
sim_checker_can_judge (const sim_checker_t *self)
{
    return !self->excused;
}

bool
sim_checker_drained (const sim_checker_t *self)
{
    for (int f = 0; f < SIM_JUNK; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            const sim_place_t *place = self->flows[f].places[i];
            /* What leaves by itself is told to nobody: it has left when that is durable. */
            if (place->left == SIM_THERE ||
                (self->flows[f].disk && place->left_group > sim_durable (self))) {
                return false;
            }
        }
    }
    return true;
}

void
sim_checker_finish (sim_checker_t *self, zloom_engine_t *engine)
{
    sim_look_told (self);
    sim_census (self, true);
    sim_check_books (self, engine, true);
    for (size_t i = 0; i < self->count; i++) {
        const sim_message_t *message = &self->messages[i];
        if (message->ended == 0 && message->flow == SIM_ONCE && sim_twin (self, message)) {
            continue;
        }
        if (message->told && !message->excused && message->ended != 1) {
            sim_fail (self->ground, "Q1: confirmed message %zu of %s (id %s) ended %u times", i + 1,
                      sim_flow_name (message->flow), message->own_id, message->ended);
        }
    }
}
