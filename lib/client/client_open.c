/* SPDX-License-Identifier: MPL-2.0 */
/* client_open.c - a client that waits at its opening until its router has answered. */
#include "base/tag.h"
#include "client/shell.h"
#include "net/address.h"

static zloom_err_t
s_check_flows (const zloom_client_t *self, const zloom_client_options_t *options)
{
    for (size_t i = 0; i < options->flow_count; i++) {
        zloom_client_flow_state_t state;
        zloom_client_core_flow (self->core, options->flows[i].name, &state);
        if (state.state != ZLOOM_OK) {
            return zloom_fail (state.state, "flow %s: %s", options->flows[i].name,
                               state.state == ZLOOM_FORBIDDEN ? "this key has no right to it"
                                                              : zloom_err_text (state.state));
        }
    }
    return ZLOOM_OK;
}

/* Why there is no session, once it is known, or when the time is over. */
static zloom_err_t
s_check_handshake (zloom_client_t *self, const char *endpoint, bool expired)
{
    const int size = zloom_address_shown (endpoint);
    switch (zloom_dealer_handshake (self->dealer)) {
    case ZLOOM_HANDSHAKE_REFUSED:
        return zloom_fail (ZLOOM_FORBIDDEN,
                           "the router at %.*s does not know this key: add it to the fleet there, "
                           "and let it be read again (zloom up)",
                           size, endpoint);
    case ZLOOM_HANDSHAKE_PLAIN:
        return zloom_fail (ZLOOM_FORBIDDEN,
                           "what listens at %.*s speaks without keys: it is no "
                           "router of this fleet",
                           size, endpoint);
    case ZLOOM_HANDSHAKE_OTHER_KEY:
    case ZLOOM_HANDSHAKE_BROKEN:
        if (expired) {
            return zloom_fail (
              ZLOOM_FORBIDDEN,
              "the router at %.*s broke off the handshake: it has another key than "
              "the one that is expected of it; is the fleet's right?",
              size, endpoint);
        }
        break;
    case ZLOOM_HANDSHAKE_NOTHING:
        break;
    }
    return expired ? zloom_fail (ZLOOM_NOT_RUNNING, "no router answers at %.*s", size, endpoint)
                   : ZLOOM_OK;
}

zloom_err_t
zloom_client_check_welcome (zloom_client_t *self, const char *endpoint,
                            const zloom_client_options_t *options, bool expired)
{
    if (zloom_client_core_welcomed (self->core)) {
        return s_check_flows (self, options);
    }
    zloom_err_t err = zloom_client_core_ended (self->core);
    err = err ? err : s_check_handshake (self, endpoint, expired);
    return err ? err : ZLOOM_AGAIN;
}

static zloom_err_t
s_await_welcome (zloom_client_t *self, const char *endpoint, const zloom_client_options_t *options,
                 int64_t deadline_ns)
{
    zloom_client_pump (self);
    for (;;) {
        zloom_err_t err =
          zloom_client_check_welcome (self, endpoint, options, zloom_client_expired (deadline_ns));
        if (err != ZLOOM_AGAIN) {
            return err;
        }
        err = zloom_client_wait (self, deadline_ns);
        if (err != ZLOOM_OK) {
            return err;
        }
    }
}

zloom_err_t
zloom_client_open_with (const char *endpoint, const zloom_client_options_t *options,
                        zloom_client_event_fn *event, void *event_arg, int64_t deadline_ns,
                        zloom_client_t **client_p)
{
    zloom_err_t err = zloom_client_begin (endpoint, options, event, event_arg, client_p);
    if (err == ZLOOM_OK) {
        err = s_await_welcome (*client_p, endpoint, options, deadline_ns);
        if (err != ZLOOM_OK) {
            zloom_client_kill (client_p);
        }
    }
    return err;
}
