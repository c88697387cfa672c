/* SPDX-License-Identifier: MPL-2.0 */
/* cold.c */
#include "base/memory.h"
#include "journal/log.h"
void
zloom_log_move_oldest (zloom_log_t *self)
{
    (void) self;
}
bool
zloom_log_apply_move (zloom_log_t *self, zloom_log_flow_t *flow, zloom_bytes_t head,
                      zloom_bytes_t payload)
{
    (void) self;
    (void) flow;
    (void) head;
    (void) payload;
    return false;
}
bool
zloom_log_tend_cold (zloom_log_t *self)
{
    (void) self;
    return false;
}
