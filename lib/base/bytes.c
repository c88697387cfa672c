/* SPDX-License-Identifier: MPL-2.0 */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"

#define BUF_FIRST_BYTES 64
#define EIGHT 8

int
zloom_bytes_compare (zloom_bytes_t a, zloom_bytes_t b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp (a.data, b.data, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

/*
 * How many bytes the well-formed character at `at` takes, 0 when there is none (Unicode 15, table
 * 3-7). Only the second byte has a range of its own: it is what rules out overlong forms,
 * surrogates and what lies above U+10FFFF.
 */
static size_t
s_utf8_character (const uint8_t *at, size_t left)
{
    uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < size) {
        return 0;
    }
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return size;
}

static inline bool
s_is_ascii (const uint8_t eight[EIGHT])
{
    uint64_t all;
    memcpy (&all, eight, EIGHT);
    return !(all & UINT64_C (0x8080808080808080));
}

bool
zloom_bytes_is_utf8 (zloom_bytes_t bytes)
{
    size_t i = 0;
    while (i < bytes.size) {
        /* Eight characters of ASCII at once: most text is nothing else. */
        for (; bytes.size - i > EIGHT && s_is_ascii (bytes.data + i); i += EIGHT) {
        }
        if (bytes.size >= EIGHT && bytes.size - i <= EIGHT &&
            s_is_ascii (bytes.data + bytes.size - EIGHT)) {
            return true; /* the last eight may overlap those before them */
        }
        const size_t size = s_utf8_character (bytes.data + i, bytes.size - i);
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}

uint8_t *
zloom_buf_grow (zloom_buf_t *self, size_t more)
{
    zloom_assert (more <= SIZE_MAX - self->size);
    size_t need = self->size + more;
    size_t capacity = self->capacity > BUF_FIRST_BYTES ? self->capacity : BUF_FIRST_BYTES;
    while (capacity < need) {
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    }
    self->data = zloom_realloc (self->data, capacity, 1);
    self->capacity = capacity;
    return self->data + self->size;
}

/* Whether the character is none that moves, colours or rings: C0, DEL, and C1 in UTF-8. */
static bool
s_is_plain (const uint8_t *at, size_t size, bool lines)
{
    if (size == 1) {
        return (at[0] >= 0x20 && at[0] != 0x7F) || (lines && (at[0] == '\n' || at[0] == '\t'));
    }
    return size > 0 && !(at[0] == 0xC2 && at[1] < 0xA0);
}

static void
s_add_plain (zloom_buf_t *self, zloom_bytes_t text, bool lines)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size;) {
        const size_t size = s_utf8_character (text.data + i, text.size - i);
        const size_t step = size > 0 ? size : 1;
        if (!s_is_plain (text.data + i, size, lines)) {
            zloom_buf_add (self, text.data + from, i - from);
            for (size_t j = i; j < i + step; j++) {
                zloom_buf_printf (self, "\\x%02x", text.data[j]);
            }
            from = i + step;
        }
        i += step;
    }
    zloom_buf_add (self, text.data + from, text.size - from);
}

void
zloom_buf_add_plain (zloom_buf_t *self, zloom_bytes_t text)
{
    s_add_plain (self, text, true);
}

void
zloom_buf_add_plain_line (zloom_buf_t *self, zloom_bytes_t text)
{
    s_add_plain (self, text, false);
}

void
zloom_buf_add_text (zloom_buf_t *self, const char *text)
{
    zloom_buf_add (self, text, strlen (text));
}

void
zloom_buf_printf (zloom_buf_t *self, const char *format, ...)
{
    char *at = (char *) zloom_buf_reserve (self, 1);
    size_t room = self->capacity - self->size;
    va_list args;
    va_start (args, format);
    /* False right behind va_start. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int size = vsnprintf (at, room, format, args);
    va_end (args);
    zloom_assert (size >= 0);
    if ((size_t) size >= room) {
        at = (char *) zloom_buf_reserve (self, (size_t) size + 1);
        va_start (args, format);
        vsnprintf (at, (size_t) size + 1, format, args);
        va_end (args);
    }
    self->size += (size_t) size;
}

const char *
zloom_buf_text (zloom_buf_t *self)
{
    *zloom_buf_reserve (self, 1) = 0;
    return (const char *) self->data;
}

void
zloom_buf_clear (zloom_buf_t *self)
{
    self->size = 0;
}

void
zloom_buf_fini (zloom_buf_t *self)
{
    free (self->data);
    *self = (zloom_buf_t){NULL, 0, 0};
}
