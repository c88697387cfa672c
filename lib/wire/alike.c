/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/alike.h"

/* Where heads keep changing, only one in so many is learned. */
#define MISSED_MOST 8u
#define LEARNED_OF 64u

void
zloom_alike_learn (zloom_alike_t *self, zloom_bytes_t envelope, zloom_bytes_t topic,
                   zloom_bytes_t key, zloom_bytes_t body)
{
    if (self->missed++ >= MISSED_MOST && self->missed % LEARNED_OF != 0) {
        return;
    }
    const bool brief = body.size <= UINT8_MAX && body.data[-2] == ZLOOM_FORM_BIN_8;
    const size_t head = (size_t) (body.data - envelope.data) - (brief ? 2 : 3);
    self->size = head <= ZLOOM_ALIKE_BYTES ? head : 0;
    if (self->size > 0) {
        memcpy (self->head, envelope.data, self->size);
        self->topic_at = topic.data ? (size_t) (topic.data - envelope.data) : 0;
        self->topic_size = topic.size;
        self->key_at = key.data ? (size_t) (key.data - envelope.data) : 0;
        self->key_size = key.size;
    }
}
