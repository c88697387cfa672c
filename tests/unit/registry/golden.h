/* SPDX-License-Identifier: MPL-2.0 */
/* golden.h - compare a text with a file; ZLOOM_UPDATE=1 writes the file instead. */
#ifndef ZLOOM_TESTS_GOLDEN_H
#define ZLOOM_TESTS_GOLDEN_H

#include "recipes.h"

/* The whole file in a text to free; NULL when there is none. */
static inline char *
golden_read (const char *path)
{
    FILE *file = fopen (path, "rb");
    zloom_buf_t text = {0};
    char part[4096];
    size_t size = 0;
    while (file && (size = fread (part, 1, sizeof part, file)) > 0) {
        zloom_buf_add (&text, part, size);
    }
    if (file) {
        fclose (file);
    }
    char *copy = file ? zloom_strdup (zloom_buf_text (&text)) : NULL;
    zloom_buf_fini (&text);
    return copy;
}

/* Whether the file holds this text; prints where they part if not. */
static inline bool
golden_matches (const char *path, const char *text)
{
    if (getenv ("ZLOOM_UPDATE")) {
        FILE *file = fopen (path, "wb");
        assert_non_null (file);
        fputs (text, file);
        assert_int_equal (fclose (file), 0);
        return true;
    }
    char *expected = golden_read (path);
    bool same = expected && strcmp (expected, text) == 0;
    if (!same) {
        print_error ("%s differs (ZLOOM_UPDATE=1 writes it anew); now it is:\n%s\n", path, text);
    }
    free (expected);
    return same;
}

#endif
