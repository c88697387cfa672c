/* SPDX-License-Identifier: MPL-2.0 */
/*
 * bytes.h - views of bytes, growing buffers, and reference-counted blobs.
 *
 * zloom_bytes_t borrows. zloom_buf_t owns and grows. zloom_blob_t is immutable once shared and is
 * how one frame from a socket is kept, journaled and sent to many without copying.
 */
#ifndef ZLOOM_BASE_BYTES_H
#define ZLOOM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- views ------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *data; /* NULL = unset (wire: nil), even when size is 0 */
    size_t size;
} zloom_bytes_t;

#define ZLOOM_BYTES_NULL ((zloom_bytes_t){NULL, 0})

static inline zloom_bytes_t
zloom_bytes (const void *data, size_t size)
{
    return (zloom_bytes_t){(const uint8_t *) data, size};
}

/* The bytes of a C string, without its NUL; NULL gives the unset view. */
static inline zloom_bytes_t
zloom_bytes_text (const char *text)
{
    return text ? zloom_bytes (text, strlen (text)) : ZLOOM_BYTES_NULL;
}

static inline bool
zloom_bytes_equal (zloom_bytes_t a, zloom_bytes_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp (a.data, b.data, a.size) == 0);
}

/* Order as memcmp, shorter first when one is a prefix. */
int zloom_bytes_compare (zloom_bytes_t a, zloom_bytes_t b);
/* Strict UTF-8 (no overlong forms, no surrogates). */
bool zloom_bytes_is_utf8 (zloom_bytes_t bytes);

/* ---- little-endian fields (disk formats) --------------------------------------------------- */

static inline void
zloom_put_u16 (uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t) v;
    at[1] = (uint8_t) (v >> 8);
}

static inline void
zloom_put_u32 (uint8_t *at, uint32_t v)
{
    zloom_put_u16 (at, (uint16_t) v);
    zloom_put_u16 (at + 2, (uint16_t) (v >> 16));
}

static inline void
zloom_put_u64 (uint8_t *at, uint64_t v)
{
    zloom_put_u32 (at, (uint32_t) v);
    zloom_put_u32 (at + 4, (uint32_t) (v >> 32));
}

static inline uint16_t
zloom_get_u16 (const uint8_t *at)
{
    return (uint16_t) (at[0] | (uint16_t) (at[1] << 8));
}

static inline uint32_t
zloom_get_u32 (const uint8_t *at)
{
    return (uint32_t) zloom_get_u16 (at) | ((uint32_t) zloom_get_u16 (at + 2) << 16);
}

static inline uint64_t
zloom_get_u64 (const uint8_t *at)
{
    return (uint64_t) zloom_get_u32 (at) | ((uint64_t) zloom_get_u32 (at + 4) << 32);
}

/* ---- a growing buffer ---------------------------------------------------------------------- */

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
} zloom_buf_t; /* zero-initialised is empty and ready */

/* The same as reserve, for when there is no room yet. */
uint8_t *zloom_buf_grow (zloom_buf_t *self, size_t more);

/*
 * Make room for `more` bytes behind `size` and return where they start; size is not changed.
 * Inline, as add is: encoders call them for every byte or two.
 */
static inline uint8_t *
zloom_buf_reserve (zloom_buf_t *self, size_t more)
{
    if (__builtin_expect (!self->data || more > self->capacity - self->size, 0)) {
        return zloom_buf_grow (self, more);
    }
    return self->data + self->size;
}

/* `data` must not point into the buffer itself. */
static inline void
zloom_buf_add (zloom_buf_t *self, const void *data, size_t size)
{
    uint8_t *at = zloom_buf_reserve (self, size);
    if (size > 0) {
        memcpy (at, data, size); /* NOLINT(clang-analyzer-core.NonNullParamChecker) */
        self->size += size;
    }
}

static inline void
zloom_buf_add_bytes (zloom_buf_t *self, zloom_bytes_t bytes)
{
    zloom_buf_add (self, bytes.data, bytes.size);
}

void zloom_buf_add_text (zloom_buf_t *self, const char *text);
/*
 * Text for a terminal, of whomever it may be: control characters other than newline and tab, and
 * what is no UTF-8, become \xNN, so that they drive nobody's screen.
 */
void zloom_buf_add_plain (zloom_buf_t *self, zloom_bytes_t text);
/* The same of what shall stay on one line: newline and tab, too. */
void zloom_buf_add_plain_line (zloom_buf_t *self, zloom_bytes_t text);
void zloom_buf_printf (zloom_buf_t *self, const char *format, ...)
  __attribute__ ((format (printf, 2, 3)));
/* Put a NUL behind the content (not counted in size) and return it as text. */
const char *zloom_buf_text (zloom_buf_t *self);
/* Forget the content, keep the memory. */
void zloom_buf_clear (zloom_buf_t *self);
void zloom_buf_fini (zloom_buf_t *self);

static inline zloom_bytes_t
zloom_buf_bytes (const zloom_buf_t *self)
{
    return zloom_bytes (self->data, self->size);
}

/* ---- reference-counted blobs ---------------------------------------------------------------- */

typedef struct zloom_blob zloom_blob_t;

/* Called once when the last reference is dropped, on the thread that dropped it. */
typedef void (zloom_blob_free_fn) (void *data, void *hint);

/* A blob with its own copy of `size` bytes. */
zloom_blob_t *zloom_blob_new (const void *data, size_t size);
/* A blob of `size` writable bytes at *data_p, to be filled before it is shared. */
zloom_blob_t *zloom_blob_new_empty (size_t size, uint8_t **data_p);
/*
 * A blob over memory that is somebody else's until `free_fn (data, hint)` is called; without a
 * free_fn the memory must outlive every reference.
 */
zloom_blob_t *zloom_blob_new_extern (const void *data, size_t size, zloom_blob_free_fn *free_fn,
                                     void *hint);
/*
 * A blob over a part of another, which it keeps alive (NULL: as new_extern without a free_fn),
 * and with it `own_bytes` at *own_p for what belongs beside that part, filled before it is shared.
 */
zloom_blob_t *zloom_blob_new_part (zloom_blob_t *whole, zloom_bytes_t part, size_t own_bytes,
                                   uint8_t **own_p);
/* Take the content of a buffer without copying; the buffer is empty afterwards. */
zloom_blob_t *zloom_blob_new_from_buf (zloom_buf_t *buf);
/* One more reference; returns self. Counting is atomic: any thread. */
zloom_blob_t *zloom_blob_ref (zloom_blob_t *self);
/* Drop a reference and null the pointer. Any thread. */
void zloom_blob_unref (zloom_blob_t **self_p);
/* Valid as long as a reference is held; its data is never NULL. */
zloom_bytes_t zloom_blob_bytes (const zloom_blob_t *self);

#endif
