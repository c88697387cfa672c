/* SPDX-License-Identifier: MPL-2.0 */
#include "base/units.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define TEXT_BYTES 48
#define PPM_PER_PERCENT 10000
/* As much of a wrong text as a note shows. */
#define QUOTE "'%.60s'"

typedef struct {
    const char *name;
    int64_t factor;
} unit_t;

/* From the largest down: a duration's parts come in this order. */
static const unit_t s_durations[] = {
  {"d", 86400 * ZLOOM_NS_PER_S},
  {"h", 3600 * ZLOOM_NS_PER_S},
  {"m", 60 * ZLOOM_NS_PER_S},
  {"s", ZLOOM_NS_PER_S},
  {"ms", ZLOOM_NS_PER_MS},
  {"us", ZLOOM_NS_PER_US},
  {"ns", 1},
};

/* Of two forms that are equally short the first one is written. */
static const unit_t s_sizes[] = {
  {"TiB", INT64_C (1) << 40}, {"GiB", INT64_C (1) << 30},      {"MiB", INT64_C (1) << 20},
  {"KiB", INT64_C (1) << 10}, {"TB", INT64_C (1000000000000)}, {"GB", INT64_C (1000000000)},
  {"MB", INT64_C (1000000)},  {"kB", INT64_C (1000)},          {"B", 1},
};

#define COUNT(array) (sizeof (array) / sizeof *(array))

static bool
s_is_digit (char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Read digits at *at into *number and step over them. INVALID when there is none, TOO_BIG when they
 * do not fit; without a note, since the caller knows what the whole text was.
 */
static zloom_err_t
s_read_digits (const char **at, int64_t *number)
{
    if (!s_is_digit (**at)) {
        return ZLOOM_INVALID;
    }
    int64_t value = 0;
    bool fits = true;
    for (; s_is_digit (**at); (*at)++) {
        fits = fits && !__builtin_mul_overflow (value, 10, &value) &&
               !__builtin_add_overflow (value, **at - '0', &value);
    }
    *number = value;
    return fits ? ZLOOM_OK : ZLOOM_TOO_BIG;
}

/* The unit whose name is the letters at *at, stepped over; COUNT when there is none. */
static size_t
s_read_unit (const char **at, const unit_t *units, size_t count)
{
    size_t letters = 0;
    while ((*at)[letters] && !s_is_digit ((*at)[letters])) {
        letters++;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen (units[i].name) == letters && memcmp (units[i].name, *at, letters) == 0) {
            *at += letters;
            return i;
        }
    }
    return count;
}

static zloom_err_t
s_fail_form (zloom_err_t err, const char *text, const char *form)
{
    if (err == ZLOOM_TOO_BIG) {
        return zloom_fail (err, QUOTE " is over what fits in 64 bits", text);
    }
    return zloom_fail (ZLOOM_INVALID, QUOTE " is not %s", text ? text : "", form);
}

zloom_err_t
zloom_parse_duration (const char *text, int64_t *ns)
{
    static const char form[] = "a duration: whole numbers with units, as in 250ms, 30s, 5m, 1h30m";
    const char *at = text ? text : "";
    int64_t sum = 0;
    size_t least = 0; /* each part has a smaller unit than the one before */
    zloom_err_t err = *at ? ZLOOM_OK : ZLOOM_INVALID;
    bool fits = true;
    while (*at && err == ZLOOM_OK) {
        int64_t number = 0;
        err = s_read_digits (&at, &number);
        if (err == ZLOOM_TOO_BIG) { /* go on: a wrong form is the better thing to say */
            fits = false;
            err = ZLOOM_OK;
        }
        size_t unit =
          err ? COUNT (s_durations) : s_read_unit (&at, s_durations, COUNT (s_durations));
        if (unit < least || unit == COUNT (s_durations)) {
            err = ZLOOM_INVALID;
            break;
        }
        least = unit + 1;
        fits = fits && !__builtin_mul_overflow (number, s_durations[unit].factor, &number) &&
               !__builtin_add_overflow (sum, number, &sum);
    }
    if (err == ZLOOM_OK && !fits) {
        err = ZLOOM_TOO_BIG;
    }
    if (err) {
        return s_fail_form (err, text, form);
    }
    *ns = sum;
    return ZLOOM_OK;
}

zloom_err_t
zloom_parse_size (const char *text, int64_t *bytes)
{
    static const char form[] =
      "a size: a whole number with or without unit, as in 512, 64KiB, 10MB";
    const char *at = text ? text : "";
    int64_t number = 0;
    zloom_err_t err = s_read_digits (&at, &number);
    if (err != ZLOOM_INVALID && *at) {
        size_t unit = s_read_unit (&at, s_sizes, COUNT (s_sizes));
        if (unit == COUNT (s_sizes) || *at) {
            err = ZLOOM_INVALID;
        } else if (__builtin_mul_overflow (number, s_sizes[unit].factor, &number)) {
            err = ZLOOM_TOO_BIG;
        }
    }
    if (err) {
        return s_fail_form (err, text, form);
    }
    *bytes = number;
    return ZLOOM_OK;
}

zloom_err_t
zloom_parse_percent (const char *text, int64_t *ppm)
{
    static const char form[] = "a percentage with at most four decimals, as in 10%, 0.5%";
    const char *at = text ? text : "";
    int64_t whole = 0;
    int64_t fraction = 0;
    zloom_err_t err = s_read_digits (&at, &whole);
    if (err != ZLOOM_INVALID && *at == '.') {
        at++;
        const char *start = at;
        int64_t weight = PPM_PER_PERCENT;
        for (; s_is_digit (*at) && weight > 1; at++) {
            weight /= 10;
            fraction += (*at - '0') * weight;
        }
        err = at == start ? ZLOOM_INVALID : err;
    }
    if (strcmp (at, "%") != 0) {
        err = ZLOOM_INVALID;
    }
    if (err == ZLOOM_OK && (__builtin_mul_overflow (whole, PPM_PER_PERCENT, &whole) ||
                            __builtin_add_overflow (whole, fraction, &whole))) {
        err = ZLOOM_TOO_BIG;
    }
    if (err) {
        return s_fail_form (err, text, form);
    }
    *ppm = whole;
    return ZLOOM_OK;
}

zloom_err_t
zloom_parse_int (const char *text, int64_t *number)
{
    const char *at = text ? text : "";
    bool minus = *at == '-';
    if (*at == '-' || *at == '+') {
        at++;
    }
    bool any = s_is_digit (*at);
    bool fits = true;
    int64_t value = 0; /* counted downwards: the negative side reaches one further */
    for (; s_is_digit (*at); at++) {
        fits = fits && !__builtin_mul_overflow (value, 10, &value) &&
               !__builtin_sub_overflow (value, *at - '0', &value);
    }
    if (!any || *at) {
        return s_fail_form (ZLOOM_INVALID, text, "a whole number, as in 42 or -7");
    }
    if (!fits || (!minus && value == INT64_MIN)) {
        return s_fail_form (ZLOOM_TOO_BIG, text, "");
    }
    *number = minus ? value : -value;
    return ZLOOM_OK;
}

/* Write the sign of a number and return what is left of it. */
static uint64_t
s_write_sign (int64_t number, char *text, size_t *used)
{
    *used = number < 0 ? 1 : 0;
    if (number < 0) {
        text[0] = '-';
    }
    return number < 0 ? 0 - (uint64_t) number : (uint64_t) number;
}

const char *
zloom_duration_text (int64_t ns, char text[48])
{
    size_t used = 0;
    uint64_t left = s_write_sign (ns, text, &used);
    if (left == 0) {
        snprintf (text, TEXT_BYTES, "0s");
        return text;
    }
    for (size_t i = 0; i < COUNT (s_durations) && left > 0; i++) {
        uint64_t factor = (uint64_t) s_durations[i].factor;
        /* Below a second one number reads better than parts: 1500us, not 1ms500us. */
        bool in_parts = factor >= (uint64_t) ZLOOM_NS_PER_S;
        if (left >= factor && (in_parts || left % factor == 0)) {
            int size = snprintf (text + used, TEXT_BYTES - used, "%llu%s",
                                 (unsigned long long) (left / factor), s_durations[i].name);
            used += (size_t) size;
            left %= factor;
        }
    }
    return text;
}

const char *
zloom_size_text (int64_t bytes, char text[48])
{
    size_t used = 0;
    uint64_t left = s_write_sign (bytes, text, &used);
    size_t room = TEXT_BYTES - used;
    /* One more than it is: a unit that is as short reads better. */
    int shortest = 1 + snprintf (text + used, room, "%llu", (unsigned long long) left);
    for (size_t i = 0; i < COUNT (s_sizes) - 1 && left > 0; i++) {
        uint64_t factor = (uint64_t) s_sizes[i].factor;
        char form[TEXT_BYTES];
        if (left % factor != 0) {
            continue;
        }
        int size = snprintf (form, sizeof form, "%llu%s", (unsigned long long) (left / factor),
                             s_sizes[i].name);
        if (size < shortest) {
            shortest = size;
            memcpy (text + used, form, (size_t) size + 1);
        }
    }
    return text;
}

const char *
zloom_percent_text (int64_t ppm, char text[48])
{
    size_t used = 0;
    uint64_t left = s_write_sign (ppm, text, &used);
    unsigned long long whole = left / PPM_PER_PERCENT;
    unsigned fraction = (unsigned) (left % PPM_PER_PERCENT);
    int digits = 4;
    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (digits > 0) {
        snprintf (text + used, TEXT_BYTES - used, "%llu.%0*u%%", whole, digits, fraction);
    } else {
        snprintf (text + used, TEXT_BYTES - used, "%llu%%", whole);
    }
    return text;
}
