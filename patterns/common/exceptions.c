/* SPDX-License-Identifier: MPL-2.0 */
#include "patterns/common/exceptions.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"
#include "patterns/common/numbers.h"

#define EXCEPTIONS_TAG 0x5A457863u

struct zloom_exceptions {
    uint32_t tag;
    zloom_idmap_t *entries;
    zloom_numbers_t numbers; /* of the entries, to find them by range */
    zloom_timers_t *timers;
    uint64_t history_bytes; /* a shared history counts once an entry */
};

zloom_exceptions_t *
zloom_exceptions_new (void)
{
    zloom_exceptions_t *self = zloom_alloc (sizeof *self);
    self->tag = EXCEPTIONS_TAG;
    self->entries = zloom_idmap_new ();
    self->timers = zloom_timers_new ();
    return self;
}

void
zloom_exceptions_destroy (zloom_exceptions_t **self_p)
{
    zloom_assert (self_p);
    zloom_exceptions_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    void *value;
    for (size_t i = 0; zloom_idmap_next (self->entries, &i, NULL, &value);) {
        zloom_exception_t *entry = value;
        zloom_blob_unref (&entry->history);
        free (entry);
    }
    zloom_idmap_destroy (&self->entries);
    zloom_numbers_fini (&self->numbers);
    zloom_timers_destroy (&self->timers);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
    *self_p = NULL;
}

zloom_exception_t *
zloom_exceptions_get (const zloom_exceptions_t *self, uint64_t seq)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    return self->numbers.total > 0 ? zloom_idmap_get (self->entries, seq) : NULL;
}

zloom_exception_t *
zloom_exceptions_put (zloom_exceptions_t *self, uint64_t seq)
{
    zloom_exception_t *entry = zloom_exceptions_get (self, seq);
    if (!entry) {
        entry = zloom_alloc (sizeof *entry);
        entry->seq = seq;
        entry->timer.owner = entry;
        zloom_idmap_put (self->entries, seq, entry);
        zloom_numbers_add (&self->numbers, seq, seq);
    }
    return entry;
}

static uint64_t
s_history_bytes (const zloom_exception_t *entry)
{
    return entry->history ? zloom_blob_bytes (entry->history).size : 0;
}

void
zloom_exceptions_set_history (zloom_exceptions_t *self, zloom_exception_t *entry,
                              zloom_blob_t *history)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    self->history_bytes -= s_history_bytes (entry);
    zloom_blob_unref (&entry->history);
    entry->history = history;
    self->history_bytes += s_history_bytes (entry);
}

void
zloom_exceptions_wait (zloom_exceptions_t *self, zloom_exception_t *entry, int64_t mono_ns)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    zloom_timers_arm (self->timers, &entry->timer, mono_ns);
}

zloom_exception_t *
zloom_exceptions_due (zloom_exceptions_t *self, int64_t mono_ns)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    zloom_timer_t *timer = zloom_timers_pop_due (self->timers, mono_ns);
    return timer ? timer->owner : NULL;
}

int64_t
zloom_exceptions_next (const zloom_exceptions_t *self)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    return zloom_timers_next (self->timers);
}

const zloom_exception_t *
zloom_exceptions_first (const zloom_exceptions_t *self)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    const zloom_timer_t *timer = zloom_timers_first (self->timers);
    return timer ? timer->owner : NULL;
}

void
zloom_exceptions_remove (zloom_exceptions_t *self, uint64_t first, uint64_t last)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    zloom_range_t run;
    while (self->numbers.total > 0 && zloom_numbers_find (&self->numbers, first, last, &run)) {
        for (uint64_t seq = run.first; seq <= run.last; seq++) {
            zloom_exception_t *entry = zloom_idmap_remove (self->entries, seq);
            zloom_timers_cancel (self->timers, &entry->timer);
            self->history_bytes -= s_history_bytes (entry);
            zloom_blob_unref (&entry->history);
            free (entry);
        }
        zloom_numbers_remove (&self->numbers, run.first, run.last);
        first = run.last + 1;
    }
}

bool
zloom_exceptions_find (const zloom_exceptions_t *self, uint64_t from, uint64_t last,
                       zloom_range_t *run)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    return self->numbers.total > 0 && zloom_numbers_find (&self->numbers, from, last, run);
}

uint64_t
zloom_exceptions_count (const zloom_exceptions_t *self)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    return self->numbers.total;
}

uint64_t
zloom_exceptions_text_room (const zloom_exceptions_t *self)
{
    ZLOOM_CHECK (self, EXCEPTIONS_TAG);
    return self->history_bytes < ZLOOM_EXCEPTIONS_TEXT_BYTES
             ? ZLOOM_EXCEPTIONS_TEXT_BYTES - self->history_bytes
             : 0;
}
