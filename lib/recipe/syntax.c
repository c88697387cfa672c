/* SPDX-License-Identifier: MPL-2.0 */
/* syntax.c - see syntax.h. */
#include "recipe/syntax.h"

#include <string.h>

/* The line of the source, and how long it is. */
static const char *
s_line (zloom_bytes_t source, int line, size_t *size)
{
    const char *at = (const char *) source.data;
    const char *end = at + source.size;
    for (int i = 1; at && i < line; i++) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        at = newline ? newline + 1 : NULL;
    }
    const char *newline = at ? memchr (at, '\n', (size_t) (end - at)) : NULL;
    *size = at ? (size_t) ((newline ? newline : end) - at) : 0;
    return at ? at : "";
}

/* Whether this line, or the one above, has a comment that may have swallowed a bracket. */
static bool
s_has_comment (zloom_bytes_t source, int line)
{
    for (int i = line; i > 0 && i >= line - 1; i--) {
        size_t size = 0;
        const char *text = s_line (source, i, &size);
        if (memmem (text, size, " #", 2)) {
            return true;
        }
    }
    return false;
}

const char *
zloom_syntax_hint (zloom_bytes_t source, zloom_span_t at, const char *message)
{
    size_t size = 0;
    const char *text = s_line (source, at.line, &size);
    bool braces = strstr (message, "comma") || strstr (message, "flow");
    if (braces && memmem (text, size, "${", 2)) {
        return "inside braces write \"${…}\" in quotes";
    }
    if (braces && at.column > 1 && (size_t) at.column <= size && text[at.column - 2] == '\'') {
        return "a ' inside single quotes is written twice: ''";
    }
    if (braces && memmem (text, size, " !", 2)) {
        return "quote a text that begins with '!'";
    }
    if (braces && s_has_comment (source, at.line)) {
        return "' #' begins a comment: quote a text that has one, and close the bracket";
    }
    if (strstr (message, "multiline plain key") && memmem (text, size, ": ", 2)) {
        return "indent the keys of one map alike";
    }
    static const struct {
        const char *said;
        const char *hint;
    } hints[] = {
      {"tab", "indent with spaces"},
      {"nested block mapping", "quote a value that contains ': '"},
      {"mapping values", "quote a value that contains ': ', or indent the line less"},
      {"invalid escape", "in double quotes write \\\\ for a \\, or take single quotes"},
      {"quoted", "look for a missing quote"},
      {"alias", "quote a text that begins with '*'"},
      {"anchor", "quote a text that begins with '&'"},
      {"cannot start with", "quote this text"},
      {"comma", "look for a missing ',', ']' or '}' here and in the line above"},
      {"closing", "look for a missing ']' or '}' above"},
      {"multiline plain key", "put a space behind each colon: 'key: value'"},
      {"expected ':'", "a line of a map is 'key: value', one of a list '- value'"},
      {"expected '-'", "end the list by less indentation, or begin the line with '- '"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strstr (message, hints[i].said)) {
            return hints[i].hint;
        }
    }
    return "look at the indentation and the quotes of this line and the one above";
}
