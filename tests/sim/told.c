/* SPDX-License-Identifier: MPL-2.0 */
/* told.c - what the router says while it lives, held against what checker.c knows. */
#include "base/memory.h"
#include "history.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- senders --------------------------------------------------------------------------------- */

void
sim_checker_heard (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t producer, uint64_t first_id,
                   uint32_t n)
{
    const uint32_t who = sim_peer_named (producer);
    for (size_t i = self->count; i > 0 && flow < SIM_JUNK; i--) {
        sim_message_t *message = &self->messages[i - 1];
        if (message->producer == who && message->flow == flow && message->id >= first_id &&
            message->id - first_id < n && message->heard_ns == 0) {
            message->heard_ns = self->ground->mono_ns;
        } else if (message->producer == who && message->flow == flow && message->id != 0 &&
                   message->id < first_id) {
            break;
        }
    }
}

void
sim_checker_confirmed (sim_checker_t *self, sim_flow_t flow, zloom_bytes_t producer, uint64_t id)
{
    const uint32_t who = sim_peer_named (producer);
    if (flow >= SIM_JUNK || who == UINT32_MAX) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        sim_message_t *message = &self->messages[i];
        if (message->producer != who || message->flow != flow || message->id == 0 ||
            message->id > id || message->told || message->never || message->excused) {
            continue;
        }
        const sim_place_t *place = sim_last_place (self, flow, i + 1);
        if (!place && flow == SIM_ONCE && message->own_id[0]) {
            place = sim_twin (self, message);
            sim_order_swallowed (self, message);
        }
        if (!place) {
            sim_fail (self->ground, "Q1: message %zu is confirmed, and stands nowhere", i + 1);
        } else if (self->flows[flow].disk && place->group > sim_durable (self)) {
            sim_fail (self->ground, "message %zu is confirmed before it is durable", i + 1);
        }
        message->told = true;
        const int64_t took_ns = self->ground->mono_ns - message->heard_ns;
        if (flow == SIM_ORDERS && message->heard_ns > 0 && took_ns > self->counts.slowest_ns) {
            self->counts.slowest_ns = took_ns;
        }
        self->counts.told++;
    }
}

/* ---- consumers ------------------------------------------------------------------------------- */

static void
s_check_lease (sim_checker_t *self, sim_place_t *place, zloom_route_t route)
{
    if (place->leased && place->deadline_ns > self->ground->mono_ns) {
        sim_fail (self->ground,
                  "Q8: %s gives %" PRIu64 " to route %" PRIu64 " while route %" PRIu64
                  " holds it for another %" PRId64 " ms",
                  sim_flow_name (place->flow), place->seq, (uint64_t) route,
                  (uint64_t) place->route, (place->deadline_ns - self->ground->mono_ns) / SIM_MS);
    }
    if ((place->leased && place->started) || sim_place_ran_out (self, place)) {
        place->bad_ends++;
    }
}

/* Q7: what failed often enough is dead, what waits for its retry waits. */
static void
s_check_failures (sim_checker_t *self, sim_place_t *place, uint32_t failures)
{
    if (failures < place->failures || failures > place->bad_ends) {
        sim_fail (
          self->ground, "Q7: %s says that %" PRIu64 " failed %u times, it was %u to %u times",
          sim_flow_name (place->flow), place->seq, failures, place->failures, place->bad_ends);
    }
    if (place->flow == SIM_ORDERS && self->order != ZLOOM_ORDER_STRICT &&
        place->failures >= SIM_ORDERS_FAILURES) {
        sim_fail (self->ground, "Q7: %s delivers %" PRIu64 ", which failed %u times",
                  sim_flow_name (place->flow), place->seq, place->failures);
    }
    if (place->wait_ns > self->ground->mono_ns && !(self->freed && place->flow == SIM_ORDERS) &&
        place->wall_ns == self->ground->wall_offset_ns) {
        sim_fail (self->ground, "Q7: %s delivers %" PRIu64 " %" PRId64 " us too early",
                  sim_flow_name (place->flow), place->seq,
                  (place->wait_ns - self->ground->mono_ns) / 1000);
    }
    place->wait_ns = 0;
}

void
sim_checker_delivered (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                       zloom_route_t route, zloom_bytes_t envelope, uint32_t failures)
{
    if (flow >= SIM_JUNK) {
        return;
    }
    sim_place_t *place = sim_place (self, flow, seq);
    zloom_envelope_t opened;
    const bool whole = zloom_envelope_decode (envelope, &opened) == ZLOOM_OK;
    const uint64_t number = whole ? sim_body_number (self, opened.body) : 0;
    if (!place || number != place->number) {
        sim_fail (self->ground, "Q2: %s delivers as %" PRIu64 " what was not stored there",
                  sim_flow_name (flow), seq);
        return;
    }
    if (place->told_gone || place->left) {
        sim_fail (self->ground, "Q4: %s delivers %" PRIu64 ", which is settled",
                  sim_flow_name (flow), seq);
    }
    if (self->flows[flow].disk && place->group > sim_durable (self)) {
        sim_fail (self->ground, "%s delivers %" PRIu64 " before it is durable",
                  sim_flow_name (flow), seq);
    }
    s_check_lease (self, place, route);
    sim_order_delivered (self, place, route);
    s_check_failures (self, place, failures);
    self->boot = token.boot;
    self->counts.delivered++;
    self->counts.redelivered += place->deliveries > 0;
    place->deliveries++;
    place->leased = true;
    place->started = place->released = false;
    place->token = token;
    place->route = route;
    place->deadline_ns = self->ground->mono_ns + SIM_LEASE_NS;
}

static bool
s_knows_boot (const sim_checker_t *self, uint64_t boot)
{
    for (size_t i = 0; i < self->boot_count; i++) {
        if (self->boots[i] == boot) {
            return true;
        }
    }
    return false;
}

/* From when on it may come again, at the earliest. */
static int64_t
s_back_ns (const sim_checker_t *self, const sim_place_t *place, int64_t delay_ms)
{
    static const int64_t s_backoff_ns[] = SIM_BACKOFF_NS;
    const size_t last = sizeof s_backoff_ns / sizeof *s_backoff_ns - 1;
    const int64_t backoff_ns = s_backoff_ns[place->failures < last ? place->failures : last];
    return self->ground->mono_ns +
           (delay_ms == ZLOOM_DELAY_UNSET ? backoff_ns / 10 * 9 : delay_ms * SIM_MS);
}

void
sim_checker_asked (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                   zloom_route_t route, zloom_verdict_t verdict, bool step, int64_t delay_ms)
{
    sim_place_t *place = sim_place (self, flow, seq);
    if (!place || place->left) {
        return;
    }
    const bool holds =
      place->leased && sim_same_token (place->token, token) && place->route == route;
    /* Of an earlier boot that the disk knows; it may be worked on only when the lease is over. */
    const bool late = !holds && token.boot != self->boot && s_knows_boot (self, token.boot);
    if (!holds && !late) {
        return; /* a stranger's word: whatever comes of it is not on this place's account */
    }
    zloom_grow (&place->asks, &place->ask_capacity, place->ask_count + 1, sizeof *place->asks);
    place->asks[place->ask_count++] = (sim_ask_t){.token = token,
                                                  .route = route,
                                                  .verdict = verdict,
                                                  .step = step,
                                                  .late = late,
                                                  .back_ns = s_back_ns (self, place, delay_ms),
                                                  .wall_ns = self->ground->wall_offset_ns};
    const bool others = place->leased && place->deadline_ns > 0 && !holds;
    if (!others && verdict != ZLOOM_VERDICT_ACK && !step) {
        /* Whoever named it to this boot may hold it all the same, and be charged when that ends. */
        place->bad_ends += place->leased && !holds;
        place->leased = false;
        place->released |=
          holds && (verdict == ZLOOM_VERDICT_RELEASE || verdict == ZLOOM_VERDICT_REJECT);
        const bool bad = verdict == ZLOOM_VERDICT_RETRY || verdict == ZLOOM_VERDICT_CRASH;
        place->bad_ends += bad && !sim_same_token (place->bad, token);
        place->bad = bad ? token : place->bad;
        self->counts.failed += bad;
        place->rejected |= verdict == ZLOOM_VERDICT_REJECT;
    }
}

void
sim_checker_settled (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                     zloom_route_t route, zloom_err_t code)
{
    sim_place_t *place = sim_place (self, flow, seq);
    if (!place) {
        return;
    }
    const sim_ask_t *ask = sim_place_ask (place, token, route);
    if (code == ZLOOM_OK && !ask) {
        sim_fail (self->ground,
                  "Q8: %s takes a settlement of %" PRIu64 " from route %" PRIu64
                  ", who does not hold it (token %" PRIu64 " of boot %" PRIx64
                  ", the newest is %" PRIu64 " of %" PRIx64 " at route %" PRIu64 ", left for %u)",
                  sim_flow_name (flow), seq, (uint64_t) route, token.number, token.boot,
                  place->token.number, place->token.boot, (uint64_t) place->route, place->left);
        return;
    }
    const bool gone =
      code == ZLOOM_SETTLED || (code == ZLOOM_OK && ask->verdict == ZLOOM_VERDICT_ACK);
    if (gone &&
        (!place->left || (self->flows[flow].disk && place->left_group > sim_durable (self)))) {
        sim_fail (self->ground,
                  "%s says %" PRIu64 " is settled (%s) before that is durable: it left for %u with "
                  "group %" PRIu64 ", durable are %" PRIu64,
                  sim_flow_name (flow), seq, zloom_err_name (code), place->left, place->left_group,
                  sim_durable (self));
    }
    place->told_gone |= gone;
    place->released &= !sim_same_token (place->token, token) || place->route != route;
    if (code == ZLOOM_OK && ask->verdict == ZLOOM_VERDICT_RETRY) {
        place->failures++;
        place->wait_ns = ask->back_ns;
        place->wall_ns = ask->wall_ns;
    }
    self->counts.stale += code == ZLOOM_STALE;
    self->counts.late += code == ZLOOM_OK && token.boot != self->boot;
    if (code == ZLOOM_STALE && place->leased && sim_same_token (place->token, token) &&
        place->route == route && place->deadline_ns > self->ground->mono_ns &&
        !sim_order_recalls (self, place)) {
        sim_fail (self->ground, "Q8: %s refuses the holder's settlement of %" PRIu64,
                  sim_flow_name (flow), seq);
    }
}

void
sim_checker_marked (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                    zloom_route_t route, bool started, int64_t extend_ns)
{
    sim_place_t *place = sim_place (self, flow, seq);
    if (!place || !place->leased || !sim_same_token (place->token, token) ||
        place->route != route) {
        return;
    }
    /* Where the router may have let go already, nothing is claimed any more. */
    if (place->deadline_ns > self->ground->mono_ns) {
        const int64_t by_ns = extend_ns > 0 ? extend_ns : SIM_LEASE_NS;
        if (!started || !place->started) {
            place->deadline_ns = self->ground->mono_ns + by_ns;
        }
    }
    place->started |= started;
}

void
sim_checker_holding (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                     zloom_route_t route)
{
    sim_place_t *place = sim_place (self, flow, seq);
    if (place && !place->leased && token.boot != self->boot) {
        place->leased = true;
        place->token = token;
        place->route = route;
        place->deadline_ns = 0; /* may have been refused */
    }
}

void
sim_checker_stale (sim_checker_t *self, sim_flow_t flow, uint64_t seq, zloom_token_t token,
                   zloom_route_t route)
{
    sim_place_t *place = sim_place (self, flow, seq);
    self->counts.stale++;
    if (place && place->leased && place->route == route && sim_same_token (place->token, token)) {
        if (place->deadline_ns > self->ground->mono_ns && !sim_order_recalls (self, place)) {
            sim_fail (self->ground, "Q8: %s takes the lease of %" PRIu64 " away before its time",
                      sim_flow_name (flow), seq);
        }
        place->leased = false;
        place->bad_ends += place->started;
    }
}

void
sim_checker_unsaid (sim_checker_t *self, sim_flow_t flow)
{
    const zloom_hosted_t *hosted = flow < SIM_JUNK ? sim_hosted (self, flow) : NULL;
    for (size_t i = 0; hosted && i < self->flows[flow].count; i++) {
        sim_place_t *place = self->flows[flow].places[i];
        zloom_range_t run;
        if (place->left != SIM_THERE || place->leased || place->deliveries > 0) {
            continue;
        }
        place->unordered |=
          !hosted->pattern->next_free (hosted->core, place->seq, &run) || run.first > place->seq;
    }
}

void
sim_checker_doubt (sim_checker_t *self, zloom_route_t route)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        for (size_t i = 0; i < self->flows[f].count; i++) {
            sim_place_t *place = self->flows[f].places[i];
            if (place->leased && place->route == route) {
                place->deadline_ns = 0;
            }
        }
    }
}

void
sim_checker_leaves (sim_checker_t *self, sim_flow_t flow, zloom_route_t route)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        const sim_books_t *books = &self->flows[f];
        for (size_t i = 0; i < books->count && (flow == SIM_NO_FLOW || (int) flow == f); i++) {
            sim_place_t *place = books->places[i];
            if (place->leased && place->route == route) {
                place->leased = false;
                place->bad_ends += place->deadline_ns <= self->ground->mono_ns && place->started;
            }
        }
    }
}

void
sim_checker_released (sim_checker_t *self, sim_flow_t flow, zloom_route_t route, bool crashed)
{
    for (int f = 0; f < SIM_FLOWS; f++) {
        const sim_books_t *books = &self->flows[f];
        for (size_t i = 0; i < books->count && (flow == SIM_NO_FLOW || (int) flow == f); i++) {
            sim_place_t *place = books->places[i];
            if ((place->leased || place->released) && place->route == route) {
                /* That it has run out may be what it was to be told, and could not be. */
                const bool ran_out = place->deadline_ns <= self->ground->mono_ns;
                place->leased = place->released = false;
                place->bad_ends += (crashed || ran_out) && place->started;
            }
        }
    }
}
