/* SPDX-License-Identifier: MPL-2.0 */
/* top.h - two looks at a topology as one screen of text: who moves, waits, is in trouble. */
#ifndef ZLOOM_CLI_TOP_H
#define ZLOOM_CLI_TOP_H

#include "view.h"

typedef struct {
    size_t rows;    /* lines at most; 0: as many as there is to say */
    size_t columns; /* bytes a line at most; 0: no limit */
    bool colour;
} zloom_top_size_t;

/* Append the lines, each with a newline; no line is longer than `columns`, colours not counted. */
void zloom_top_render (const zloom_view_t *before, const zloom_view_t *now,
                       const zloom_top_size_t *size, zloom_buf_t *out);

#endif
