/* SPDX-License-Identifier: MPL-2.0 */
#include "peer.h"

#include "base/memory.h"
#include "carry.h"
#include "knows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 32

struct bus_peer {
    bus_stage_t *stage;
    bus_peer_options_t options;
    zloom_client_core_t *core; /* NULL: no process */
    sim_road_t *road;
    int64_t next_ns;
    int64_t act_ns;
    int64_t hung_ns;
    int64_t reborn_ns;
    bool welcomed;
    uint32_t handle;
    uint32_t over; /* a subscription that the router ended */
    bus_ear_t ear;
    uint8_t topics[BUS_IDS]; /* a publisher's, by id: it says the same again */
    uint64_t made;
    uint8_t open[BUS_SEQS];  /* verdicts that were not answered */
    uint8_t acked[BUS_SEQS]; /* a member's: 1: said, 2: SETTLED came */
    bus_knows_t knows;
    bool struck; /* it dies with what it has just heard */
};

bus_peer_t *
bus_peer_new (bus_stage_t *stage, const bus_peer_options_t *options)
{
    bus_peer_t *self = zloom_alloc (sizeof *self);
    self->stage = stage;
    self->options = *options;
    self->reborn_ns = stage->ground->mono_ns + sim_span (stage->ground, 0, 50 * SIM_MS);
    self->next_ns = self->reborn_ns;
    return self;
}

static void
s_bury (bus_peer_t *self)
{
    zloom_client_core_destroy (&self->core);
    sim_road_leave (self->stage->net, &self->road);
    self->welcomed = false;
}

void
bus_peer_destroy (bus_peer_t **self_p)
{
    s_bury (*self_p);
    free (*self_p);
    *self_p = NULL;
}

static const char *
s_flow (const bus_peer_t *self)
{
    return self->options.flow ? self->options.flow : "events";
}

/* It is one of a group that is not durable. */
static bool
s_shares (const bus_peer_t *self)
{
    return self->options.kind == BUS_LISTENER && self->options.group;
}

/* ---- what members know ----------------------------------------------------------------------- */

/* Something with this number comes to it: of all before it has to know. */
static void
s_must_know (bus_peer_t *self, uint64_t end)
{
    if (self->stage->alone && self->options.group) {
        bus_knows_check (&self->knows, self->stage->truth, self->options.name,
                         self->options.patterns, end);
    }
}

void
bus_peer_judge (bus_peer_t *self)
{
    if (self->options.kind == BUS_MEMBER) {
        s_must_know (self, self->stage->truth->next_seq);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
s_event (void *arg, const zloom_client_event_t *event)
{
    bus_peer_t *self = arg;
    sim_ground_t *ground = self->stage->ground;
    sim_trace (ground, "event", event->type, event->code, event->seq);
    if (event->type == ZLOOM_CLIENT_WELCOME) {
        self->welcomed = true;
        self->act_ns = ground->mono_ns;
    } else if (event->type == ZLOOM_CLIENT_CONFIRMED) {
        bus_truth_confirmed (self->stage->truth, self->options.number, event->id);
    } else if (event->type == ZLOOM_CLIENT_GAP && s_shares (self)) {
        sim_trace (ground, "  pool-gap", event->seq, event->last, event->n);
        bus_knows_begin (self->stage->pool, event->seq);
        bus_knows_told (self->stage->pool, event->seq, event->last);
        bus_knows_settled (self->stage->pool);
        self->stage->truth->gaps++;
    } else if (event->type == ZLOOM_CLIENT_GAP && self->options.kind == BUS_LISTENER) {
        sim_trace (ground, "  gap", event->seq, event->last, event->n);
        bus_truth_gap (self->stage->truth, &self->ear, event->seq, event->last, event->n);
        if (self->stage->gap) {
            self->stage->gap (&self->options, event, ground);
        }
    } else if (event->type == ZLOOM_CLIENT_GAP && self->options.kind == BUS_MEMBER) {
        sim_trace (ground, "  group-gap", event->seq, event->last, event->n);
        bus_knows_told (&self->knows, event->seq, event->last);
        self->struck = !self->stage->calm && sim_once_in (ground, 4);
    } else if (event->type == ZLOOM_CLIENT_SETTLED && self->options.kind == BUS_MEMBER) {
        for (uint64_t i = 0; i < event->n && event->seq + i < BUS_SEQS; i++) {
            const uint64_t seq = event->seq + i;
            self->open[seq] = (uint8_t) (self->open[seq] > 0 ? self->open[seq] - 1 : 0);
            /* With one answer outstanding it is that of the last verdict. */
            self->acked[seq] = self->acked[seq] > 0 && self->open[seq] == 0 ? 2 : 0;
        }
    } else if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code != ZLOOM_OK &&
               self->options.on_slow != ZLOOM_ON_SLOW_DISCONNECT) {
        sim_fail (ground, "%s: its subscription is over: %s", self->options.name,
                  zloom_err_text (event->code));
    } else if (event->type == ZLOOM_CLIENT_SUBSCRIBED && event->code != ZLOOM_OK) {
        sim_trace (ground, "  ended", event->handle, self->handle, 0);
        self->over = event->handle; /* it was too slow, as it said: a new one begins anew */
    }
}

static void
s_subscribe (bus_peer_t *self)
{
    const char *patterns[8];
    char words[64];
    size_t count = 0;
    snprintf (words, sizeof words, "%s", self->options.patterns);
    for (char *at = words; *at; count++) {
        patterns[count] = at;
        while (*at && *at != ' ') {
            at++;
        }
        if (*at) {
            *at++ = '\0';
        }
    }
    const bool member = self->options.kind == BUS_MEMBER;
    const zloom_subscription_options_t options = {.flow = s_flow (self),
                                                  .group = self->options.group,
                                                  .prefetch = PREFETCH,
                                                  .patterns = member ? NULL : patterns,
                                                  .pattern_count = member ? 0 : count,
                                                  .durable = member && self->options.group,
                                                  .from = self->options.from,
                                                  .on_slow = self->options.on_slow,
                                                  .on_slow_value = self->options.on_slow_value};
    self->ear = (bus_ear_t){.name = self->options.name, .patterns = self->options.patterns};
    if (zloom_client_core_subscribe (self->core, &options, &self->handle) != ZLOOM_OK) {
        sim_fail (self->stage->ground, "%s: %s", self->options.name, zloom_note ());
    }
}

static void
s_born (bus_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    const zloom_client_flow_t flow = {.name = s_flow (self)};
    zloom_client_options_t options = {.name = self->options.name,
                                      .flows = &flow,
                                      .flow_count = self->options.kind == BUS_PUBLISHER ? 1 : 0,
                                      .window_messages = 64,
                                      .pack_messages = 16,
                                      .seed = 1 + sim_below (ground, UINT32_MAX)};
    for (size_t i = 0; i < sizeof options.nonce; i++) {
        options.nonce[i] = (uint8_t) sim_below (ground, 256);
    }
    if (zloom_client_core_new (&options, s_event, self, &self->core) != ZLOOM_OK) {
        sim_fail (ground, "%s: no core: %s", self->options.name, zloom_note ());
        return;
    }
    sim_trace (ground, "born", self->options.number, self->options.kind, 0);
    self->road = sim_net_connect (self->stage->net);
    zloom_client_core_connected (self->core, sim_now (ground));
    self->act_ns = ground->mono_ns;
    self->handle = 0;
}

/* ---- acts ------------------------------------------------------------------------------------ */

static void
s_publish (bus_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    zloom_client_flow_state_t state;
    if (self->act_ns > ground->mono_ns) {
        return;
    }
    self->act_ns = ground->mono_ns + sim_span (ground, SIM_MS, 60 * SIM_MS);
    if (!zloom_client_core_flow (self->core, s_flow (self), &state) || state.next_id == 0) {
        return;
    }
    for (uint64_t n = 1 + sim_below (ground, 20); n > 0; n--) {
        const uint64_t id = state.next_id++;
        if (id > self->options.events) {
            self->act_ns = ZLOOM_NEVER;
            return;
        }
        if (id > self->made) {
            self->made = id;
            self->topics[id] = (uint8_t) sim_below (ground, BUS_TOPICS);
        }
        char body[64];
        snprintf (body, sizeof body, "event %" PRIu64 " of %s happened", id, self->options.name);
        const zloom_envelope_t envelope = {.topic = zloom_bytes_text (bus_topics[self->topics[id]]),
                                           .body = zloom_bytes_text (body)};
        uint64_t got = 0;
        const zloom_err_t err = zloom_client_core_send (self->core, s_flow (self), &envelope,
                                                        ZLOOM_BYTES_NULL, sim_now (ground), &got);
        if (err == ZLOOM_AGAIN) {
            return;
        }
        if (err != ZLOOM_OK || got != id) {
            sim_fail (ground, "%s: send of %" PRIu64 ": %s", self->options.name, id,
                      zloom_err_text (err));
            return;
        }
    }
}

static void
s_settle (bus_peer_t *self, const zloom_message_t *message)
{
    zloom_settlement_t settlement = {
      .verdict = ZLOOM_VERDICT_ACK, .delay_ms = ZLOOM_DELAY_UNSET, .cause = {.exit = -1}};
    static const zloom_verdict_t lots[] = {ZLOOM_VERDICT_RETRY, ZLOOM_VERDICT_RELEASE};
    if (self->options.kind == BUS_MEMBER && !self->stage->calm) {
        const uint64_t lot = sim_below (self->stage->ground, 12);
        settlement.verdict = lot < 2 ? lots[lot] : ZLOOM_VERDICT_ACK;
    } else if (self->options.kind == BUS_THIEF) {
        settlement.verdict = lots[sim_below (self->stage->ground, 2)];
        if (sim_once_in (self->stage->ground, 8)) {
            settlement.verdict = ZLOOM_VERDICT_ACK;
            bus_truth_taken (self->stage->truth, message->producer, message->producer_size,
                             message->id);
        }
    }
    bus_knows_settled (&self->knows);
    self->open[message->seq]++;
    self->acked[message->seq] = settlement.verdict == ZLOOM_VERDICT_ACK;
    (void) zloom_client_core_settle (self->core, &message, &settlement);
}

static void
s_take (bus_peer_t *self)
{
    const zloom_message_t *message;
    unsigned taken = 0;
    if (self->options.stalled && !self->stage->calm) {
        return;
    }
    while (self->handle != 0 && !self->stage->ground->failed &&
           zloom_client_core_receive (self->core, self->handle, &message)) {
        if (self->struck) {
            break;
        }
        sim_trace (self->stage->ground, "  hears", message->seq, message->id, self->handle);
        if (++taken > PREFETCH) {
            sim_fail (self->stage->ground, "%s asked for %d at a time, and has more",
                      self->options.name, PREFETCH);
        }
        if (s_shares (self)) {
            bus_knows_begin (self->stage->pool, message->seq);
            bus_knows_had (self->stage->pool, message->seq);
            bus_truth_shared (self->stage->truth, &self->ear, message->seq, message->producer,
                              message->producer_size, message->id);
        } else if (self->options.kind == BUS_LISTENER) {
            bus_truth_heard (self->stage->truth, &self->ear, message->seq, message->producer,
                             message->producer_size, message->id);
        } else if (self->options.kind == BUS_THIEF) {
            sim_trace (self->stage->ground, "  takes", message->seq, message->id, 0);
        } else if (self->acked[message->seq] == 2) {
            sim_fail (self->stage->ground, "%s: %" PRIu64 " comes again after its ack",
                      self->options.name, message->seq);
        } else {
            self->stage->truth->heard++;
            s_must_know (self, message->seq);
            bus_knows_had (&self->knows, message->seq);
        }
        s_settle (self, message);
        if (sim_once_in (self->stage->ground, 40) && !self->stage->calm) {
            break; /* it has something else to do */
        }
    }
    self->act_ns = self->stage->ground->mono_ns + 20 * SIM_MS;
}

/* ---- the common part ------------------------------------------------------------------------- */

static int64_t
s_carry (bus_peer_t *self)
{
    return sim_carry (self->core, self->stage->ground, self->stage->net, &self->road, true);
}

int64_t
bus_peer_next (const bus_peer_t *self)
{
    if (self->hung_ns > self->stage->ground->mono_ns) {
        return self->hung_ns;
    }
    const int64_t frame_ns = self->road ? sim_road_next (self->road) : ZLOOM_NEVER;
    return frame_ns < self->next_ns ? frame_ns : self->next_ns;
}

void
bus_peer_run (bus_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    if (!self->core && self->reborn_ns > ground->mono_ns) {
        self->next_ns = self->reborn_ns;
        return;
    }
    if (!self->core) {
        s_born (self);
    }
    if (!self->core) {
        return;
    }
    s_carry (self);
    if (self->options.kind == BUS_PUBLISHER && self->welcomed) {
        s_publish (self);
    } else if (self->options.kind != BUS_PUBLISHER) {
        const bool rests = self->options.kind == BUS_THIEF && self->stage->calm;
        if (self->handle != 0 && (self->over == self->handle || rests)) {
            (void) zloom_client_core_unsubscribe (self->core, self->handle);
            self->handle = 0;
        }
        self->over = 0;
        if (self->handle == 0 && !rests) {
            s_subscribe (self);
        }
        s_take (self);
    }
    if (self->struck) {
        self->struck = false;
        bus_peer_die (self, sim_span (ground, 0, 300 * SIM_MS));
        return;
    }
    self->next_ns = s_carry (self);
    self->next_ns = self->act_ns < self->next_ns ? self->act_ns : self->next_ns;
    if (self->next_ns <= ground->mono_ns) {
        self->next_ns = ground->mono_ns + SIM_MS / 10;
    }
}

void
bus_peer_die (bus_peer_t *self, int64_t off_ns)
{
    sim_trace (self->stage->ground, "die", self->options.number, self->options.kind, 0);
    s_bury (self);
    bus_knows_died (&self->knows);
    self->hung_ns = 0;
    self->reborn_ns = self->stage->ground->mono_ns + off_ns;
    self->next_ns = self->reborn_ns;
}

void
bus_peer_hang (bus_peer_t *self, int64_t for_ns)
{
    sim_trace (self->stage->ground, "hang", self->options.number, self->options.kind, 0);
    self->hung_ns = self->stage->ground->mono_ns + for_ns;
}

void
bus_peer_cut (bus_peer_t *self)
{
    if (self->road) {
        sim_net_cut (self->stage->net, self->road);
    }
}

void
bus_peer_forget (bus_peer_t *self)
{
    memset (self->open, 0, sizeof self->open);
    memset (self->acked, 0, sizeof self->acked);
    self->knows = (bus_knows_t){0};
}

bool
bus_peer_done (const bus_peer_t *self)
{
    if (!self->core || !self->welcomed || zloom_client_core_pending (self->core) > 0) {
        return false;
    }
    if (self->options.kind != BUS_PUBLISHER) {
        return zloom_client_core_waiting (self->core, 0) == 0;
    }
    return self->stage->truth->confirmed[self->options.number] == self->options.events;
}

const bus_peer_options_t *
bus_peer_options (const bus_peer_t *self)
{
    return &self->options;
}

const bus_ear_t *
bus_peer_ear (const bus_peer_t *self)
{
    return &self->ear;
}
