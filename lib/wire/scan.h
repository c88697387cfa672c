/* SPDX-License-Identifier: MPL-2.0 */
/*
 * scan.h - is this well-formed msgpack within limits? Allocates nothing, never recurses.
 *
 * Checked: nesting <= ZLOOM_LIMIT_DEPTH, counts and lengths against the bytes that are left, number
 * of values, strict UTF-8 of every str, no 0xc1. No ext type is known, so each is refused (times
 * are int64 nanoseconds). Counts are held against the bytes left at their header, so five bytes can
 * never claim four billion elements.
 *
 * Errors: ZLOOM_TRUNCATED, ZLOOM_TRAILING, ZLOOM_TOO_DEEP, ZLOOM_TOO_BIG (values), ZLOOM_MALFORMED.
 * A count that the bytes cannot hold is ZLOOM_TRUNCATED.
 */
#ifndef ZLOOM_WIRE_SCAN_H
#define ZLOOM_WIRE_SCAN_H

#include "base/bytes.h"
#include "base/error.h"

/* Check the one value that `bytes` starts with; *length is how many bytes it takes. */
zloom_err_t zloom_scan_value (zloom_bytes_t bytes, uint32_t max_values, size_t *length);
/* Check that `bytes` is exactly one value. */
zloom_err_t zloom_scan_whole (zloom_bytes_t bytes, uint32_t max_values);

#endif
