/* SPDX-License-Identifier: MPL-2.0 */
/* What a worker's child writes on descriptor 4: cut into frames, and each frame decoded. */
#include "fuzz.h"
#include "nodes/worker/frame.h"

static zloom_arena_t s_arena;

/* Every view must lie in the frame: touch all of it. */
static void
s_inside (zloom_bytes_t frame, zloom_bytes_t view)
{
    zloom_assert (!view.data ||
                  (view.data >= frame.data && view.data + view.size <= frame.data + frame.size));
}

static void
s_frame (zloom_bytes_t bytes)
{
    zloom_frame_t frame;
    zloom_arena_reset (&s_arena);
    if (zloom_frame_decode (bytes, &s_arena, &frame) != ZLOOM_OK) {
        return;
    }
    zloom_assert (frame.kind == ZLOOM_FRAME_READY || frame.kind == ZLOOM_FRAME_STARTED ||
                  frame.kind == ZLOOM_FRAME_PROGRESS || frame.kind == ZLOOM_FRAME_DONE);
    zloom_assert (frame.id_count <= bytes.size && frame.verdict_count <= bytes.size);
    for (size_t i = 0; i < frame.verdict_count; i++) {
        const zloom_frame_verdict_t *verdict = &frame.verdicts[i];
        zloom_assert (verdict->verdict <= ZLOOM_VERDICT_RELEASE);
        zloom_assert (verdict->text.size <= ZLOOM_LIMIT_TEXT_BYTES);
        zloom_assert (verdict->delay_ms >= ZLOOM_DELAY_UNSET);
        s_inside (bytes, verdict->text);
        for (size_t j = 0; j < verdict->emit_count; j++) {
            const zloom_envelope_t *envelope = &verdict->emits[j].envelope;
            s_inside (bytes, verdict->emits[j].flow);
            s_inside (bytes, envelope->body);
            s_inside (bytes, envelope->topic);
            s_inside (bytes, envelope->key);
            s_inside (bytes, envelope->attrs);
            s_inside (bytes, envelope->id);
            zloom_assert (envelope->due_ms >= 0 && envelope->expires_ms >= 0);
            zloom_assert (envelope->priority <= ZLOOM_LIMIT_PRIORITY);
        }
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zloom_deframer_t deframer = {0};
    zloom_bytes_t frame;
    s_frame (zloom_bytes (data, size));
    /* In two pieces, so that a frame may lie across them. */
    zloom_deframer_feed (&deframer, zloom_bytes (data, size / 2));
    while (zloom_deframer_next (&deframer, &frame) == ZLOOM_OK) {
        s_frame (frame);
    }
    zloom_deframer_feed (&deframer, zloom_bytes (data + size / 2, size - size / 2));
    while (zloom_deframer_next (&deframer, &frame) == ZLOOM_OK) {
        s_frame (frame);
    }
    zloom_deframer_fini (&deframer);
    return 0;
}
