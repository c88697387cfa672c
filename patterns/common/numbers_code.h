/* SPDX-License-Identifier: MPL-2.0 */
/*
 * numbers_code.h - a set of numbers as msgpack, two values: [first, n, first, n…] and
 * [chunk, bitmap, chunk, bitmap…].
 */
#ifndef ZLOOM_PATTERNS_COMMON_NUMBERS_CODE_H
#define ZLOOM_PATTERNS_COMMON_NUMBERS_CODE_H

#include "patterns/common/numbers.h"
#include "wire/cursor.h"

void zloom_numbers_encode (const zloom_numbers_t *self, zloom_buf_t *out);
/*
 * Read both values as the next two fields into an empty set. Numbers lie in [least, end); an error
 * stands in the fields' cursor.
 */
void zloom_numbers_decode (zloom_numbers_t *self, zloom_fields_t *fields, uint64_t least,
                           uint64_t end);

#endif
