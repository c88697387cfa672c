/* SPDX-License-Identifier: MPL-2.0 */
#include "client/item.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/tag.h"
#include "wire/envelope.h"

#define ITEM_TAG 0x5A436974u
/* Who has had more in hand at once gives the rest back. */
#define SPARE 1024

/* What an item shows that was given back: settling it once more is refused by that. */
static zloom_mark_t s_gone = {.state = ZLOOM_ITEM_DONE};

static void
s_free_list (zloom_item_t *item)
{
    while (item) {
        zloom_item_t *next = item->next;
        item->tag = ZLOOM_TAG_DEAD;
        free (item);
        item = next;
    }
}

void
zloom_items_fini (zloom_items_t *self)
{
    s_free_list (self->out);
    s_free_list (self->spare);
    *self = (zloom_items_t){0};
}

zloom_item_t *
zloom_items_take (zloom_items_t *self)
{
    zloom_item_t *item = self->spare;
    if (item) {
        self->spare = item->next;
        self->spare_count--;
    } else {
        item = zloom_alloc (sizeof *item);
    }
    item->tag = ITEM_TAG;
    item->before = NULL;
    item->next = self->out;
    if (item->next) {
        item->next->before = item;
    }
    self->out = item;
    return item;
}

void
zloom_items_put (zloom_items_t *self, zloom_item_t *item)
{
    ZLOOM_CHECK (item, ITEM_TAG);
    if (item->next) {
        item->next->before = item->before;
    }
    if (item->before) {
        item->before->next = item->next;
    } else {
        self->out = item->next;
    }
    if (self->spare_count == SPARE) {
        item->tag = ZLOOM_TAG_DEAD;
        free (item);
        return;
    }
    item->mark = &s_gone;
    item->next = self->spare;
    self->spare = item;
    self->spare_count++;
}

void
zloom_item_init_heard (zloom_item_t *item)
{
    item->tag = ITEM_TAG;
    item->mark = &s_gone;
}

zloom_item_t *
zloom_item (const zloom_message_t *message)
{
    zloom_item_t *item = (zloom_item_t *) message;
    ZLOOM_CHECK (item, ITEM_TAG);
    return item;
}

/* A time of the envelope counts from when its pack was made. */
static int64_t
s_after (int64_t base_ns, bool has, int64_t ms)
{
    const int64_t ns = ms > INT64_MAX / ZLOOM_NS_PER_MS ? INT64_MAX : ms * ZLOOM_NS_PER_MS;
    return has ? zloom_time_add (base_ns, ns) : 0;
}

static zloom_err_t
s_open_long (zloom_message_t *message, zloom_bytes_t bytes)
{
    zloom_envelope_t envelope;
    zloom_err_t err = zloom_envelope_decode (bytes, &envelope);
    if (err != ZLOOM_OK) {
        message->key = NULL; /* and not that of the message that was here before */
        message->key_size = 0;
        return err;
    }
    zloom_message_set_plain (message, envelope.topic, envelope.key, envelope.body);
    message->attrs = envelope.attrs.data;
    message->attrs_size = envelope.attrs.size;
    message->own_id = envelope.id.data;
    message->own_id_size = envelope.id.size;
    message->time_ns = envelope.has_time ? envelope.time_ns : 0;
    message->due_wall_ns = s_after (message->sent_wall_ns, envelope.has_due, envelope.due_ms);
    message->expires_wall_ns =
      s_after (message->sent_wall_ns, envelope.has_expires, envelope.expires_ms);
    message->has_priority = envelope.has_priority;
    message->priority = envelope.priority;
    return ZLOOM_OK;
}

zloom_err_t
zloom_message_open_new (zloom_message_t *message, zloom_bytes_t envelope, zloom_alike_t *alike)
{
    zloom_bytes_t topic;
    zloom_bytes_t key;
    zloom_bytes_t body;
    if (!zloom_envelope_decode_plain (envelope, &topic, &key, &body)) {
        return s_open_long (message, envelope);
    }
    zloom_alike_learn (alike, envelope, topic, key, body);
    zloom_message_set_plain (message, topic, key, body);
    return ZLOOM_OK;
}
