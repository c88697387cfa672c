/* SPDX-License-Identifier: MPL-2.0 */
#include "net/address.h"

#include <stdio.h>
#include <string.h>

bool
zloom_address_is_far (const char *text)
{
    return zloom_endpoint_is_tcp (text) && strchr (text, ' ');
}

int
zloom_address_shown (const char *text)
{
    return (int) (zloom_address_is_far (text) ? strcspn (text, " ") : strlen (text));
}

zloom_err_t
zloom_address_parse (const char *text, zloom_address_t *self)
{
    *self = (zloom_address_t){.keyed = false};
    /* A path of ipc may have blanks; only tcp goes to other hosts. */
    const char *blank = text && zloom_endpoint_is_tcp (text) ? strchr (text, ' ') : NULL;
    const size_t size = blank ? (size_t) (blank - text) : strlen (text ? text : "");
    if (size >= sizeof self->endpoint) {
        return zloom_fail (ZLOOM_TOO_BIG, "endpoint of %zu bytes", size);
    }
    memcpy (self->endpoint, text ? text : "", size);
    if (!blank) {
        return ZLOOM_OK;
    }
    const char *server = blank + 1;
    const char *file = strchr (server, ' ');
    if (!file || file - server != ZLOOM_KEY_CHARS || !file[1]) {
        return zloom_fail (ZLOOM_INVALID,
                           "%s: behind the endpoint stand the router's public key and the file of "
                           "one's own secret key",
                           self->endpoint);
    }
    memcpy (self->curve.server, server, ZLOOM_KEY_CHARS);
    uint8_t bytes[ZLOOM_KEY_BYTES];
    zloom_err_t err = zloom_key_decode (self->curve.server, bytes);
    if (err == ZLOOM_OK) {
        err = zloom_keypair_read (file + 1, &self->curve.own);
    }
    self->keyed = err == ZLOOM_OK;
    return err;
}

zloom_err_t
zloom_address_format (const char *endpoint, const char *server, const char *key_file, char *text)
{
    const int size = snprintf (text, ZLOOM_ADDRESS_BYTES, "%s %s %s", endpoint, server, key_file);
    return size < ZLOOM_ADDRESS_BYTES
             ? ZLOOM_OK
             : zloom_fail (ZLOOM_TOO_BIG, "%s: the path of the key is too long", key_file);
}
