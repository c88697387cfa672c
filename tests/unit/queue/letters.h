/* SPDX-License-Identifier: MPL-2.0 */
/* letters.h - messages with real envelopes for a queue on the desk. */
#ifndef ZLOOM_TESTS_UNIT_QUEUE_LETTERS_H
#define ZLOOM_TESTS_UNIT_QUEUE_LETTERS_H

#include "desk.h"

static inline void
letters_pack (const zloom_envelope_t *letters, uint32_t n, zloom_buf_t *pack)
{
    for (uint32_t i = 0; i < n; i++) {
        zloom_envelope_t letter = letters[i];
        if (!letter.body.data) {
            letter.body = zloom_bytes ("body", 4);
        }
        zloom_pack_add (pack, &letter);
    }
}

/* What the door says to them. */
static inline zloom_err_t
letters_check (const desk_t *desk, const zloom_envelope_t *letters, uint32_t n, uint32_t flags)
{
    zloom_buf_t pack = {0};
    letters_pack (letters, n, &pack);
    const zloom_offer_t offer = {.n = n, .pack = zloom_buf_bytes (&pack), .flags = flags};
    zloom_cost_t cost = {0};
    const zloom_err_t err = zloom_queue_pattern.check_offer (desk->queue, &offer, &cost);
    zloom_buf_fini (&pack);
    return err;
}

static inline void
letters_send (desk_t *desk, const char *producer, uint64_t first_id,
              const zloom_envelope_t *letters, uint32_t n, uint32_t flags)
{
    zloom_buf_t pack = {0};
    letters_pack (letters, n, &pack);
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER, .session = 1};
    event.offer.producer = zloom_bytes_text (producer);
    event.offer.first_id = first_id;
    event.offer.n = n;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = flags;
    event.offer.base_time_ns = desk->turn.now.wall_ns;
    desk_feed (desk, &event);
    zloom_buf_fini (&pack);
}

/* One that comes back from the dead letters. */
static inline void
letters_put_back (desk_t *desk, const zloom_envelope_t *letter, uint32_t flags)
{
    zloom_buf_t pack = {0};
    zloom_buf_t history = {0};
    letters_pack (letter, 1, &pack);
    const zloom_history_t past = {.requeued = 1};
    zloom_history_encode (&past, &history);
    const zloom_past_t pasts[] = {{zloom_buf_bytes (&history)}};
    const zloom_src_t src = {1, zloom_bytes_text ("shop"), 1, desk->turn.now.wall_ns};
    zloom_event_t event = {.type = ZLOOM_EVENT_OFFER};
    event.offer.n = 1;
    event.offer.pack = zloom_buf_bytes (&pack);
    event.offer.flags = flags;
    event.offer.src = &src;
    event.offer.src_count = 1;
    event.offer.past = pasts;
    event.offer.admitted = true;
    desk_feed (desk, &event);
    zloom_buf_fini (&pack);
    zloom_buf_fini (&history);
}

#endif
