/* SPDX-License-Identifier: MPL-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "engine/trail_state.h"

/* Of one stay: the first half of them, and the last. */
#define ROWS_MAX 64
#define TEXT_BYTES 160

zloom_trail_t *
zloom_trail_new (size_t limit_bytes)
{
    zloom_trail_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_TRAIL_TAG;
    self->limit_bytes = limit_bytes;
    self->tracks = zloom_map_new ();
    self->next_row = 1;
    return self;
}

static void
s_free_row (zloom_trail_row_t *row)
{
    free (row->node);
    free (row->text);
}

static void
s_forget (zloom_trail_t *self, zloom_stay_t *stay)
{
    *(stay->prev ? &stay->prev->next : &self->first) = stay->next;
    *(stay->next ? &stay->next->prev : &self->last) = stay->prev;
    self->bytes -= stay->bytes;
    for (size_t i = 0; i < stay->row_count; i++) {
        s_free_row (&stay->rows[i]);
    }
    free (stay->rows);
    free (stay->id);
    free (stay->from_flow);
    free (stay);
}

void
zloom_trail_destroy (zloom_trail_t **self_p)
{
    zloom_assert (self_p);
    zloom_trail_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    *self_p = NULL;
    while (self->first) {
        s_forget (self, self->first);
    }
    void *value;
    for (size_t i = 0; zloom_map_next (self->tracks, &i, NULL, &value);) {
        zloom_track_t *track = value;
        free (track->stays);
        free (track->flow);
        free (track);
    }
    zloom_map_destroy (&self->tracks);
    zloom_buf_fini (&self->pending);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

/* ---- tracks -------------------------------------------------------------------------------- */

zloom_track_t *
zloom_trail_track (const zloom_trail_t *self, zloom_bytes_t flow)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    return zloom_map_get (self->tracks, flow);
}

static zloom_track_t *
s_track (zloom_trail_t *self, zloom_bytes_t flow)
{
    zloom_track_t *track = zloom_map_get (self->tracks, flow);
    if (!track) {
        track = zloom_alloc (sizeof *track);
        track->flow = zloom_memdup_text (flow.data, flow.size);
        zloom_map_put (self->tracks, flow, track);
    }
    return track;
}

size_t
zloom_track_find (const zloom_track_t *self, uint64_t seq)
{
    size_t low = self->head;
    size_t high = self->end;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->stays[middle]->seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
s_append (zloom_trail_t *self, zloom_track_t *track, zloom_stay_t *stay)
{
    while (track->end > track->head && track->stays[track->end - 1]->seq >= stay->seq) {
        s_forget (self, track->stays[--track->end]); /* of another life of the flow */
    }
    if (track->head > 0 && track->head == track->end) {
        track->head = track->end = 0;
    }
    if (track->end == track->capacity && track->head > track->capacity / 2) {
        memmove (track->stays, track->stays + track->head,
                 (track->end - track->head) * sizeof (zloom_stay_t *));
        track->end -= track->head;
        track->head = 0;
    }
    zloom_grow (&track->stays, &track->capacity, track->end + 1, sizeof (zloom_stay_t *));
    track->stays[track->end++] = stay;
}

/* The oldest of all is the first of its flow. */
void
zloom_trail_trim (zloom_trail_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    while (self->bytes > self->limit_bytes) {
        zloom_assert (self->first);
        zloom_stay_t *oldest = self->first;
        zloom_track_t *track = s_track (self, zloom_bytes_text (oldest->track->flow));
        zloom_assert (track->stays[track->head] == oldest);
        track->head++;
        s_forget (self, oldest);
    }
}

zloom_stay_t *
zloom_trail_stay (const zloom_trail_t *self, zloom_bytes_t flow, uint64_t seq)
{
    const zloom_track_t *track = zloom_trail_track (self, flow);
    const size_t at = track ? zloom_track_find (track, seq) : 0;
    return track && at < track->end && track->stays[at]->seq == seq ? track->stays[at] : NULL;
}

zloom_stay_t *
zloom_trail_first (const zloom_trail_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    return self->first;
}

/* ---- what happened ------------------------------------------------------------------------- */

static zloom_stay_t *
s_begin (zloom_trail_t *self, const zloom_trail_begin_t *begin)
{
    zloom_track_t *track = s_track (self, begin->flow);
    zloom_stay_t *stay = zloom_alloc (sizeof *stay);
    *stay = (zloom_stay_t){
      .track = track,
      .order = self->next_order++,
      .seq = begin->seq,
      .wall_ns = begin->wall_ns,
      .way = begin->way,
      .id = zloom_memdup_text (begin->id.data, begin->id.size),
      .base_time_ns = begin->base_time_ns,
      .from_flow = begin->from_flow.data
                     ? zloom_memdup_text (begin->from_flow.data, begin->from_flow.size)
                     : NULL,
      .from_seq = begin->from_seq,
    };
    s_append (self, track, stay);
    stay->prev = self->last;
    *(self->last ? &self->last->next : &self->first) = stay;
    self->last = stay;
    return stay;
}

void
zloom_trail_begin (zloom_trail_t *self, const zloom_trail_begin_t *begin)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    zloom_stay_t *stay = s_begin (self, begin);
    zloom_trail_keep (self, stay, NULL);
}

/* One in the middle makes room: how it began and how it stands are worth more. */
static void
s_thin (zloom_trail_t *self, zloom_stay_t *stay)
{
    if (stay->row_count < ROWS_MAX) {
        return;
    }
    stay->bytes -= stay->rows[ROWS_MAX / 2].bytes;
    self->bytes -= stay->rows[ROWS_MAX / 2].bytes;
    s_free_row (&stay->rows[ROWS_MAX / 2]);
    memmove (stay->rows + ROWS_MAX / 2, stay->rows + ROWS_MAX / 2 + 1,
             (stay->row_count - ROWS_MAX / 2 - 1) * sizeof *stay->rows);
    stay->row_count--;
    stay->left_out++;
}

/* The first line, as much as fits; what is no UTF-8 is not kept. */
static char *
s_line (zloom_bytes_t text)
{
    size_t size = 0;
    while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r') {
        size++;
    }
    size = size < TEXT_BYTES ? size : TEXT_BYTES;
    while (size > 0 && size < text.size && (text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    const zloom_bytes_t line = zloom_bytes (text.data, size);
    return size > 0 && zloom_bytes_is_utf8 (line) ? zloom_memdup_text (text.data, size) : NULL;
}

void
zloom_trail_note (zloom_trail_t *self, zloom_stay_t *stay, zloom_trail_kind_t kind, int64_t wall_ns,
                  int64_t number, const char *node, zloom_bytes_t text)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    s_thin (self, stay);
    zloom_grow (&stay->rows, &stay->row_capacity, stay->row_count + 1, sizeof *stay->rows);
    zloom_trail_row_t *row = &stay->rows[stay->row_count++];
    *row = (zloom_trail_row_t){.kind = kind,
                               .wall_ns = wall_ns,
                               .number = number,
                               .node = zloom_strdup (node),
                               .text = s_line (text)};
    stay->left = stay->left || kind == ZLOOM_TRAIL_LEFT;
    zloom_trail_keep (self, stay, row);
}

/* ---- marking ------------------------------------------------------------------------------- */

/* The first that it came from and that is still known. */
static zloom_stay_t *
s_root (const zloom_trail_t *self, zloom_stay_t *stay)
{
    for (;;) {
        zloom_stay_t *from =
          stay->from_flow
            ? zloom_trail_stay (self, zloom_bytes_text (stay->from_flow), stay->from_seq)
            : NULL;
        /* It came before: else its number is of another life of its flow. */
        if (!from || from->order >= stay->order) {
            return stay;
        }
        stay = from;
    }
}

/* What comes of a stay is stored after it, so one walk finds all. */
static uint64_t
s_spread (const zloom_trail_t *self)
{
    for (zloom_stay_t *stay = self->first; stay; stay = stay->next) {
        const zloom_stay_t *from =
          stay->from_flow
            ? zloom_trail_stay (self, zloom_bytes_text (stay->from_flow), stay->from_seq)
            : NULL;
        if (from && from->order < stay->order && from->mark == self->mark) {
            stay->mark = self->mark;
        }
    }
    return self->mark;
}

uint64_t
zloom_trail_mark_id (zloom_trail_t *self, zloom_bytes_t id)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    self->mark++;
    for (zloom_stay_t *stay = self->first; stay; stay = stay->next) {
        if (zloom_bytes_equal (zloom_bytes_text (stay->id), id)) {
            s_root (self, stay)->mark = self->mark;
        }
    }
    return s_spread (self);
}

uint64_t
zloom_trail_mark_seq (zloom_trail_t *self, zloom_bytes_t flow, uint64_t seq)
{
    ZLOOM_CHECK (self, ZLOOM_TRAIL_TAG);
    self->mark++;
    zloom_stay_t *stay = zloom_trail_stay (self, flow, seq);
    if (stay) {
        s_root (self, stay)->mark = self->mark;
    }
    return s_spread (self);
}
