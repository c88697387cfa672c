/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/hint.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"

/* Longer values are no slips of the pen. */
#define TEXT_BYTES 32

typedef struct {
    const char *word; /* without case */
    const char *unit;
} word_t;

static const word_t s_durations[] = {
  {"sec", "s"},     {"secs", "s"},
  {"second", "s"},  {"seconds", "s"},
  {"min", "m"},     {"mins", "m"},
  {"minute", "m"},  {"minutes", "m"},
  {"hr", "h"},      {"hrs", "h"},
  {"hour", "h"},    {"hours", "h"},
  {"day", "d"},     {"days", "d"},
  {"s", "s"},       {"m", "m"},
  {"h", "h"},       {"d", "d"},
  {"ms", "ms"},     {"msec", "ms"},
  {"millis", "ms"}, {"milliseconds", "ms"},
  {"us", "us"},
};
static const word_t s_sizes[] = {
  {"k", "KiB"},   {"m", "MiB"},   {"g", "GiB"},   {"t", "TiB"},   {"kb", "kB"},
  {"mb", "MB"},   {"gb", "GB"},   {"tb", "TB"},   {"kib", "KiB"}, {"mib", "MiB"},
  {"gib", "GiB"}, {"tib", "TiB"}, {"bytes", "B"}, {"b", "B"},
};
static const word_t s_percents[] = {{"percent", "%"}, {"pct", "%"}};

/* ---- numbers with units -------------------------------------------------------------------- */

/* "2 gb" as its number and its unit; false when it is not of that form. */
static bool
s_split (const char *text, char number[TEXT_BYTES], char unit[TEXT_BYTES])
{
    size_t digits = strspn (text, "0123456789.");
    const char *rest = text + digits + strspn (text + digits, " ");
    size_t letters = strlen (rest);
    if (digits == 0 || digits >= TEXT_BYTES || letters >= TEXT_BYTES) {
        return false;
    }
    memcpy (number, text, digits);
    number[digits] = '\0';
    for (size_t i = 0; i <= letters; i++) {
        unit[i] = (char) tolower ((unsigned char) rest[i]);
    }
    return unit[strspn (unit, "abcdefghijklmnopqrstuvwxyz%")] == '\0';
}

static const char *
s_unit (const word_t *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (words[i].word, word) == 0) {
            return words[i].unit;
        }
    }
    return NULL;
}

/* "1.5" of a unit, in a smaller one that makes it whole: "1500ms". */
static const char *
s_whole (zloom_pool_t *pool, const char *number, const char *unit)
{
    int64_t one = 0;
    int64_t whole = 0;
    int64_t tenths = 0;
    char text[48];
    const char *dot = strchr (number, '.');
    bool one_decimal = dot && isdigit ((unsigned char) dot[1]) && dot[2] == '\0';
    char *base = zloom_pool_text (pool, number, dot ? (size_t) (dot - number) : 0);
    if (!one_decimal || zloom_parse_int (base, &whole) != ZLOOM_OK || whole > 1000000 ||
        zloom_parse_int (dot + 1, &tenths) != ZLOOM_OK ||
        zloom_parse_duration (zloom_pool_format (pool, "1%s", unit), &one) != ZLOOM_OK) {
        return NULL;
    }
    zloom_duration_text (one / 10 * (whole * 10 + tenths), text);
    return zloom_pool_format (pool, "did you mean '%s'?", text);
}

static const char *
s_meant (zloom_pool_t *pool, zloom_field_type_t type, const char *text)
{
    char number[TEXT_BYTES];
    char unit[TEXT_BYTES];
    int64_t value = 0;
    if (!s_split (text, number, unit)) {
        bool parts = text[strspn (text, "0123456789dhmsun")] == '\0';
        return type == ZLOOM_FIELD_DURATION && parts ? "larger units first, as in 1h30m" : NULL;
    }
    bool size = type == ZLOOM_FIELD_SIZE;
    bool percent = type == ZLOOM_FIELD_PERCENT;
    const char *meant = size ? s_unit (s_sizes, sizeof s_sizes / sizeof *s_sizes, unit)
                        : percent
                          ? s_unit (s_percents, sizeof s_percents / sizeof *s_percents, unit)
                          : s_unit (s_durations, sizeof s_durations / sizeof *s_durations, unit);
    meant = meant ? meant : percent && strcmp (unit, "%") == 0 ? "%" : NULL;
    if (meant && strchr (number, '.') && !percent) {
        return size ? "write a whole number of a smaller unit" : s_whole (pool, number, meant);
    }
    char *whole = zloom_pool_format (pool, "%s%s", number, meant ? meant : "");
    zloom_err_t err = !meant    ? ZLOOM_INVALID
                      : size    ? zloom_parse_size (whole, &value)
                      : percent ? zloom_parse_percent (whole, &value)
                                : zloom_parse_duration (whole, &value);
    return err == ZLOOM_OK ? zloom_pool_format (pool, "did you mean '%s'?", whole) : NULL;
}

/* ---- by type ------------------------------------------------------------------------------- */

static const char *
s_bool (const char *text)
{
    static const char *const yes[] = {"yes", "on", "true", "y", "1"};
    static const char *const no[] = {"no", "off", "false", "n", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp (text, yes[i]) == 0) {
            return "write true";
        }
        if (strcasecmp (text, no[i]) == 0) {
            return "write false";
        }
    }
    return NULL;
}

/* A number without the unit that it needs. */
static const char *
s_bare (zloom_pool_t *pool, zloom_field_type_t type, const char *text)
{
    int64_t number = 0;
    bool whole = zloom_parse_int (text, &number) == ZLOOM_OK;
    if (whole && (type == ZLOOM_FIELD_DURATION || type == ZLOOM_FIELD_DURATIONS)) {
        return zloom_pool_format (pool, "add the unit: '%.40ss' or '%.40sms'?", text, text);
    }
    if (whole && type == ZLOOM_FIELD_PERCENT) {
        return zloom_pool_format (pool, "did you mean '%.40s%%'?", text);
    }
    if (type == ZLOOM_FIELD_PERCENT && strncmp (text, "0.", 2) == 0 &&
        isdigit ((unsigned char) text[2]) && strlen (text) <= 4) {
        int part = (text[2] - '0') * 10 + (text[3] ? text[3] - '0' : 0);
        return zloom_pool_format (pool, "did you mean '%d%%'?", part);
    }
    return NULL;
}

const char *
zloom_hint_number (zloom_pool_t *pool, zloom_field_type_t type, const char *text)
{
    if (strcasecmp (text, "null") == 0 || strcmp (text, "~") == 0) {
        return "leave the key out";
    }
    if (strstr (text, "“") || strstr (text, "”") || strstr (text, "‘") || strstr (text, "’")) {
        return "those quotes are part of the value: write \" or nothing";
    }
    if (strchr (text, '#')) {
        return "a comment wants a blank in front of its '#'";
    }
    if (type == ZLOOM_FIELD_BOOL) {
        return s_bool (text);
    }
    const char *bare = s_bare (pool, type, text);
    return bare || type == ZLOOM_FIELD_INT ? bare : s_meant (pool, type, text);
}
