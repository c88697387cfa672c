/* SPDX-License-Identifier: MPL-2.0 */
/* journal.c - the contract's calls: check the object, pass on to the implementation. */
#include "journal/journal.h"
#include "base/tag.h"
#include "journal/ops.h"

void
zloom_journal_close (zloom_journal_t **self_p)
{
    zloom_journal_t *self = *self_p;
    if (self) {
        ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
        self->ops->close (self);
        *self_p = NULL;
    }
}

void
zloom_journal_attest (zloom_journal_t *self, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    self->ops->attest (self, now);
}

uint32_t
zloom_journal_flow (zloom_journal_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->flow (self, name);
}

zloom_boot_t
zloom_journal_boot (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->boot;
}

const uint8_t *
zloom_journal_log_id (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->log_id;
}

bool
zloom_journal_boot_end (const zloom_journal_t *self, uint64_t random, uint32_t flow, uint64_t *end)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->boot_end (self, random, flow, end);
}

bool
zloom_journal_boot_at (const zloom_journal_t *self, size_t back, uint64_t *random)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->boot_at (self, back, random);
}

zloom_err_t
zloom_journal_room (const zloom_journal_t *self, uint32_t records, uint64_t bytes, bool growing)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->room (self, records, bytes, growing);
}

void
zloom_journal_stage (zloom_journal_t *self, const zloom_record_t *record, zloom_blob_t *blob)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    zloom_assert (record->payload.size == 0 || blob);
    self->ops->stage (self, record, blob);
}

uint64_t
zloom_journal_group (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->group (self);
}

uint64_t
zloom_journal_seal (zloom_journal_t *self, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->seal (self, now);
}

uint64_t
zloom_journal_durable (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->durable (self);
}

zloom_err_t
zloom_journal_failed (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->failed (self);
}

zloom_err_t
zloom_journal_lookup (zloom_journal_t *self, uint32_t flow, uint64_t seq, zloom_chunk_t *chunk)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->lookup (self, flow, seq, chunk);
}

void
zloom_journal_fetch (zloom_journal_t *self, uint32_t flow, uint64_t seq, uint64_t cookie)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    self->ops->fetch (self, flow, seq, cookie);
}

void
zloom_journal_forget (zloom_journal_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    zloom_assert (first <= last);
    self->ops->forget (self, flow, first, last);
}

void
zloom_journal_poll (zloom_journal_t *self, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    self->ops->poll (self, now);
}

int
zloom_journal_fd (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->fd (self);
}

int64_t
zloom_journal_deadline (const zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->deadline (self);
}

bool
zloom_journal_work (zloom_journal_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    return self->ops->work (self);
}

void
zloom_journal_stats (const zloom_journal_t *self, zloom_journal_stats_t *stats)
{
    ZLOOM_CHECK (self, ZLOOM_JOURNAL_TAG);
    self->ops->stats (self, stats);
}
