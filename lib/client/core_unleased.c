/* SPDX-License-Identifier: MPL-2.0 */
/*
 * core_unleased.c - steps on messages that came without a lease. The router has nothing to settle
 * there, so what such a step emits is sent as the client's own messages, each taken once whatever
 * becomes of the road, and the step is done when all of it is queued.
 */
#include "base/tag.h"
#include "client/core_state.h"
#include "wire/pack.h"

/* OK: all is queued. AGAIN: the window is full, or there was no session yet. */
static zloom_err_t
s_send (zloom_step_t *step)
{
    zloom_pack_iter_t iter =
      zloom_pack_iter (step->blob ? zloom_blob_bytes (step->blob) : ZLOOM_BYTES_NULL);
    zloom_pack_skip (&iter, step->sent);
    uint32_t before = 0;
    for (size_t i = 0; i < step->emit_count; i++) {
        const uint32_t end = before + step->emits[i].n;
        for (; step->sent < end; step->sent++) {
            zloom_bytes_t bytes;
            zloom_envelope_t envelope;
            zloom_assert (zloom_pack_next (&iter, &bytes));
            zloom_err_t err = zloom_envelope_decode (bytes, &envelope);
            if (err == ZLOOM_OK) {
                const zloom_now_t made = {step->made_ns, step->base_time_ns};
                err =
                  zloom_outflow_send (step->emits[i].flow, &envelope, ZLOOM_BYTES_NULL, made, NULL);
            }
            if (err != ZLOOM_OK) {
                return err;
            }
        }
        before = end;
    }
    return ZLOOM_OK;
}

void
zloom_core_tick_unleased (zloom_client_core_t *self)
{
    for (zloom_step_t *step = self->steps; step;) {
        zloom_step_t *next = step->next;
        if (!zloom_client_lease_is_leased (step->lease)) {
            step->made_ns = self->now_ns;
            const zloom_err_t err = s_send (step);
            if (err == ZLOOM_AGAIN) {
                return; /* in order */
            }
            zloom_core_step_done (self, step, err,
                                  err == ZLOOM_OK ? ZLOOM_BYTES_NULL
                                                  : zloom_bytes_text (zloom_note ()));
        }
        step = next;
    }
}
