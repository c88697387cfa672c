/* SPDX-License-Identifier: MPL-2.0 */
#include "nodes/join.h"

#include <string.h>

/* Between two looks at the descriptor that says stop. */
#define TRY_NS (250 * ZLOOM_NS_PER_MS)
/* To another host: time for several round trips. */
#define TRY_FAR_NS (2 * ZLOOM_NS_PER_S)

zloom_err_t
zloom_node_join (const zloom_node_args_t *args, const zloom_client_options_t *options,
                 zloom_client_event_fn *event, void *event_arg, zloom_stop_t *stop, int64_t wait_ns,
                 zloom_client_t **client_p)
{
    char endpoint[ZLOOM_ENDPOINT_BYTES];
    zloom_err_t err = zloom_node_reach (args, NULL, endpoint);
    if (err != ZLOOM_OK) {
        return err;
    }
    zloom_client_options_t own = *options;
    own.name = own.name ? own.name : args->name;
    if (args->nonce) {
        memcpy (own.nonce, args->nonce, sizeof own.nonce);
    }
    /* A host that is away may stay so for long, and nobody here can start it. */
    const bool far = zloom_address_is_far (endpoint);
    const int64_t end_ns = far ? ZLOOM_NEVER : zloom_time_add (zloom_clock_mono_ns (), wait_ns);
    for (;;) {
        const int64_t now_ns = zloom_clock_mono_ns ();
        const int64_t try_ns = zloom_time_add (now_ns, far ? TRY_FAR_NS : TRY_NS);
        err = zloom_client_open_with (endpoint, &own, event, event_arg,
                                      try_ns < end_ns ? try_ns : end_ns, client_p);
        if (err != ZLOOM_NOT_RUNNING || zloom_clock_mono_ns () >= end_ns) {
            return err;
        }
        if (zloom_stop_read (stop) != ZLOOM_STOP_NO) {
            return zloom_fail (ZLOOM_CLOSED, "told to stop while waiting for the router at %.*s",
                               zloom_address_shown (endpoint), endpoint);
        }
    }
}
