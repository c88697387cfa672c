/* SPDX-License-Identifier: MPL-2.0 */
/* Packs, checked or not: the tiling, slices, and the messages in them. */
#include "fuzz.h"
#include "wire/limits.h"
#include "wire/pack.h"

static zloom_buf_t s_again;

/* A message that decodes can be put into a pack; fuzz_envelope looks at the rest. */
static void
s_envelope (zloom_bytes_t bytes)
{
    zloom_envelope_t envelope;
    if (zloom_envelope_decode (bytes, &envelope) != ZLOOM_OK) {
        return;
    }
    zloom_buf_clear (&s_again);
    zloom_pack_add (&s_again, &envelope);
    zloom_assert (zloom_pack_check (zloom_buf_bytes (&s_again), 1, SIZE_MAX) == ZLOOM_OK);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const zloom_bytes_t pack = zloom_bytes (data, size);
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t bytes;
    uint32_t count = 0;
    uint32_t found = 0;
    while (zloom_pack_next (&iter, &bytes)) {
        s_envelope (bytes);
        found++;
    }
    if (zloom_pack_count (pack, ZLOOM_LIMIT_MESSAGE_BYTES, &count) != ZLOOM_OK) {
        return 0;
    }
    zloom_assert (count == found);
    for (uint64_t first = 0; first <= count; first += count / 8 + 1) {
        zloom_bytes_t slice;
        zloom_assert (zloom_pack_slice (pack, first, count - first, &slice) == ZLOOM_OK);
        zloom_assert (zloom_pack_check (slice, count - first, SIZE_MAX) == ZLOOM_OK);
    }
    return 0;
}
