/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fuzz.h - what libFuzzer calls, and what a target says when a promise breaks.
 */
#ifndef ZLOOM_TEST_FUZZ_H
#define ZLOOM_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/tag.h"

/* Returns 0; anything that is wrong stops the process (zloom_assert, or a sanitizer). */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#endif
