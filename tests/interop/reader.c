/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What zloom's bounded msgpack reader makes of bytes: a line of hex on stdin, a line on stdout. A
 * value is written as JSON is, with i, f, s, b before integers, floats, strs and bins (the last two
 * in hex); what the reader refuses is "error CODE".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/cursor.h"
#include "wire/limits.h"
#include "wire/scan.h"

#define LINE_BYTES 65536

static void
s_print_hex (char kind, zloom_bytes_t bytes)
{
    printf ("%c", kind);
    for (size_t i = 0; i < bytes.size; i++) {
        printf ("%02x", bytes.data[i]);
    }
}

static void
s_print_int (zloom_cursor_t *cursor)
{
    zloom_cursor_t probe = *cursor;
    const uint64_t number = zloom_cursor_uint (&probe, UINT64_MAX);
    if (probe.err == ZLOOM_OK) {
        printf ("i%" PRIu64, number);
        *cursor = probe;
    } else {
        printf ("i%" PRId64, zloom_cursor_int (cursor));
    }
}

/* Nesting was checked: at most ZLOOM_LIMIT_DEPTH calls deep. */
static void
s_print (zloom_cursor_t *cursor)
{
    switch (zloom_cursor_type (cursor)) {
    case ZLOOM_TYPE_NIL:
        (void) zloom_cursor_nil (cursor);
        printf ("null");
        break;
    case ZLOOM_TYPE_BOOL:
        printf ("%s", zloom_cursor_bool (cursor) ? "true" : "false");
        break;
    case ZLOOM_TYPE_INT:
        s_print_int (cursor);
        break;
    case ZLOOM_TYPE_FLOAT:
        printf ("f%.17g", zloom_cursor_float (cursor));
        break;
    case ZLOOM_TYPE_STR:
        s_print_hex ('s', zloom_cursor_text (cursor, LINE_BYTES));
        break;
    case ZLOOM_TYPE_BIN:
        s_print_hex ('b', zloom_cursor_bytes (cursor, LINE_BYTES));
        break;
    case ZLOOM_TYPE_ARRAY: {
        const uint32_t count = zloom_cursor_array (cursor, LINE_BYTES);
        printf ("[");
        for (uint32_t i = 0; i < count; i++) {
            printf ("%s", i ? "," : "");
            s_print (cursor);
        }
        printf ("]");
        break;
    }
    case ZLOOM_TYPE_MAP: {
        const uint32_t count = zloom_cursor_map (cursor, LINE_BYTES);
        printf ("{");
        for (uint32_t i = 0; i < count; i++) {
            printf ("%s", i ? "," : "");
            s_print (cursor);
            printf (":");
            s_print (cursor);
        }
        printf ("}");
        break;
    }
    case ZLOOM_TYPE_NONE:
    case ZLOOM_TYPE_BAD:
        printf ("?");
        break;
    }
}

static size_t
s_read_hex (const char *line, uint8_t *bytes)
{
    size_t size = 0;
    for (; line[0] && line[1] && line[0] != '\n'; line += 2) {
        const char pair[3] = {line[0], line[1], 0};
        bytes[size++] = (uint8_t) strtoul (pair, NULL, 16);
    }
    return size;
}

int
main (void)
{
    static char line[LINE_BYTES];
    static uint8_t bytes[LINE_BYTES / 2];
    while (fgets (line, sizeof line, stdin)) {
        const zloom_bytes_t value = zloom_bytes (bytes, s_read_hex (line, bytes));
        const zloom_err_t err = zloom_scan_whole (value, ZLOOM_LIMIT_VERB_NODES);
        if (err != ZLOOM_OK) {
            printf ("error %s\n", zloom_err_name (err));
            continue;
        }
        zloom_cursor_t cursor = zloom_cursor (value);
        s_print (&cursor);
        if (zloom_cursor_end (&cursor) != ZLOOM_OK) {
            printf (" error %s", zloom_err_name (zloom_cursor_end (&cursor)));
        }
        printf ("\n");
    }
    return 0;
}
