/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/quote.h"

#include <stdbool.h>
#include <string.h>

/* How many bytes the character at `at` has; 0: it is no UTF-8. */
static size_t
s_character (const char *at)
{
    for (size_t size = 1; size <= 4 && at[size - 1]; size++) {
        if (zloom_bytes_is_utf8 (zloom_bytes (at, size))) {
            return size;
        }
    }
    return 0;
}

void
zloom_quote_json (zloom_buf_t *out, const char *text)
{
    zloom_buf_add_text (out, "\"");
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char) *at;
        const size_t size = s_character (at);
        if (byte == '"' || byte == '\\') {
            zloom_buf_printf (out, "\\%c", byte);
        } else if (byte < ' ') {
            zloom_buf_printf (out, "\\u%04x", byte);
        } else if (size == 0) {
            zloom_buf_add_text (out, "?"); /* of a file's name: all else was read as UTF-8 */
        } else {
            zloom_buf_add (out, at, size);
            at += size - 1;
        }
    }
    zloom_buf_add_text (out, "\"");
}

/* Letters, digits and a few marks that mean nothing to YAML, anywhere. */
static bool
s_is_plain (const char *text)
{
    static const char first[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "/._+-=%@~$^";
    size_t size = strlen (text);
    return size > 0 && strchr (first, text[0]) && strspn (text, rest) == size;
}

void
zloom_quote_yaml (zloom_buf_t *out, const char *text)
{
    if (s_is_plain (text)) {
        zloom_buf_add_text (out, text);
    } else {
        zloom_quote_json (out, text); /* what JSON quotes, YAML reads alike */
    }
}
