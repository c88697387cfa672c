/* SPDX-License-Identifier: MPL-2.0 */
/*
 * tag.h - object tags and asserts that are always on.
 *
 * Each opaque struct starts with `uint32_t tag`, set at _new and poisoned at _destroy, and each
 * entry checks it: a wrong or freed pointer stops the process at the first touch, with a place.
 * tools/check-style proves that no two classes share a tag. Idea from varnish's miniobj.h.
 *
 * zloom_assert is for invariants of our own code. Bytes, recipes, disks and peers are never
 * asserted on: what comes from outside is an error.
 */
#ifndef ZLOOM_BASE_TAG_H
#define ZLOOM_BASE_TAG_H

#include <stdint.h>

#define ZLOOM_TAG_DEAD 0xDEADDEADu

/* Prints what and where, then aborts. Never returns. */
void zloom_assert_failed (const char *what, const char *file, int line)
  __attribute__ ((noreturn, cold));

#define zloom_assert(cond)                                   \
    do {                                                     \
        if (__builtin_expect (!(cond), 0)) {                 \
            zloom_assert_failed (#cond, __FILE__, __LINE__); \
        }                                                    \
    } while (0)

/* Check that `self` is a live object of the class whose tag is `tag_value`. */
#define ZLOOM_CHECK(self, tag_value) zloom_assert ((self) && (self)->tag == (tag_value))

#endif
