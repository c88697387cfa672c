/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/queue/missing.h"

#include "wire/encode.h"

/* Numbers from a disk that are larger are none. */
#define SEQ_MAX (UINT64_C (1) << 62)
/* Spans from a disk: there are never so many. */
#define SPANS_MAX 1024u

/* Their places stand on disks. */
static const char *const s_words[] = {"limit", "purged", "damaged", ZLOOM_GAPS_SEVERAL};
#define WORDS (sizeof s_words / sizeof *s_words)

void
zloom_missing_fini (zloom_missing_t *self)
{
    zloom_gaps_fini (&self->untold);
    zloom_gaps_fini (&self->told);
}

static const char *
s_word (uint8_t way)
{
    return way == ZLOOM_REASON_DROPPED  ? s_words[0]
           : way == ZLOOM_REASON_PURGED ? s_words[1]
           : way == ZLOOM_REASON_LOST   ? s_words[2]
                                        : NULL;
}

static zloom_missed_t *
s_last (const zloom_gaps_t *gaps)
{
    return gaps->count > 0 ? &gaps->items[gaps->head + gaps->count - 1] : NULL;
}

void
zloom_missing_add (zloom_missing_t *self, const zloom_done_t *done, uint8_t way, uint64_t first,
                   uint64_t last)
{
    zloom_missed_t gap = {
      .from = first, .to = last, .count = last - first + 1, .reason = s_word (way)};
    const zloom_missed_t *before = s_last (&self->untold);
    zloom_range_t run;
    if (!gap.reason) {
        return;
    }
    if (before && before->reason == gap.reason && before->to + 1 < first &&
        !zloom_done_gap (done, before->to + 1, first - 1, &run)) {
        gap.from = before->to + 1; /* nothing comes from between them: they are one */
    }
    zloom_gaps_add (&self->untold, &gap, NULL);
}

bool
zloom_missing_before (const zloom_missing_t *self, uint64_t seq)
{
    return self->untold.count > 0 && self->untold.items[self->untold.head].from < seq;
}

void
zloom_missing_tell (zloom_missing_t *self, uint64_t seq, zloom_consumer_id_t consumer,
                    uint64_t token, zloom_effects_t *effects)
{
    zloom_missed_t gap;
    consumer =
      self->told.count > 0 ? self->told_to : consumer; /* of one it is known what it knows */
    while (zloom_missing_before (self, seq) && zloom_gaps_take (&self->untold, UINT64_MAX, &gap)) {
        zloom_effect_t *effect = zloom_effects_add (effects, ZLOOM_EFFECT_GAP);
        effect->gap.consumer = consumer;
        effect->gap.from = gap.from;
        effect->gap.to = gap.to;
        effect->gap.count = gap.count;
        effect->gap.reason = gap.reason;
        zloom_gaps_add (&self->told, &gap, NULL);
        self->told_to = consumer;
        self->token = token;
        self->gaps++;
    }
}

void
zloom_missing_settled (zloom_missing_t *self, zloom_consumer_id_t consumer, uint64_t token)
{
    if (self->told.count > 0 && consumer == self->told_to && token >= self->token) {
        self->told.head = 0;
        self->told.count = 0;
        self->heard = true;
    }
}

void
zloom_missing_gone (zloom_missing_t *self, zloom_consumer_id_t consumer)
{
    zloom_missed_t gap;
    while (consumer == self->told_to && zloom_gaps_take (&self->told, UINT64_MAX, &gap)) {
        zloom_gaps_add (&self->untold, &gap, NULL);
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void
s_encode (const zloom_gaps_t *gaps, zloom_buf_t *out)
{
    for (size_t i = 0; i < gaps->count; i++) {
        const zloom_missed_t *gap = &gaps->items[gaps->head + i];
        size_t why = 0;
        while (why + 1 < WORDS && gap->reason != s_words[why]) {
            why++;
        }
        zloom_encode_uint (out, gap->from);
        zloom_encode_uint (out, gap->to);
        zloom_encode_uint (out, gap->count);
        zloom_encode_uint (out, why);
    }
}

void
zloom_missing_encode (const zloom_missing_t *self, zloom_buf_t *out)
{
    zloom_encode_array (out, 4 * (self->told.count + self->untold.count));
    s_encode (&self->told, out);
    s_encode (&self->untold, out);
}

zloom_err_t
zloom_missing_decode (zloom_missing_t *self, zloom_cursor_t *cursor)
{
    const uint32_t count = zloom_cursor_array (cursor, 4 * SPANS_MAX);
    zloom_missing_fini (self);
    for (uint32_t i = 0; i + 3 < count && cursor->err == ZLOOM_OK; i += 4) {
        zloom_missed_t gap = {.from = zloom_cursor_uint (cursor, SEQ_MAX)};
        gap.to = zloom_cursor_uint (cursor, SEQ_MAX);
        gap.count = zloom_cursor_uint (cursor, SEQ_MAX);
        const uint64_t why = zloom_cursor_uint (cursor, UINT32_MAX);
        gap.reason = s_words[why < WORDS ? why : WORDS - 1];
        if (cursor->err == ZLOOM_OK && gap.to < gap.from) {
            zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "what a group misses does not rise");
        } else if (cursor->err == ZLOOM_OK) {
            zloom_gaps_add (&self->untold, &gap, NULL);
        }
    }
    if (count % 4 != 0) {
        zloom_cursor_fail (cursor, ZLOOM_DAMAGED, "a part of what a group misses");
    }
    return cursor->err;
}
