/* SPDX-License-Identifier: MPL-2.0 */
/* state.c - what the parts of the log share: flows, boots, what lives, the end of it all. */
#include "base/log.h"
#include "base/memory.h"
#include "base/tag.h"
#include "journal/mover.h"

#include <stdlib.h>
#include <unistd.h>

zloom_log_flow_t *
zloom_log_flow_at (zloom_log_t *self, uint32_t number, uint64_t segment)
{
    while (self->flow_count <= number) {
        zloom_grow (&self->flows, &self->flow_capacity, self->flow_count + 1, sizeof *self->flows);
        zloom_log_flow_t *flow = zloom_alloc (sizeof *flow);
        flow->mark.number = (uint32_t) self->flow_count;
        flow->cold_next = 1;
        flow->mark.border_segment = segment;
        self->snapshot_cost += zloom_snapshot_cost (0);
        self->flows[self->flow_count++] = flow;
    }
    return self->flows[number];
}

void
zloom_log_name_flow (zloom_log_t *self, uint32_t number, const char *name)
{
    zloom_assert (number < self->flow_count);
    zloom_log_flow_t *flow = self->flows[number];
    if (!flow->mark.name) {
        flow->mark.name = zloom_strdup (name);
        zloom_map_put (self->names, zloom_bytes_text (name), flow);
    }
}

void
zloom_log_stop (zloom_log_t *self, zloom_err_t err)
{
    if (!self->failed) {
        self->failed = err;
        self->failed_note = zloom_strdup (zloom_note ());
        zloom_log (ZLOOM_LOG_ERROR, "journal-stopped", "directory=%s why=%s", self->directory,
                   self->failed_note);
    }
}

uint64_t
zloom_log_live (zloom_log_t *self, uint32_t flow, uint64_t first, uint64_t last)
{
    const zloom_journal_owner_t *owner = &self->base.owner;
    uint64_t live = 0;
    zloom_range_t run;
    while (first <= last && owner->next_live (owner->arg, flow, first, last, &run)) {
        zloom_assert (run.first >= first && run.last <= last && run.first <= run.last);
        live += run.last - run.first + 1;
        first = run.last + 1;
    }
    return live;
}

void
zloom_log_add_boot (zloom_log_t *self, zloom_boot_t boot, zloom_flow_end_t *ends, size_t end_count)
{
    if (self->boot_count > 0 && self->boots[self->boot_count - 1].boot.counter >= boot.counter) {
        free (ends); /* known from the superblock already */
        return;
    }
    if (self->boot_count == ZLOOM_BOOTS_MOST) {
        free (self->boots[0].ends);
        self->boot_count--;
        memmove (self->boots, self->boots + 1, self->boot_count * sizeof *self->boots);
    }
    self->boots[self->boot_count++] = (zloom_slot_boot_t){boot, ends, end_count};
}

void
zloom_log_destroy (zloom_log_t *self)
{
    zloom_jobs_destroy (&self->commits);
    zloom_jobs_destroy (&self->reads);
    zloom_jobs_destroy (&self->background);
    for (size_t i = 0; i < self->flow_count; i++) {
        zloom_log_flow_t *flow = self->flows[i];
        zloom_shelf_fini (&flow->shelf, &self->shelves);
        zloom_index_fini (&flow->index);
        free (flow->mark.name);
        free (flow->mark.slices);
        free (flow->cold);
        free (flow);
    }
    for (size_t i = 0; i < self->boot_count; i++) {
        free (self->boots[i].ends);
    }
    for (size_t i = 0; i < self->segment_count; i++) {
        self->vfs->close (self->vfs, &self->segments[i].file);
    }
    for (size_t i = 0; i < self->ready_count; i++) {
        self->vfs->close (self->vfs, &self->ready[i].file);
    }
    zloom_log_ahead_fini (self);
    zloom_group_fini (&self->open);
    for (size_t i = 0; i < ZLOOM_COMMITS; i++) {
        zloom_group_fini (&self->commit[i].group);
        zloom_group_fini (&self->written[i]);
    }
    zloom_move_free (&self->landing);
    zloom_blob_unref (&self->taking.blob);
    zloom_buf_fini (&self->carried);
    zloom_map_destroy (&self->names);
    self->vfs->close (self->vfs, &self->lock);
    if (self->event_fd >= 0) {
        close (self->event_fd);
    }
    free (self->taking.mark.slices);
    free (self->flows);
    free (self->boots);
    free (self->segments);
    free (self->ready);
    free (self->wishes);
    free (self->directory);
    free (self->failed_note);
    self->base.tag = ZLOOM_TAG_DEAD;
    free (self);
}
