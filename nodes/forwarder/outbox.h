/* SPDX-License-Identifier: MPL-2.0 */
/* outbox.h - what a router says of an outbox (ADMIN outbox). */
#ifndef ZLOOM_NODES_FORWARDER_OUTBOX_H
#define ZLOOM_NODES_FORWARDER_OUTBOX_H

#include "base/bytes.h"
#include "base/error.h"
#include "wire/limits.h"
#include "wire/types.h"

typedef struct {
    char log[ZLOOM_LIMIT_NAME_BYTES + 1];
    zloom_boot_first_t boots[ZLOOM_LIMIT_BOOTS]; /* oldest first */
    size_t boot_count;
    uint64_t next; /* the lowest number, from the one asked for on, that is not settled */
} zloom_outbox_t;

/* MALFORMED and the like, when it is none. */
zloom_err_t zloom_outbox_read (zloom_bytes_t answer, zloom_outbox_t *outbox);
/* Whether both are of one log, in one boot. */
bool zloom_outbox_same (const zloom_outbox_t *a, const zloom_outbox_t *b);

#endif
