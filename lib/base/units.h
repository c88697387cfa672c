/* SPDX-License-Identifier: MPL-2.0 */
/*
 * units.h - durations, sizes and percentages as people write them, both ways.
 *
 *   duration  1500us 250ms 30s 5m 12h 7d 1h30m   (a bare number is refused: the unit must stand)
 *   size      512 64KiB 4MiB 2GiB 1kB 10MB       (a bare number is bytes)
 *   percent   10% 0.5%                           (parts per million inside)
 */
#ifndef ZLOOM_BASE_UNITS_H
#define ZLOOM_BASE_UNITS_H

#include "base/error.h"

/* Each parses the whole text; ZLOOM_INVALID with a note that shows the form, ZLOOM_TOO_BIG over. */
zloom_err_t zloom_parse_duration (const char *text, int64_t *ns);
zloom_err_t zloom_parse_size (const char *text, int64_t *bytes);
zloom_err_t zloom_parse_percent (const char *text, int64_t *ppm);
/* Whole decimal number with optional sign. */
zloom_err_t zloom_parse_int (const char *text, int64_t *number);

/* Shortest exact form ("30s", "1h30m", "64MiB", "10%"), into `text` of 48 bytes. */
const char *zloom_duration_text (int64_t ns, char text[48]);
const char *zloom_size_text (int64_t bytes, char text[48]);
const char *zloom_percent_text (int64_t ppm, char text[48]);

#endif
