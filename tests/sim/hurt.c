/* SPDX-License-Identifier: MPL-2.0 */
/* hurt.c - what goes wrong in a world. */
#include "world_state.h"

static sim_peer_t *
s_any_peer (sim_world_t *self)
{
    return self->peers[sim_below (&self->ground, self->operator_at)];
}

static void
s_hurt_peer (sim_world_t *self)
{
    sim_peer_t *peer = s_any_peer (self);
    sim_ground_t *ground = &self->ground;
    const bool producer = sim_peer_options (peer)->kind == SIM_PRODUCER;
    switch (sim_below (ground, 4)) {
    case 0:
        sim_peer_hang (peer, sim_span (ground, 50 * SIM_MS, 8 * SIM_S));
        break;
    case 1:
        if (sim_once_in (ground, 3)) {
            sim_peer_twin (peer);
        } else {
            sim_peer_leave (peer, sim_span (ground, 0, SIM_S));
        }
        break;
    default:
        if (self->options.chaos.hands && !producer && sim_once_in (ground, 2)) {
            zloom_verb_gone_t gone;
            sim_peer_gone (peer, &gone);
            sim_operator_report (self->peers[self->operator_at], &gone);
        }
        sim_peer_die (peer, sim_span (ground, 0, 2 * SIM_S), producer && sim_once_in (ground, 3));
        break;
    }
}

void
sim_world_purge (sim_world_t *self, sim_flow_t flow)
{
    sim_checker_by_hand (self->checker, flow);
    sim_operator_ask (self->peers[self->operator_at], flow == SIM_DEAD ? "dlq purge" : "purge",
                      flow);
}

static void
s_use_hands (sim_world_t *self)
{
    static const sim_flow_t s_flows[] = {SIM_ORDERS, SIM_OUT, SIM_FAST};
    sim_peer_t *operator_ = self->peers[self->operator_at];
    const sim_flow_t flow = s_flows[sim_below (&self->ground, 3)];
    switch (sim_below (&self->ground, 8)) {
    case 0:
    case 1:
        sim_operator_ask (operator_, "pause", flow);
        break;
    case 2:
        sim_world_purge (self, sim_once_in (&self->ground, 2) ? SIM_DEAD : flow);
        break;
    case 3:
        sim_checker_by_hand (self->checker, SIM_DEAD);
        sim_operator_ask (operator_, "dlq requeue", SIM_DEAD);
        break;
    case 4:
        sim_operator_ask (operator_, "stats", flow);
        break;
    default:
        sim_operator_ask (operator_, "resume", flow);
        break;
    }
}

static void
s_hurt_disk (sim_world_t *self)
{
    zloom_simdisk_t *disk = sim_disk_inner (sim_router_disk (self->router));
    self->full = !self->full && sim_once_in (&self->ground, 2);
    if (self->full) {
        zloom_simdisk_capacity (disk,
                                zloom_simdisk_used (disk) + sim_below (&self->ground, 128 * 1024));
        return;
    }
    zloom_simdisk_capacity (disk, 0);
    static const zloom_simdisk_call_t s_calls[] = {ZLOOM_SIMDISK_WRITE, ZLOOM_SIMDISK_SYNC,
                                                   ZLOOM_SIMDISK_NAME};
    zloom_simdisk_fail (disk, s_calls[sim_below (&self->ground, 3)],
                        1 + sim_below (&self->ground, 20), ZLOOM_DISK);
    sim_trace (&self->ground, "disk-fails", 0, 0, 0);
}

void
sim_world_hurt (sim_world_t *self)
{
    const sim_chaos_t *chaos = &self->options.chaos;
    sim_ground_t *ground = &self->ground;
    const uint64_t lot = sim_below (ground, 16);
    if (chaos->power && lot < 6) {
        sim_router_crash_after (self->router,
                                1 + sim_below (ground, sim_once_in (ground, 3) ? 6 : 60));
    } else if (chaos->kills && lot == 6) {
        sim_router_kill (self->router, sim_once_in (ground, 2), sim_span (ground, 0, SIM_S));
    } else if (chaos->stalls && lot == 7) {
        sim_router_stall (self->router, sim_span (ground, 100 * SIM_MS, 10 * SIM_S));
    } else if (chaos->drains && lot == 8) {
        sim_router_drain (self->router, sim_span (ground, 10 * SIM_MS, SIM_S));
    } else if (chaos->disk_errors && lot == 9) {
        s_hurt_disk (self);
    } else if (chaos->network && lot < 12) {
        if (sim_once_in (ground, 3)) {
            sim_peer_double (s_any_peer (self));
        } else {
            sim_peer_cut (s_any_peer (self));
        }
    } else if (chaos->hands && lot == 12) {
        s_use_hands (self);
    } else if (chaos->clock && lot == 13) {
        ground->wall_offset_ns += sim_span (ground, -3600 * SIM_S, 3600 * SIM_S);
    } else if (chaos->sleeps && lot > 13) {
        const bool background = sim_once_in (ground, 3);
        sim_router_sleep (self->router, background ? SIM_BACKGROUND_SLEEPS : SIM_READS_SLEEP,
                          sim_span (ground, SIM_S, 10 * SIM_S));
    } else if (chaos->peers) {
        s_hurt_peer (self);
    }
}
