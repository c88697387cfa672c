/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/worker/environment.h"

#include "base/memory.h"
#include "base/tag.h"
#include "io/install.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZLOOM_ENVIRONMENT_TAG 0x454E5649u

struct zloom_environment {
    uint32_t tag;
    char **items; /* items[count] is NULL */
    size_t count;
    size_t capacity;
};

/* ---- variables ------------------------------------------------------------------------------ */

static char **
s_find (const zloom_environment_t *self, const char *name)
{
    size_t size = strlen (name);
    for (size_t i = 0; i < self->count; i++) {
        if (strncmp (self->items[i], name, size) == 0 && self->items[i][size] == '=') {
            return &self->items[i];
        }
    }
    return NULL;
}

static void
s_add (zloom_environment_t *self, char *item)
{
    zloom_grow (&self->items, &self->capacity, self->count + 2, sizeof *self->items);
    self->items[self->count++] = item;
    self->items[self->count] = NULL;
}

zloom_environment_t *
zloom_environment_new (const char *const *base)
{
    zloom_environment_t *self = zloom_alloc (sizeof *self);
    self->tag = ZLOOM_ENVIRONMENT_TAG;
    zloom_grow (&self->items, &self->capacity, 1, sizeof *self->items);
    self->items[0] = NULL;
    for (; base && *base; base++) {
        s_add (self, zloom_strdup (*base));
    }
    return self;
}

void
zloom_environment_destroy (zloom_environment_t **self_p)
{
    zloom_environment_t *self = *self_p;
    if (!self) {
        return;
    }
    ZLOOM_CHECK (self, ZLOOM_ENVIRONMENT_TAG);
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        free (self->items[i]);
    }
    self->tag = ZLOOM_TAG_DEAD;
    free (self->items);
    free (self);
}

void
zloom_environment_set (zloom_environment_t *self, const char *name, zloom_bytes_t value)
{
    ZLOOM_CHECK (self, ZLOOM_ENVIRONMENT_TAG);
    size_t size = value.size;
    if (size == 0 || memchr (value.data, 0, size)) {
        size = 0;
    }
    char *item = zloom_format ("%s=%.*s", name, (int) size, size ? (const char *) value.data : "");
    char **old = s_find (self, name);
    if (old) {
        free (*old);
        *old = item;
    } else {
        s_add (self, item);
    }
}

const char *
zloom_environment_get (const zloom_environment_t *self, const char *name)
{
    ZLOOM_CHECK (self, ZLOOM_ENVIRONMENT_TAG);
    char **item = s_find (self, name);
    return item ? *item + strlen (name) + 1 : NULL;
}

const char *const *
zloom_environment_items (const zloom_environment_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_ENVIRONMENT_TAG);
    return (const char *const *) self->items;
}

/* ---- helpers -------------------------------------------------------------------------------- */

/* Where the helpers for workers in other languages lie; NULL: nowhere. */
static char *
s_helpers_folder (void)
{
    char path[PATH_MAX];
    const char *named = getenv ("ZLOOM_HELPERS");
    if (named && *named) {
        return zloom_strdup (named);
    }
    if (!zloom_install_find (ZLOOM_HELPERS_PLACE, "zloom.py", false, path, sizeof path)) {
        return NULL;
    }
    *strrchr (path, '/') = 0;
    return zloom_strdup (path);
}

/* Where an interpreter looks for modules: the helpers first, then what was said. */
static void
s_search_path (zloom_environment_t *self, const char *name, const char *folder)
{
    const char *own = zloom_environment_get (self, name);
    if (!own) {
        own = getenv (name);
    }
    char *path = zloom_format ("%s%s%s", folder, own && *own ? ":" : "", own ? own : "");
    zloom_environment_set (self, name, zloom_bytes_text (path));
    free (path);
}

void
zloom_environment_helpers (zloom_environment_t *self)
{
    ZLOOM_CHECK (self, ZLOOM_ENVIRONMENT_TAG);
    if (!zloom_environment_get (self, "PYTHONUNBUFFERED")) {
        zloom_environment_set (self, "PYTHONUNBUFFERED", zloom_bytes_text ("1"));
    }
    char *folder = s_helpers_folder ();
    if (folder) {
        s_search_path (self, "PYTHONPATH", folder);
        s_search_path (self, "NODE_PATH", folder);
        zloom_environment_set (self, "ZLOOM_HELPERS", zloom_bytes_text (folder));
        free (folder);
    }
    char path[PATH_MAX];
    const char *named = getenv ("ZLOOM_SH");
    if (!(named && *named) &&
        zloom_install_find (ZLOOM_LIBEXEC_PLACE, "zloom-sh", true, path, sizeof path)) {
        zloom_environment_set (self, "ZLOOM_SH", zloom_bytes_text (path));
    }
}
