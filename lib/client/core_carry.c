/* SPDX-License-Identifier: MPL-2.0 */
/* core_carry.c - messages of others, for bridges: taken as they are stored, sent as they are. */
#include "base/tag.h"
#include "client/core_state.h"

zloom_err_t
zloom_client_core_carry (zloom_client_core_t *self, const char *flow,
                         const zloom_carried_t *message, zloom_now_t now)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_outflow_t *outflow = zloom_core_flow (self, flow);
    return outflow ? zloom_outflow_carry (outflow, message, now)
                   : zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow %s was not named at the opening", flow);
}

zloom_err_t
zloom_client_core_skip (zloom_client_core_t *self, const char *flow, uint32_t n)
{
    ZLOOM_CHECK (self, ZLOOM_CORE_TAG);
    zloom_outflow_t *outflow = zloom_core_flow (self, flow);
    return outflow ? zloom_outflow_skip (outflow, n)
                   : zloom_fail (ZLOOM_UNKNOWN_FLOW, "flow %s was not named at the opening", flow);
}

zloom_bytes_t
zloom_client_core_envelope (const zloom_message_t *message)
{
    return zloom_item (message)->envelope;
}
