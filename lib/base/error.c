/* SPDX-License-Identifier: MPL-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *text;
    bool retryable;
} error_entry_t;

static const error_entry_t s_errors[ZLOOM_ERR_COUNT] = {
#define ERROR_ENTRY(name, text, retryable) {#name, text, retryable},
  ZLOOM_ERR_MAP (ERROR_ENTRY)
#undef ERROR_ENTRY
};

static _Thread_local char s_note[ZLOOM_NOTE_BYTES];

/* Codes also arrive from peers and disks, so that one from outside the table is no bug of ours. */
static const error_entry_t *
s_entry (zloom_err_t err)
{
    static const error_entry_t unknown = {"UNKNOWN", "unknown error", false};
    return (unsigned) err < ZLOOM_ERR_COUNT ? &s_errors[err] : &unknown;
}

const char *
zloom_err_text (zloom_err_t err)
{
    return s_entry (err)->text;
}

const char *
zloom_err_name (zloom_err_t err)
{
    return s_entry (err)->name;
}

bool
zloom_err_retryable (zloom_err_t err)
{
    return s_entry (err)->retryable;
}

bool
zloom_err_by_name (const char *name, zloom_err_t *err)
{
    for (unsigned i = 0; name && i < ZLOOM_ERR_COUNT; i++) {
        if (strcmp (s_errors[i].name, name) == 0) {
            *err = (zloom_err_t) i;
            return true;
        }
    }
    return false;
}

const char *
zloom_note (void)
{
    return s_note;
}

void
zloom_note_clear (void)
{
    s_note[0] = 0;
}

/*
 * A note that is cut must not end inside a UTF-8 character: it goes on into JSON and onto the wire
 * as text. `text` holds a string that was just cut to fit.
 */
static void
s_trim_cut_character (char *text)
{
    size_t size = strlen (text);
    size_t start = size;
    while (start > 0 && size - start < 3 && ((unsigned char) text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char) text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (need > 1 && size - start + 1 < need) {
        text[start - 1] = 0;
    }
}

/* Arguments may point into the note itself, so it is built aside and copied. */
static void __attribute__ ((format (printf, 2, 0)))
s_set_note (const char *behind, const char *format, va_list args)
{
    char text[ZLOOM_NOTE_BYTES];
    int size = vsnprintf (text, sizeof text, format, args);
    if (size < 0) {
        text[0] = 0;
        size = 0;
    }
    bool cut = (size_t) size >= sizeof text;
    if (behind && !cut) {
        size_t used = (size_t) size;
        int more = snprintf (text + used, sizeof text - used, ": %s", behind);
        cut = more < 0 || (size_t) more >= sizeof text - used;
    }
    if (cut) {
        s_trim_cut_character (text);
    }
    memcpy (s_note, text, strlen (text) + 1);
}

zloom_err_t
zloom_fail (zloom_err_t err, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    s_set_note (NULL, format, args);
    va_end (args);
    return err;
}

zloom_err_t
zloom_fail_errno (zloom_err_t err, const char *format, ...)
{
    int number = errno;
    char buffer[128];
    const char *reason = strerror_r (number, buffer, sizeof buffer);
    va_list args;
    va_start (args, format);
    s_set_note (reason, format, args);
    va_end (args);
    errno = number;
    return err;
}

void
zloom_note_prefix (const char *format, ...)
{
    char old[ZLOOM_NOTE_BYTES];
    memcpy (old, s_note, sizeof old);
    va_list args;
    va_start (args, format);
    s_set_note (old, format, args);
    va_end (args);
}
