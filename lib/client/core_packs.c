/* SPDX-License-Identifier: MPL-2.0 */
/* core_packs.c - deliveries without leases as whole packs, for who carries them on. */
#include "base/memory.h"
#include "base/tag.h"
#include "client/core_state.h"
#include "wire/pack.h"

bool
zloom_client_core_receive_pack (zloom_client_core_t *self, uint32_t handle,
                                zloom_client_pack_t *pack)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    const zloom_client_lease_t *gap = NULL;
    zloom_taken_t taken;
    const bool some = subscription && zloom_subscription_take_run (subscription, &taken, &gap);
    if (gap) {
        *pack = (zloom_client_pack_t){.is_gap = true,
                                      .seq = gap->gap_from,
                                      .last = gap->gap_to,
                                      .count = gap->gap_count,
                                      .reason = gap->gap_reason};
        return true;
    }
    if (!some) {
        return false;
    }
    const zloom_client_lease_t *lease = taken.lease;
    *pack = (zloom_client_pack_t){
      .seq = taken.seq, .last = taken.seq + taken.n - 1, .count = taken.n, .blob = lease->blob};
    zloom_assert (zloom_pack_slice (zloom_blob_bytes (lease->blob), taken.index, taken.n,
                                    &pack->pack) == ZLOOM_OK); /* it was checked when it came */
    zloom_grow (&self->pack_src, &self->pack_src_capacity, lease->src_count,
                sizeof *self->pack_src);
    pack->src = self->pack_src;
    pack->src_count =
      zloom_src_cut (lease->src, lease->src_count, taken.index, taken.n, self->pack_src);
    return true;
}

uint64_t
zloom_client_core_position (const zloom_client_core_t *self, uint32_t handle)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    const zloom_subscription_t *subscription = zloom_core_subscription (self, handle);
    return subscription && subscription->subscribed ? subscription->next_seq : 0;
}
