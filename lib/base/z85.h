/* SPDX-License-Identifier: MPL-2.0 */
/*
 * z85.h - bytes as printable text that survives source code and shells' double quotes (ZeroMQ
 * RFC 32): five characters for four bytes. Keys of CURVE are written so.
 */
#ifndef ZLOOM_BASE_Z85_H
#define ZLOOM_BASE_Z85_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The `size` bytes of `text`, which must have size / 4 * 5 characters; size is a multiple of 4.
 * False: another length, a character that Z85 has not, or five that are over 32 bits.
 */
bool zloom_z85_decode (const char *text, uint8_t *bytes, size_t size);

#endif
