/* SPDX-License-Identifier: MPL-2.0 */
/* core_packs.c - deliveries without leases as whole packs, for who carries them on. */
#include "base/memory.h"
#include "base/tag.h"
#include "client/core_state.h"
#include "wire/pack.h"

/* Who made the messages [index, index + n) of the lease, in runs. */
static void
s_describe (zloom_client_core_t *self, const zloom_client_lease_t *lease, uint32_t index,
            uint32_t n, zloom_client_pack_t *pack)
{
    pack->src_count = 0;
    for (uint32_t i = index; i < index + n; i++) {
        const zloom_message_t *message = &lease->items[i].message;
        const zloom_src_t one = {.n = 1,
                                 .producer =
                                   zloom_bytes (message->producer, message->producer_size),
                                 .first_id = message->id,
                                 .base_time_ns = message->sent_wall_ns};
        zloom_grow (&self->pack_src, &self->pack_src_capacity, pack->src_count + 1,
                    sizeof *self->pack_src);
        zloom_src_join (self->pack_src, &pack->src_count, &one);
    }
    pack->src = self->pack_src;
}

bool
zloom_client_core_receive_pack (zloom_client_core_t *self, uint32_t handle,
                                zloom_client_pack_t *pack)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    const zloom_client_lease_t *gap = NULL;
    uint32_t index = 0;
    uint32_t n = 0;
    const zloom_client_lease_t *lease =
      subscription ? zloom_subscription_take_run (subscription, &index, &n, &gap) : NULL;
    if (gap) {
        *pack = (zloom_client_pack_t){.is_gap = true,
                                      .seq = gap->gap_from,
                                      .last = gap->gap_to,
                                      .count = gap->gap_count,
                                      .reason = gap->gap_reason};
        return true;
    }
    if (!lease) {
        return false;
    }
    *pack = (zloom_client_pack_t){
      .seq = lease->items[index].message.seq, .count = n, .blob = lease->blob};
    pack->last = pack->seq + n - 1;
    zloom_assert (zloom_pack_slice (zloom_blob_bytes (lease->blob), index, n, &pack->pack) ==
                  ZLOOM_OK); /* it was checked when it came */
    s_describe (self, lease, index, n, pack);
    return true;
}

uint64_t
zloom_client_core_position (const zloom_client_core_t *self, uint32_t handle)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    const zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    return subscription && subscription->subscribed ? subscription->next_seq : 0;
}
