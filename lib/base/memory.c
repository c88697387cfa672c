/* SPDX-License-Identifier: MPL-2.0 */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tag.h"

/* Items in the first block of a growing array. */
#define GROW_FIRST 8

static void __attribute__ ((noreturn, cold)) s_abort (const char *text, int length)
{
    if (length > 0) {
        ssize_t written = write (STDERR_FILENO, text, (size_t) length);
        (void) written;
    }
    abort ();
}

static void __attribute__ ((noreturn, cold)) s_out_of_memory (size_t count, size_t size)
{
    char text[128];
    s_abort (text, snprintf (text, sizeof text, "zloom: out of memory: %zu times %zu bytes\n",
                             count, size));
}

void
zloom_out_of_memory (const char *what)
{
    char text[128];
    const int length = snprintf (text, sizeof text, "zloom: out of memory: %.80s\n", what);
    s_abort (text, length);
}

void *
zloom_alloc (size_t size)
{
    void *memory = calloc (1, size ? size : 1);
    if (!memory) {
        s_out_of_memory (1, size);
    }
    return memory;
}

void *
zloom_realloc (void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow (count, size, &bytes)) {
        s_out_of_memory (count, size);
    }
    /* realloc (p, 0) may free and return NULL, which looks like a failure. */
    void *memory = realloc (old, bytes ? bytes : 1);
    if (!memory) {
        s_out_of_memory (count, size);
    }
    return memory;
}

char *
zloom_strdup (const char *text)
{
    return text ? zloom_memdup_text (text, strlen (text)) : NULL;
}

char *
zloom_memdup_text (const void *data, size_t size)
{
    zloom_assert (size < PTRDIFF_MAX);
    char *copy = zloom_realloc (NULL, size + 1, 1);
    if (size > 0) {
        memcpy (copy, data, size);
    }
    copy[size] = 0;
    return copy;
}

char *
zloom_format (const char *format, ...)
{
    va_list args;
    va_start (args, format);
    int size = vsnprintf (NULL, 0, format, args);
    va_end (args);
    zloom_assert (size >= 0);
    char *text = zloom_realloc (NULL, (size_t) size + 1, 1);
    va_start (args, format);
    vsnprintf (text, (size_t) size + 1, format, args);
    va_end (args);
    return text;
}

void
zloom_grow (void *array_p, size_t *capacity, size_t need, size_t item_size)
{
    if (need <= *capacity) {
        return;
    }
    size_t larger = *capacity ? *capacity : GROW_FIRST;
    while (larger < need) {
        larger = larger > SIZE_MAX / 2 ? need : larger * 2;
    }
    /* The caller's pointer has its own type; memcpy reads and writes it without aliasing. */
    void *items = NULL;
    memcpy (&items, array_p, sizeof items);
    items = zloom_realloc (items, larger, item_size);
    memcpy (array_p, &items, sizeof items);
    *capacity = larger;
}

void
zloom_grow_ring (void *array_p, size_t *capacity, size_t head, size_t count, size_t item_size)
{
    if (count < *capacity) {
        return;
    }
    const size_t before = *capacity;
    zloom_grow (array_p, capacity, before + 1, item_size);
    if (head > 0) {
        /* What had come round to the front goes on behind the old end. */
        uint8_t *items = NULL;
        memcpy (&items, array_p, sizeof items);
        zloom_assert (items && *capacity - before >= head);
        memcpy (items + before * item_size, items, head * item_size);
    }
}
