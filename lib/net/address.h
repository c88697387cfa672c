/* SPDX-License-Identifier: MPL-2.0 */
/*
 * address.h - how to come to a router, as one line of text: its endpoint; or, to another host, also
 * the public key that the router must prove to have, and the file of one's own secret key:
 *
 *     tcp://10.0.0.1:7600 rq5+eJ{VUV>/J{Tq[pl=ZsI5]oQvsgZ]+=qp5%C: /etc/zloom/keys/b.secret
 *
 * So it can stand wherever an endpoint can, and holds no secret itself.
 */
#ifndef ZLOOM_NET_ADDRESS_H
#define ZLOOM_NET_ADDRESS_H

#include "net/endpoint.h"
#include "net/socket.h"

/* Room for such a line and its NUL. */
#define ZLOOM_ADDRESS_BYTES 512
/* The longest endpoint and its NUL: "ipc://" and a path of at most 107 bytes, or tcp. */
#define ZLOOM_ADDRESS_ENDPOINT_BYTES 256

typedef struct {
    char endpoint[ZLOOM_ADDRESS_ENDPOINT_BYTES];
    bool keyed;
    zloom_curve_t curve; /* when keyed; zloom_keypair_wipe (&curve.own) when done */
} zloom_address_t;

/* Whether it is that of another host. */
bool zloom_address_is_far (const char *text);
/* How much of it is the endpoint, for messages ("%.*s"). */
int zloom_address_shown (const char *text);
/* INVALID, TOO_BIG, and what zloom_keypair_read gives, each with a note. */
zloom_err_t zloom_address_parse (const char *text, zloom_address_t *self);
/* Into `text` of ZLOOM_ADDRESS_BYTES; TOO_BIG with a note. */
zloom_err_t zloom_address_format (const char *endpoint, const char *server, const char *key_file,
                                  char *text);

#endif
