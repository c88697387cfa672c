/* SPDX-License-Identifier: MPL-2.0 */
/*
 * when.h - points in time as people write them.
 *
 *   2026-11-28T14:05:00Z   2026-11-28T14:05:00.5+01:00      RFC 3339
 *   2026-11-28T14:05       2026-11-28 14:05:30              without a zone: that of this machine
 *   14:05                  14:05:30                         when the clock here shows it next
 */
#ifndef ZLOOM_BASE_WHEN_H
#define ZLOOM_BASE_WHEN_H

#include <stdint.h>

#include "base/error.h"

/*
 * The whole text; `now_ns` is the wall clock, for the forms without a date. INVALID: of another
 * form, no such day, or a local time that does not exist (the hour that is left out in spring); the
 * note shows which. A local time that exists twice (in autumn) is one of the two.
 */
zloom_err_t zloom_parse_when (const char *text, int64_t now_ns, int64_t *when_ns);

/* RFC 3339 in the zone of this machine, to the second: "2026-11-28T14:05:00+01:00". */
const char *zloom_local_text (int64_t wall_ns, char text[40]);

#endif
