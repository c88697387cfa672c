/* SPDX-License-Identifier: MPL-2.0 */
/*
 * random.h - xoshiro256** (Blackman and Vigna, 2018) with its state in the caller's hand: a pure
 * core gets its randomness from a seed, so that a run can be replayed. Not for keys.
 */
#ifndef ZLOOM_BASE_RANDOM_H
#define ZLOOM_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t s[4];
} zloom_random_t;

/* Fill the state from one number (splitmix64). */
void zloom_random_init (zloom_random_t *self, uint64_t seed);
uint64_t zloom_random_next (zloom_random_t *self);
/* Uniform in [0, bound); bound > 0. */
uint64_t zloom_random_below (zloom_random_t *self, uint64_t bound);
/* Bytes from the kernel (getrandom); for nonces, seeds and boot ids. Any thread. */
void zloom_random_system (void *data, size_t size);

#endif
