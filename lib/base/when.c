/* SPDX-License-Identifier: MPL-2.0 */
#include "base/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/tag.h"

#define QUOTE "'%.60s'"

/* What was read, and where reading stands. */
typedef struct {
    const char *at;
    bool bad;
    struct tm parts;
    int64_t fraction_ns;
    bool has_zone;
    int64_t offset_s;
} s_reading_t;

/* ---- reading -------------------------------------------------------------------------------- */

static bool
s_is_digit (char c)
{
    return c >= '0' && c <= '9';
}

/* So many digits, a number of at most `most`. */
static int
s_number (s_reading_t *self, int digits, int most)
{
    int number = 0;
    for (int i = 0; i < digits && !self->bad; i++) {
        self->bad = !s_is_digit (*self->at);
        number = self->bad ? 0 : number * 10 + (*self->at++ - '0');
    }
    self->bad = self->bad || number > most;
    return number;
}

static bool
s_is_next (s_reading_t *self, const char *any_of)
{
    const bool is = !self->bad && *self->at && strchr (any_of, *self->at);
    self->at += is;
    return is;
}

static void
s_need (s_reading_t *self, const char *any_of)
{
    self->bad = !s_is_next (self, any_of);
}

static void
s_date (s_reading_t *self)
{
    self->parts.tm_year = s_number (self, 4, 9999) - 1900;
    s_need (self, "-");
    self->parts.tm_mon = s_number (self, 2, 12) - 1;
    s_need (self, "-");
    self->parts.tm_mday = s_number (self, 2, 31);
    s_need (self, "Tt ");
}

static void
s_time (s_reading_t *self)
{
    self->parts.tm_hour = s_number (self, 2, 23);
    s_need (self, ":");
    self->parts.tm_min = s_number (self, 2, 59);
    if (!s_is_next (self, ":")) {
        return;
    }
    self->parts.tm_sec = s_number (self, 2, 59);
    if (s_is_next (self, ".")) {
        self->bad = !s_is_digit (*self->at);
        for (int64_t unit = ZLOOM_NS_PER_S / 10; s_is_digit (*self->at); unit /= 10) {
            self->fraction_ns += unit * (*self->at++ - '0');
        }
    }
}

static void
s_zone (s_reading_t *self)
{
    if (s_is_next (self, "Zz")) {
        self->has_zone = true;
    } else if (!self->bad && (*self->at == '+' || *self->at == '-')) {
        const int sign = *self->at++ == '+' ? 1 : -1;
        const int hours = s_number (self, 2, 23);
        s_need (self, ":");
        self->has_zone = true;
        self->offset_s = sign * (hours * 3600 + s_number (self, 2, 59) * 60);
    }
}

/* ---- from parts to a point in time ---------------------------------------------------------- */

static bool
s_same (const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
           a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* False: these parts name no point in time, here or anywhere. */
static bool
s_seconds (const s_reading_t *self, int64_t *seconds)
{
    struct tm parts = self->parts;
    parts.tm_isdst = -1;
    *seconds = (int64_t) (self->has_zone ? timegm (&parts) : mktime (&parts)) - self->offset_s;
    return s_same (&parts, &self->parts);
}

/* Today, or, if that is over, tomorrow; calendars know what comes after the last of a month. */
static bool
s_next_time (s_reading_t *self, int64_t now_ns, int64_t *seconds)
{
    const time_t now = (time_t) (now_ns / ZLOOM_NS_PER_S);
    struct tm today;
    zloom_assert (localtime_r (&now, &today));
    for (int day = 0; day <= 1; day++) {
        struct tm noon = {.tm_year = today.tm_year,
                          .tm_mon = today.tm_mon,
                          .tm_mday = today.tm_mday + day,
                          .tm_hour = 12,
                          .tm_isdst = -1};
        (void) mktime (&noon);
        self->parts.tm_year = noon.tm_year;
        self->parts.tm_mon = noon.tm_mon;
        self->parts.tm_mday = noon.tm_mday;
        if (s_seconds (self, seconds) && *seconds * ZLOOM_NS_PER_S + self->fraction_ns > now_ns) {
            return true;
        }
    }
    return false;
}

zloom_err_t
zloom_parse_when (const char *text, int64_t now_ns, int64_t *when_ns)
{
    s_reading_t self = {.at = text ? text : ""};
    const bool has_date = strlen (self.at) > 4 && self.at[4] == '-';
    if (has_date) {
        s_date (&self);
    }
    s_time (&self);
    if (has_date) {
        s_zone (&self);
    }
    if (self.bad || *self.at) {
        return zloom_fail (
          ZLOOM_INVALID, QUOTE " is no time: 2026-11-28T14:05:00Z, 2026-11-28T14:05 here, or 14:05",
          text ? text : "");
    }
    int64_t seconds = 0;
    if (!(has_date ? s_seconds (&self, &seconds) : s_next_time (&self, now_ns, &seconds))) {
        return zloom_fail (ZLOOM_INVALID, QUOTE " does not exist%s", text,
                           self.has_zone ? " in the calendar" : " on the calendar and clock here");
    }
    int64_t ns = 0;
    if (__builtin_mul_overflow (seconds, ZLOOM_NS_PER_S, &ns) ||
        __builtin_add_overflow (ns, self.fraction_ns, &ns)) {
        return zloom_fail (ZLOOM_TOO_BIG, QUOTE " is outside of the years 1678 to 2261", text);
    }
    *when_ns = ns;
    return ZLOOM_OK;
}

const char *
zloom_local_text (int64_t wall_ns, char text[40])
{
    const int64_t rest_ns = wall_ns % ZLOOM_NS_PER_S;
    const time_t when = (time_t) (wall_ns / ZLOOM_NS_PER_S - (rest_ns < 0));
    struct tm parts;
    zloom_assert (localtime_r (&when, &parts));
    const size_t size = strftime (text, 40, "%Y-%m-%dT%H:%M:%S", &parts);
    const long minutes = parts.tm_gmtoff / 60;
    const unsigned away = (unsigned) (minutes < 0 ? -minutes : minutes);
    (void) snprintf (text + size, 40 - size, "%c%02u:%02u", minutes < 0 ? '-' : '+',
                     away / 60 % 100, away % 60);
    return text;
}
