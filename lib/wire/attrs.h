/* SPDX-License-Identifier: MPL-2.0 */
/*
 * attrs.h - the attributes of an envelope: a small msgpack map with names from CloudEvents and W3C
 * trace context ("source", "type", "datacontenttype", "traceparent"). Unknown ones are carried
 * through as they are.
 *
 * Example:
 *     zloom_attrs_t attrs = {0};
 *     zloom_attrs_put_text (&attrs, "source", zloom_bytes_text ("shop"));
 *     envelope.attrs = zloom_attrs_bytes (&attrs);       valid until the next put or fini
 */
#ifndef ZLOOM_WIRE_ATTRS_H
#define ZLOOM_WIRE_ATTRS_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/cursor.h"

/* ---- build -------------------------------------------------------------------------------- */

typedef struct {
    zloom_buf_t map;   /* room for the header in front, then the entries */
    zloom_buf_t whole; /* what zloom_attrs_bytes gave out */
    uint32_t count;
} zloom_attrs_t; /* zero-initialised is empty and ready */

/* Append an entry; names are not looked up, so the caller puts each once. */
void zloom_attrs_put_text (zloom_attrs_t *self, const char *name, zloom_bytes_t text);
void zloom_attrs_put_bytes (zloom_attrs_t *self, const char *name, zloom_bytes_t bytes);
void zloom_attrs_put_int (zloom_attrs_t *self, const char *name, int64_t value);
/* The map; the unset view while there is no entry. */
zloom_bytes_t zloom_attrs_bytes (zloom_attrs_t *self);
void zloom_attrs_clear (zloom_attrs_t *self);
void zloom_attrs_fini (zloom_attrs_t *self);

/* ---- read --------------------------------------------------------------------------------- */

typedef struct {
    zloom_type_t type;   /* BOOL, INT, STR, BIN; of others, and of an integer past 2^63 (BAD),
                            `bytes` is the raw value */
    int64_t number;      /* INT, BOOL (0, 1) */
    zloom_bytes_t bytes; /* STR, BIN: the content */
} zloom_attr_t;

typedef struct {
    zloom_cursor_t cursor;
    uint32_t left;
} zloom_attrs_iter_t;

/* Check a raw map: str names of at most ZLOOM_LIMIT_NAME_BYTES, number and size in the limits. */
zloom_err_t zloom_attrs_check (zloom_bytes_t map);
/* Step through a map; the unset view has no entries. Ends early at malformed bytes. */
zloom_attrs_iter_t zloom_attrs_iter (zloom_bytes_t map);
bool zloom_attrs_next (zloom_attrs_iter_t *iter, zloom_bytes_t *name, zloom_attr_t *value);
/* Find by name; false when there is none. */
bool zloom_attrs_find (zloom_bytes_t map, const char *name, zloom_attr_t *value);

#endif
