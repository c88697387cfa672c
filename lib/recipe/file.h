/* SPDX-License-Identifier: MPL-2.0 */
/* file.h - a whole small file into memory. */
#ifndef ZLOOM_RECIPE_FILE_H
#define ZLOOM_RECIPE_FILE_H

#include "base/bytes.h"
#include "base/error.h"

/*
 * Add the file's bytes to `text`, at most one more than `most`, so that a file that is too big is
 * told from a full one. NOT_FOUND, SYSTEM with a note.
 */
zloom_err_t zloom_file_read (const char *path, size_t most, zloom_buf_t *text);

#endif
