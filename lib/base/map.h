/* SPDX-License-Identifier: MPL-2.0 */
/*
 * map.h - hash maps keyed by bytes (SipHash-1-3 with a per-process random key, so that peers cannot
 * make keys collide; Aumasson and Bernstein, 2012) or by a 64-bit number. Values are pointers.
 * Iteration is in insertion order, so that a simulation with one seed has one schedule.
 *
 * Example:
 *     for (size_t i = 0; zloom_map_next (map, &i, &key, (void **) &flow);) { ... }
 */
#ifndef ZLOOM_BASE_MAP_H
#define ZLOOM_BASE_MAP_H

#include "base/bytes.h"

typedef struct zloom_map zloom_map_t;

zloom_map_t *zloom_map_new (void);
/* Values are not freed. */
void zloom_map_destroy (zloom_map_t **self_p);
/* NULL when absent. */
void *zloom_map_get (const zloom_map_t *self, zloom_bytes_t key);
/* Insert or replace; the key is copied; value not NULL. Returns the old value or NULL. */
void *zloom_map_put (zloom_map_t *self, zloom_bytes_t key, void *value);
/* Remove and return the value, NULL when absent. */
void *zloom_map_remove (zloom_map_t *self, zloom_bytes_t key);
size_t zloom_map_count (const zloom_map_t *self);
/*
 * Step through the map: *cursor starts at 0; false at the end. key_p may be NULL. Removing the
 * entry just returned is allowed while stepping; inserting is not.
 */
bool zloom_map_next (const zloom_map_t *self, size_t *cursor, zloom_bytes_t *key_p, void **value_p);

/* The same, keyed by a number. */
typedef struct zloom_idmap zloom_idmap_t;

zloom_idmap_t *zloom_idmap_new (void);
void zloom_idmap_destroy (zloom_idmap_t **self_p);
void *zloom_idmap_get (const zloom_idmap_t *self, uint64_t key);
void *zloom_idmap_put (zloom_idmap_t *self, uint64_t key, void *value);
void *zloom_idmap_remove (zloom_idmap_t *self, uint64_t key);
size_t zloom_idmap_count (const zloom_idmap_t *self);
bool zloom_idmap_next (const zloom_idmap_t *self, size_t *cursor, uint64_t *key_p, void **value_p);

/* SipHash-1-3 of bytes under the process key. */
uint64_t zloom_hash (zloom_bytes_t bytes);

#endif
