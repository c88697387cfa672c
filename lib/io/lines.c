/* SPDX-License-Identifier: MPL-2.0 */
#include "io/lines.h"

#include "base/memory.h"

#include <stdlib.h>

void
zloom_lines_init (zloom_lines_t *self, size_t limit_bytes, size_t tail_bytes)
{
    *self = (zloom_lines_t){.limit_bytes = limit_bytes, .tail_bytes = tail_bytes};
    if (tail_bytes) {
        self->tail = zloom_alloc (tail_bytes);
    }
}

void
zloom_lines_fini (zloom_lines_t *self)
{
    zloom_buf_fini (&self->line);
    free (self->tail);
    self->tail = NULL;
}

static void
s_keep_tail (zloom_lines_t *self, const uint8_t *data, size_t size)
{
    if (!self->tail_bytes) {
        return;
    }
    uint64_t at = self->total;
    if (size > self->tail_bytes) {
        at += size - self->tail_bytes;
        data += size - self->tail_bytes;
        size = self->tail_bytes;
    }
    for (size_t i = 0; i < size; i++) {
        self->tail[(at + i) % self->tail_bytes] = data[i];
    }
}

/* Part of a line, up to the limit; what is beyond is skipped. */
static void
s_part (zloom_lines_t *self, const uint8_t *data, size_t size)
{
    if (self->skipping || size == 0) {
        return;
    }
    size_t room = self->limit_bytes - self->line.size;
    if (size > room) {
        size = room;
        self->skipping = true;
    }
    zloom_buf_add (&self->line, data, size);
}

static void
s_line (zloom_lines_t *self, zloom_line_fn *each, void *arg)
{
    zloom_bytes_t line = self->line.size ? zloom_buf_bytes (&self->line) : zloom_bytes ("", 0);
    each (arg, line, self->skipping);
    zloom_buf_clear (&self->line);
    self->skipping = false;
}

void
zloom_lines_feed (zloom_lines_t *self, const void *data, size_t size, zloom_line_fn *each,
                  void *arg)
{
    const uint8_t *at = data;
    s_keep_tail (self, at, size);
    self->total += size;
    const uint8_t *end = at + size;
    while (at < end) {
        const uint8_t *newline = memchr (at, '\n', (size_t) (end - at));
        if (!newline) {
            s_part (self, at, (size_t) (end - at));
            return;
        }
        s_part (self, at, (size_t) (newline - at));
        s_line (self, each, arg);
        at = newline + 1;
    }
}

void
zloom_lines_end (zloom_lines_t *self, zloom_line_fn *each, void *arg)
{
    if (self->line.size || self->skipping) {
        s_line (self, each, arg);
    }
}

void
zloom_lines_tail (const zloom_lines_t *self, zloom_buf_t *out)
{
    if (!self->tail_bytes || !self->total) {
        return;
    }
    bool whole = self->total <= self->tail_bytes;
    size_t size = whole ? (size_t) self->total : self->tail_bytes;
    uint64_t first = self->total - size;
    size_t start = out->size;
    for (size_t i = 0; i < size; i++) {
        zloom_buf_add (out, &self->tail[(first + i) % self->tail_bytes], 1);
    }
    if (whole) {
        return;
    }
    /* The first line is most likely cut: leave it out when another follows. */
    const uint8_t *newline = memchr (out->data + start, '\n', size);
    size_t drop = newline ? (size_t) (newline + 1 - (out->data + start)) : 0;
    if (drop && drop < size) {
        memmove (out->data + start, out->data + start + drop, size - drop);
        out->size -= drop;
    }
}
