/* SPDX-License-Identifier: MPL-2.0 */
/*
 * endpoint.h - which addresses zloom speaks on: ipc in a directory of the user's own, tcp on
 * loopback, tcp to anywhere with keys, inproc. Everything else that libzmq would take is refused
 * with a reason.
 */
#ifndef ZLOOM_NET_ENDPOINT_H
#define ZLOOM_NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* What the kernel takes as a socket's path, without its NUL. */
#define ZLOOM_IPC_PATH_MAX 107

/*
 * Is it an address that zloom speaks on without keys? INVALID, TOO_BIG, UNSUPPORTED, FORBIDDEN (tcp
 * beyond this host) with a note.
 */
zloom_err_t zloom_endpoint_check (const char *endpoint);
/* The same where there are keys: tcp may go to any host then. */
zloom_err_t zloom_endpoint_check_keyed (const char *endpoint);
bool zloom_endpoint_is_tcp (const char *endpoint);
/* The path of an ipc endpoint; NULL for others. Borrows from `endpoint`. */
const char *zloom_endpoint_path (const char *endpoint);
/* "ipc://DIRECTORY/NAME.sock" into `endpoint`; TOO_BIG with a note that names a way out. */
zloom_err_t zloom_endpoint_ipc (const char *directory, const char *name, char *endpoint,
                                size_t size);
/*
 * Make `directory` and its parents (mode 0700) unless they are there; then it must be a directory
 * of this user that nobody else may enter. FORBIDDEN, SYSTEM with a note.
 */
zloom_err_t zloom_private_directory (const char *directory);

#endif
