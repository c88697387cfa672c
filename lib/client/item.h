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
#include "wire/alike.h"

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

/* What the envelope says when it is plain: the rest is unset. */
static inline void
zloom_message_set_plain (zloom_message_t *message, zloom_bytes_t topic, zloom_bytes_t key,
                         zloom_bytes_t body)
{
    message->topic = (const char *) topic.data;
    message->topic_size = topic.size;
    message->key = key.data;
    message->key_size = key.size;
    message->body = body.data;
    message->body_size = body.size;
    message->attrs = NULL;
    message->attrs_size = 0;
    message->own_id = NULL;
    message->own_id_size = 0;
    message->time_ns = 0;
    message->due_wall_ns = 0;
    message->expires_wall_ns = 0;
    message->has_priority = false;
    message->priority = 0;
}

/* The same for one that is not like the last. */
zloom_err_t zloom_message_open_new (zloom_message_t *message, zloom_bytes_t envelope,
                                    zloom_alike_t *alike);

/*
 * Read the envelope into a message of which flow and maker are set; `alike` is of the flow's
 * messages that were read before. MALFORMED. Inline for the many that are like the last.
 */
__attribute__ ((always_inline)) static inline zloom_err_t
zloom_message_open (zloom_message_t *message, zloom_bytes_t envelope, zloom_alike_t *alike)
{
    zloom_bytes_t topic;
    zloom_bytes_t key;
    zloom_bytes_t body;
    if (!zloom_alike_read (alike, envelope, &topic, &key, &body)) {
        return zloom_message_open_new (message, envelope, alike);
    }
    zloom_message_set_plain (message, topic, key, body);
    return ZLOOM_OK;
}

#endif
