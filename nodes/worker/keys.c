/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/keys.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/tag.h"

#define KEYS_TAG 0x5A574B79u
#define NAME_BYTES (sizeof (uint32_t) + ZLOOM_LIMIT_KEY_BYTES)

/* A key in hand. It has a name of its own: a settled message's bytes are gone. */
struct zloom_worker_line {
    zloom_worker_jobs_t waiting;
    size_t name_size;
    uint8_t name[NAME_BYTES];
};

struct zloom_worker_keys {
    uint32_t tag;
    zloom_map_t *lines; /* name → line */
    size_t waiting;
};

zloom_worker_keys_t *
zloom_worker_keys_new (void)
{
    zloom_worker_keys_t *self = zloom_alloc (sizeof *self);
    self->tag = KEYS_TAG;
    self->lines = zloom_map_new ();
    return self;
}

void
zloom_worker_keys_destroy (zloom_worker_keys_t **self_p)
{
    zloom_assert (self_p);
    zloom_worker_keys_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, KEYS_TAG);
    zloom_assert (zloom_map_count (self->lines) == 0);
    *self_p = NULL;
    zloom_map_destroy (&self->lines);
    self->tag = ZLOOM_TAG_DEAD;
    free (self);
}

/* The line of a message's key, new if there is none. Keys of two flows are two keys. */
static zloom_worker_line_t *
s_line (zloom_worker_keys_t *self, const zloom_message_t *message)
{
    uint8_t name[NAME_BYTES];
    const size_t size = sizeof (uint32_t) + message->key_size;
    zloom_assert (size <= sizeof name);
    zloom_put_u32 (name, message->handle);
    if (message->key_size > 0) {
        memcpy (name + sizeof (uint32_t), message->key, message->key_size);
    }
    zloom_worker_line_t *line = zloom_map_get (self->lines, zloom_bytes (name, size));
    if (!line) {
        line = zloom_alloc (sizeof *line);
        line->name_size = size;
        memcpy (line->name, name, size);
        zloom_map_put (self->lines, zloom_bytes (name, size), line);
    }
    return line;
}

bool
zloom_worker_keys_enter (zloom_worker_keys_t *self, zloom_worker_job_t *job)
{
    ZLOOM_CHECK (self, KEYS_TAG);
    if (!job->message->key) {
        return true;
    }
    const size_t before = zloom_map_count (self->lines);
    job->line = s_line (self, job->message);
    if (zloom_map_count (self->lines) > before) {
        return true;
    }
    zloom_worker_jobs_add (&job->line->waiting, job);
    self->waiting++;
    return false;
}

/* All that stand in line, from the front. */
static void
s_empty (zloom_worker_keys_t *self, zloom_worker_line_t *line, zloom_worker_jobs_t *back)
{
    for (zloom_worker_job_t *job; (job = zloom_worker_jobs_take (&line->waiting));) {
        job->line = NULL;
        self->waiting--;
        zloom_worker_jobs_add (back, job);
    }
}

zloom_worker_job_t *
zloom_worker_keys_leave (zloom_worker_keys_t *self, zloom_worker_job_t *job, bool acked,
                         zloom_worker_jobs_t *back)
{
    ZLOOM_CHECK (self, KEYS_TAG);
    zloom_worker_line_t *line = job->line;
    if (!line) {
        return NULL;
    }
    job->line = NULL;
    if (!acked) {
        s_empty (self, line, back);
    }
    zloom_worker_job_t *next = zloom_worker_jobs_take (&line->waiting);
    if (next) {
        self->waiting--;
    } else {
        (void) zloom_map_remove (self->lines, zloom_bytes (line->name, line->name_size));
        free (line);
    }
    return next;
}

void
zloom_worker_keys_empty (zloom_worker_keys_t *self, zloom_worker_jobs_t *back)
{
    ZLOOM_CHECK (self, KEYS_TAG);
    zloom_worker_line_t *line = NULL;
    for (size_t i = 0; zloom_map_next (self->lines, &i, NULL, (void **) &line);) {
        s_empty (self, line, back);
    }
}

size_t
zloom_worker_keys_waiting (const zloom_worker_keys_t *self)
{
    ZLOOM_CHECK (self, KEYS_TAG);
    return self->waiting;
}
