/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Verb frames: what decodes can be written, read again, and written to the same bytes; and it keeps
 * to its limits.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/verb.h"

static zloom_arena_t s_arena;
static zloom_buf_t s_first;
static zloom_buf_t s_second;

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const zloom_bytes_t frame = zloom_bytes (data, size);
    zloom_verb_t verb;
    zloom_verb_t again;
    zloom_arena_reset (&s_arena);
    if (zloom_verb_decode (frame, &s_arena, &verb) != ZLOOM_OK) {
        return 0;
    }
    zloom_assert (zloom_verb_info (verb.kind) != NULL);
    zloom_assert (zloom_verb_messages (&verb) < UINT64_C (1) << 48);
    (void) zloom_verb_check_pack (&verb, size, frame, size);
    zloom_buf_clear (&s_first);
    zloom_verb_encode (&verb, &s_first);
    zloom_assert (zloom_verb_decode (zloom_buf_bytes (&s_first), &s_arena, &again) == ZLOOM_OK);
    zloom_buf_clear (&s_second);
    zloom_verb_encode (&again, &s_second);
    zloom_assert (zloom_bytes_equal (zloom_buf_bytes (&s_first), zloom_buf_bytes (&s_second)));
    return 0;
}
