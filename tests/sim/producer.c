/* SPDX-License-Identifier: MPL-2.0 */
/* producer.c - sends its list, in bursts; after a restart it goes on where WELCOME says. */
#include "base/memory.h"
#include "peer.h"

#include <inttypes.h>

/* WELCOME came to a process that knows no more than the router says. */
static void
s_forget (sim_peer_t *self, uint64_t next_id)
{
    for (size_t i = (size_t) next_id - 1; i < self->count; i++) {
        sim_checker_never (self->stage->checker, self->numbers[i], "was forgotten by its sender");
    }
    self->count = self->count < next_id - 1 ? self->count : (size_t) next_id - 1;
    self->forgot = false;
}

static uint64_t
s_number (sim_peer_t *self, uint64_t id)
{
    zloom_buf_clear (&self->body);
    if (id <= self->count) {
        sim_checker_body (self->stage->checker, self->numbers[id - 1], &self->body);
        return self->numbers[id - 1];
    }
    zloom_grow (&self->numbers, &self->capacity, self->count + 1, sizeof *self->numbers);
    const uint64_t number =
      sim_checker_attempt (self->stage->checker, self->options.flow, self->index, 0, &self->body);
    sim_checker_numbered (self->stage->checker, number, id);
    self->numbers[self->count++] = number;
    return number;
}

void
sim_producer_act (sim_peer_t *self)
{
    sim_ground_t *ground = self->stage->ground;
    if (self->act_ns > ground->mono_ns) {
        return;
    }
    self->act_ns = ground->mono_ns + sim_span (ground, SIM_MS, 150 * SIM_MS);
    zloom_client_flow_state_t state;
    const char *flow = sim_flow_name (self->options.flow);
    if (!zloom_client_core_flow (self->core, flow, &state) || state.next_id == 0) {
        return;
    }
    if (state.next_id > self->count + 1) {
        sim_fail (ground, "Q2: %s is told %" PRIu64 " messages of its own, it made %zu", self->name,
                  state.next_id - 1, self->count);
        return;
    }
    if (self->forgot) {
        s_forget (self, state.next_id);
    }
    const uint64_t lot = 1 + sim_below (ground, 30);
    for (uint64_t burst = self->options.burst > 0 ? self->options.burst : lot; burst > 0; burst--) {
        const uint64_t id = state.next_id;
        if (id > self->options.messages) {
            self->act_ns = ZLOOM_NEVER;
            break;
        }
        uint64_t got = 0;
        zloom_envelope_t envelope = {0};
        sim_checker_envelope (self->stage->checker, s_number (self, id), &envelope);
        envelope.body = zloom_buf_bytes (&self->body);
        const zloom_err_t err = zloom_client_core_send (self->core, flow, &envelope,
                                                        ZLOOM_BYTES_NULL, sim_now (ground), &got);
        if (err == ZLOOM_AGAIN) {
            break;
        }
        if (err != ZLOOM_OK || got != id) {
            sim_fail (ground, "%s: send of %" PRIu64 ": %s, it got %" PRIu64, self->name, id,
                      zloom_err_text (err), got);
            return;
        }
        state.next_id++;
    }
}

void
sim_producer_event (sim_peer_t *self, const zloom_client_event_t *event)
{
    if (event->type == ZLOOM_CLIENT_CONFIRMED) {
        for (; self->believed < event->id && self->believed < self->count; self->believed++) {
            sim_checker_believed (self->stage->checker, self->numbers[self->believed]);
        }
    } else if (event->type == ZLOOM_CLIENT_FAILED) {
        sim_fail (self->stage->ground, "%s: message %" PRIu64 " will never be taken: %s",
                  self->name, event->id, zloom_err_text (event->code));
    } else if (event->type == ZLOOM_CLIENT_WELCOME) {
        self->act_ns = self->stage->ground->mono_ns;
    }
}
