/* SPDX-License-Identifier: MPL-2.0 */
/* names.h - the files of a log's directory: hot-NUMBER and cold-FLOW-NUMBER; others are ignored. */
#ifndef ZLOOM_JOURNAL_NAMES_H
#define ZLOOM_JOURNAL_NAMES_H

#include "journal/format.h"

typedef struct {
    uint32_t flow;
    uint64_t number;
} zloom_cold_name_t;

typedef struct {
    uint64_t *hot; /* sorted */
    size_t hot_count;
    size_t hot_capacity;
    zloom_cold_name_t *cold; /* sorted by flow, then number */
    size_t cold_count;
    size_t cold_capacity;
} zloom_names_t;

/* Read the directory; to be finished in each case. */
zloom_err_t zloom_names_list (zloom_names_t *self, zloom_vfs_t *vfs, const char *directory);
bool zloom_names_has_cold (const zloom_names_t *self, uint32_t flow, uint64_t number);
void zloom_names_fini (zloom_names_t *self);

/* "DIRECTORY/hot-NUMBER" and "DIRECTORY/cold-FLOW-NUMBER"; free them. */
char *zloom_hot_path (const char *directory, uint64_t segment);
char *zloom_cold_path (const char *directory, uint32_t flow, uint64_t segment);

/* Keep bytes of a damaged file in DIRECTORY/damaged/NAME-OFFSET; failing to is only logged. */
void zloom_keep_damaged (zloom_vfs_t *vfs, const char *directory, const char *name,
                         zloom_file_t *file, uint64_t offset, uint64_t bytes);

#endif
