/* SPDX-License-Identifier: MPL-2.0 */
/*
 * item.h - a message in the caller's hands. As long as one only waits it is a mark in its lease and
 * bytes in the pack; it becomes an item when it is taken, and is given back when it is settled. So
 * what is held is as small as what is worked on, and stays in the CPU's cache.
 *
 *     zloom_item_t *item = zloom_items_take (&items);   the taker sets all that it is about
 *     zloom_items_put (&items, item);
 */
#ifndef ZLOOM_CLIENT_ITEM_H
#define ZLOOM_CLIENT_ITEM_H

#include "client/client_types.h"

/*
 *   WAITING  here, not received        TAKEN  in the caller's hands
 *   STEPPED  in a step under way       DONE   settled; its memory is not the caller's any more
 */
typedef enum __attribute__ ((packed)) {
    ZLOOM_ITEM_WAITING,
    ZLOOM_ITEM_TAKEN,
    ZLOOM_ITEM_STEPPED,
    ZLOOM_ITEM_DONE,
} zloom_item_state_t;

/* Where a message stands: one for each in its lease. */
typedef struct {
    zloom_item_state_t state;
    bool started;
    bool stale;
} zloom_mark_t;

typedef struct zloom_client_lease zloom_client_lease_t;
typedef struct zloom_item zloom_item_t;

struct zloom_item {
    zloom_message_t message; /* first: the caller's pointer is the item's */
    uint32_t tag;
    uint32_t index; /* in its lease */
    zloom_client_lease_t *lease;
    zloom_mark_t *mark; /* its own in the lease; of one that was given back: DONE */
    zloom_bytes_t envelope;
    zloom_item_t *next, *before;
};

typedef struct {
    zloom_item_t *out; /* in the caller's hands */
    zloom_item_t *spare;
    size_t spare_count;
} zloom_items_t;

void zloom_items_fini (zloom_items_t *self);
zloom_item_t *zloom_items_take (zloom_items_t *self);
void zloom_items_put (zloom_items_t *self, zloom_item_t *item);
/* One that is no list's: it looks settled, since there is nothing to settle. */
void zloom_item_init_heard (zloom_item_t *item);
/* The item of a message, checked. */
zloom_item_t *zloom_item (const zloom_message_t *message);
/* Read the envelope into a message of which flow and maker are set. MALFORMED. */
zloom_err_t zloom_message_open (zloom_message_t *message, zloom_bytes_t envelope);

#endif
