/* SPDX-License-Identifier: MPL-2.0 */
/*
 * door.h - who may come in at a router's tcp endpoints: a table of public keys, asked at each
 * handshake by ZeroMQ's own protocol for that (ZAP, RFC 27), on a thread that all doors of the
 * process share. It serves zloom's own context; a host program's zauth is another matter.
 *
 * A key in the table may shake hands; what it may do then is asked of its rights, verb by verb
 * (zloom_rights_fn of engine.h), since a handshake happens once and rights change.
 *
 * A stranger is refused for good (ZAP's 400): its client is told so, and does not knock on and on.
 * The log has a line about it (`stranger`), at most one a second, with how many there were.
 *
 * Threads: any, one at a time for one door.
 */
#ifndef ZLOOM_NET_DOOR_H
#define ZLOOM_NET_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/keypair.h"

typedef struct zloom_door zloom_door_t;

/* Nobody may come in yet. `name` is for the log. SYSTEM with a note. */
zloom_err_t zloom_door_open (const char *name, zloom_door_t **self_p);
/* Close it after the sockets that it guards. */
void zloom_door_close (zloom_door_t **self_p);
/*
 * These keys and no others may come in from now on; the table is exchanged whole. Who is in already
 * stays connected. INVALID: one of them is no key, and nothing has changed.
 */
zloom_err_t zloom_door_allow (zloom_door_t *self, const char *const *keys, size_t count);
/* The ZAP domain of the sockets that it guards. */
const char *zloom_door_domain (const zloom_door_t *self);
/* Handshakes let in and refused since it is open. */
void zloom_door_counts (const zloom_door_t *self, uint64_t *admitted, uint64_t *refused);

#endif
