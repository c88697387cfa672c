/* SPDX-License-Identifier: MPL-2.0 */
/* form.h - first bytes of msgpack values, for who reads or writes the usual ones by hand. */
#ifndef ZLOOM_WIRE_FORM_H
#define ZLOOM_WIRE_FORM_H

#define ZLOOM_FORM_NIL 0xc0
/* The length stands behind it, in 1, 2 or 4 bytes. */
#define ZLOOM_FORM_BIN_8 0xc4
#define ZLOOM_FORM_BIN_16 0xc5
#define ZLOOM_FORM_BIN_32 0xc6
#define ZLOOM_FORM_STR_8 0xd9
/* The length stands in the same byte; a string's is at most so much. */
#define ZLOOM_FORM_SHORT_STR 0xa0
#define ZLOOM_FORM_SHORT_STR_MOST 0x1fu
#define ZLOOM_FORM_SHORT_ARRAY 0x90

#endif
