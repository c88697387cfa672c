/* SPDX-License-Identifier: MPL-2.0 */
/* names.c - see names.h. */
#include "journal/names.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>

/* The number that `text` starts with; false when it does not or is out of range. */
static bool
s_number (const char *text, const char **end_p, uint64_t *number)
{
    if (*text < '0' || *text > '9') {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull (text, &end, 10);
    *number = value;
    *end_p = end;
    return errno == 0 && value <= ZLOOM_NUMBERS_MOST;
}

static void
s_each_name (void *arg, const char *name)
{
    zloom_names_t *self = arg;
    uint64_t number;
    uint64_t flow;
    const char *end;
    if (strncmp (name, "hot-", 4) == 0 && s_number (name + 4, &end, &number) && *end == '\0') {
        zloom_grow (&self->hot, &self->hot_capacity, self->hot_count + 1, sizeof *self->hot);
        self->hot[self->hot_count++] = number;
    } else if (strncmp (name, "cold-", 5) == 0 && s_number (name + 5, &end, &flow) && *end == '-' &&
               flow < ZLOOM_FLOWS_MOST && s_number (end + 1, &end, &number) && *end == '\0') {
        zloom_grow (&self->cold, &self->cold_capacity, self->cold_count + 1, sizeof *self->cold);
        self->cold[self->cold_count++] = (zloom_cold_name_t){(uint32_t) flow, number};
    }
}

static int
s_compare_numbers (const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a;
    uint64_t right = *(const uint64_t *) b;
    return (left > right) - (left < right);
}

static int
s_compare_cold (const void *a, const void *b)
{
    const zloom_cold_name_t *left = a;
    const zloom_cold_name_t *right = b;
    if (left->flow != right->flow) {
        return left->flow < right->flow ? -1 : 1;
    }
    return (left->number > right->number) - (left->number < right->number);
}

zloom_err_t
zloom_names_list (zloom_names_t *self, zloom_vfs_t *vfs, const char *directory)
{
    *self = (zloom_names_t){0};
    zloom_err_t err = vfs->list (vfs, directory, s_each_name, self);
    if (self->hot_count > 0) {
        qsort (self->hot, self->hot_count, sizeof *self->hot, s_compare_numbers);
    }
    if (self->cold_count > 0) {
        qsort (self->cold, self->cold_count, sizeof *self->cold, s_compare_cold);
    }
    return err;
}

bool
zloom_names_has_cold (const zloom_names_t *self, uint32_t flow, uint64_t number)
{
    zloom_cold_name_t key = {flow, number};
    return self->cold_count > 0 &&
           bsearch (&key, self->cold, self->cold_count, sizeof key, s_compare_cold);
}

void
zloom_names_fini (zloom_names_t *self)
{
    free (self->hot);
    free (self->cold);
    *self = (zloom_names_t){0};
}

char *
zloom_hot_path (const char *directory, uint64_t segment)
{
    return zloom_format ("%s/hot-%010llu", directory, (unsigned long long) segment);
}

char *
zloom_cold_path (const char *directory, uint32_t flow, uint64_t segment)
{
    return zloom_format ("%s/cold-%u-%010llu", directory, flow, (unsigned long long) segment);
}

void
zloom_keep_damaged (zloom_vfs_t *vfs, const char *directory, const char *name, zloom_file_t *file,
                    uint64_t offset, uint64_t bytes)
{
    char *folder = zloom_format ("%s/damaged", directory);
    char *path = zloom_format ("%s/%s-%llu", folder, name, (unsigned long long) offset);
    zloom_file_t *copy = NULL;
    zloom_buf_t buf = {0};
    size_t got = 0;
    uint8_t *data = zloom_buf_reserve (&buf, (size_t) bytes);
    zloom_err_t err = vfs->read (vfs, file, offset, data, (size_t) bytes, &got);
    if (!err) {
        err = vfs->mkdir (vfs, folder);
    }
    if (!err) {
        err = vfs->open (vfs, path, true, &copy);
    }
    if (!err) {
        zloom_bytes_t part = zloom_bytes (data, got);
        zloom_gather_t gather = {&part, 1};
        err = vfs->write (vfs, copy, 0, &gather);
    }
    if (!err) {
        err = vfs->sync (vfs, copy);
    }
    vfs->close (vfs, &copy);
    zloom_log (err ? ZLOOM_LOG_WARN : ZLOOM_LOG_INFO, "journal-kept", "path=%s bytes=%zu %s", path,
               got, err ? zloom_note () : "");
    zloom_buf_fini (&buf);
    free (folder);
    free (path);
}
