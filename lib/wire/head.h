/* SPDX-License-Identifier: MPL-2.0 */
/*
 * head.h - the first bytes of a msgpack value, for scan.c, cursor.c and pack.c. Inline: it runs
 * once a value.
 */
#ifndef ZLOOM_WIRE_HEAD_H
#define ZLOOM_WIRE_HEAD_H

#include <endian.h>

#include "wire/cursor.h"

typedef struct {
    zloom_type_t type;
    uint8_t size;  /* bytes of the head itself */
    bool negative; /* INT: number is an int64 below 0 */
    uint64_t
      number; /* INT, BOOL: value; STR, BIN: bytes; ARRAY, MAP: elements, pairs; FLOAT: bits */
} zloom_head_t;

/* 0xc0 … 0xdf: type and bytes that follow the first. */
typedef struct {
    uint8_t type;
    uint8_t width;
} zloom_head_form_t;

static inline zloom_head_form_t
zloom_head_form (uint8_t byte)
{
    static const zloom_head_form_t forms[32] = {
      {ZLOOM_TYPE_NIL, 0},   {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_BOOL, 0},  {ZLOOM_TYPE_BOOL, 0},
      {ZLOOM_TYPE_BIN, 1},   {ZLOOM_TYPE_BIN, 2},   {ZLOOM_TYPE_BIN, 4},   {ZLOOM_TYPE_BAD, 0},
      {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_FLOAT, 4}, {ZLOOM_TYPE_FLOAT, 8},
      {ZLOOM_TYPE_INT, 1},   {ZLOOM_TYPE_INT, 2},   {ZLOOM_TYPE_INT, 4},   {ZLOOM_TYPE_INT, 8},
      {ZLOOM_TYPE_INT, 1},   {ZLOOM_TYPE_INT, 2},   {ZLOOM_TYPE_INT, 4},   {ZLOOM_TYPE_INT, 8},
      {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_BAD, 0},
      {ZLOOM_TYPE_BAD, 0},   {ZLOOM_TYPE_STR, 1},   {ZLOOM_TYPE_STR, 2},   {ZLOOM_TYPE_STR, 4},
      {ZLOOM_TYPE_ARRAY, 2}, {ZLOOM_TYPE_ARRAY, 4}, {ZLOOM_TYPE_MAP, 2},   {ZLOOM_TYPE_MAP, 4},
    };
    return forms[byte - 0xc0];
}

/* A big-endian number of 0, 1, 2, 4 or 8 bytes. */
static inline uint64_t
zloom_head_number (const uint8_t *at, uint8_t width)
{
    uint64_t eight;
    uint32_t four;
    switch (width) {
    case 8:
        memcpy (&eight, at, sizeof eight);
        return be64toh (eight);
    case 4:
        memcpy (&four, at, sizeof four);
        return be32toh (four);
    case 2:
        return (uint64_t) at[0] << 8 | at[1];
    case 1:
        return at[0];
    default:
        return 0;
    }
}

/* Read the head; false when it is cut. Type BAD is read, too: the caller refuses it. */
static inline bool
zloom_head_read (const uint8_t *at, size_t left, zloom_head_t *head)
{
    if (left == 0) {
        return false;
    }
    const uint8_t byte = at[0];
    *head = (zloom_head_t){ZLOOM_TYPE_INT, 1, false, byte};
    if (byte <= 0x7f) {
        return true;
    }
    if (byte <= 0xbf) {
        head->type = byte <= 0x8f   ? ZLOOM_TYPE_MAP
                     : byte <= 0x9f ? ZLOOM_TYPE_ARRAY
                                    : ZLOOM_TYPE_STR;
        head->number = byte & (byte <= 0x9f ? 0x0f : 0x1f);
        return true;
    }
    if (byte >= 0xe0) {
        head->negative = true;
        head->number = (uint64_t) (int64_t) (int8_t) byte;
        return true;
    }
    const zloom_head_form_t form = zloom_head_form (byte);
    if (left - 1 < form.width) {
        return false;
    }
    uint64_t number = zloom_head_number (at + 1, form.width);
    if (form.type == ZLOOM_TYPE_BOOL) {
        number = byte & 1u;
    } else if (byte >= 0xd0 && byte <= 0xd3 && form.width > 0) {
        const unsigned shift = 64 - 8u * form.width;
        const int64_t value = (int64_t) (number << shift) >> shift;
        head->negative = value < 0;
        number = (uint64_t) value;
    }
    head->type = (zloom_type_t) form.type;
    head->size = (uint8_t) (1 + form.width);
    head->number = number;
    return true;
}

#endif
