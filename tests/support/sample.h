/* SPDX-License-Identifier: MPL-2.0 */
/*
 * sample.h - golden samples: a text file of hex digits under tests/data; lines that begin with '#'
 * are for people.
 */
#ifndef ZLOOM_TEST_SUPPORT_SAMPLE_H
#define ZLOOM_TEST_SUPPORT_SAMPLE_H

#include <ctype.h>
#include <stdio.h>

#include "base/bytes.h"

static inline unsigned
zloom_sample_digit (int c)
{
    return (unsigned) (isdigit (c) ? c - '0' : tolower (c) - 'a' + 10) & 0xfu;
}

/* Replace `out` by the bytes of the file; false when it cannot be read or is empty. */
static inline bool
zloom_sample_load (const char *path, zloom_buf_t *out)
{
    FILE *file = fopen (path, "r");
    int high = -1;
    bool comment = false;
    zloom_buf_clear (out);
    if (!file) {
        return false;
    }
    for (int c = fgetc (file); c != EOF; c = fgetc (file)) {
        comment = (comment || c == '#') && c != '\n';
        if (comment || !isxdigit (c)) {
            continue;
        }
        if (high < 0) {
            high = c;
            continue;
        }
        const uint8_t byte = (uint8_t) (zloom_sample_digit (high) << 4 | zloom_sample_digit (c));
        zloom_buf_add (out, &byte, 1);
        high = -1;
    }
    fclose (file);
    return out->size > 0 && high < 0;
}

#endif
