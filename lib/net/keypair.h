/* SPDX-License-Identifier: MPL-2.0 */
/*
 * keypair.h - CURVE keys as text (Z85, 40 characters), and the files that hold them: NAME.secret
 * (mode 0600) and NAME.public beside it, one key and a newline each. A public key names who speaks
 * and may be shown to everybody; a secret key is never printed, and never read from a file that
 * others may read.
 */
#ifndef ZLOOM_NET_KEYPAIR_H
#define ZLOOM_NET_KEYPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A key as text, and its bytes. */
#define ZLOOM_KEY_CHARS 40
#define ZLOOM_KEY_BYTES 32

typedef struct {
    char public_key[ZLOOM_KEY_CHARS + 1];
    char secret_key[ZLOOM_KEY_CHARS + 1];
} zloom_keypair_t;

/* Draw a new one. UNSUPPORTED: this libzmq has no CURVE. */
zloom_err_t zloom_keypair_new (zloom_keypair_t *self);
/* Overwrite the secret; call it before the struct goes. */
void zloom_keypair_wipe (zloom_keypair_t *self);

/* The 32 bytes of a key; INVALID with a note when `text` is none. */
zloom_err_t zloom_key_decode (const char *text, uint8_t bytes[ZLOOM_KEY_BYTES]);

/*
 * Write `path`.secret and `path`.public. EXISTS: one of them is there (nothing was written); SYSTEM
 * with a note.
 */
zloom_err_t zloom_keypair_write (const zloom_keypair_t *self, const char *path);
/*
 * Read a secret key's file; the public key is computed from it. NOT_FOUND; FORBIDDEN: others may
 * read it, or it is another user's; INVALID: it holds no key; each with a note.
 */
zloom_err_t zloom_keypair_read (const char *file, zloom_keypair_t *self);
/* Read a public key's file. */
zloom_err_t zloom_key_read_public (const char *file, char key[ZLOOM_KEY_CHARS + 1]);

#endif
