/* SPDX-License-Identifier: MPL-2.0 */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/tag.h"

void
zloom_random_init (zloom_random_t *self, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += UINT64_C (0x9E3779B97F4A7C15);
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C (0x94D049BB133111EB);
        self->s[i] = mixed ^ (mixed >> 31);
    }
}

static uint64_t
s_rotate (uint64_t word, unsigned by)
{
    return (word << by) | (word >> (64 - by));
}

uint64_t
zloom_random_next (zloom_random_t *self)
{
    uint64_t *s = self->s;
    uint64_t result = s_rotate (s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s_rotate (s[3], 45);
    return result;
}

uint64_t
zloom_random_below (zloom_random_t *self, uint64_t bound)
{
    zloom_assert (bound > 0);
    /* The lowest 2^64 mod bound values would make small results likelier: draw again. */
    uint64_t uneven = (0 - bound) % bound;
    uint64_t number = zloom_random_next (self);
    while (number < uneven) {
        number = zloom_random_next (self);
    }
    return number % bound;
}

void
zloom_random_system (void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = getrandom (at, size, 0);
        if (got < 0) {
            /* Any other error means a kernel without getrandom, on which zloom does not run. */
            zloom_assert (errno == EINTR);
            continue;
        }
        at += got;
        size -= (size_t) got;
    }
}
