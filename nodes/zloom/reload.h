/* SPDX-License-Identifier: MPL-2.0 */
/*
 * reload.h - `up` of what runs already: what its recipe says now and did not say when it was
 * started, and taking that over while it runs, as far as that goes. Nothing is changed when a part
 * of it cannot be.
 */
#ifndef ZLOOM_CLI_RELOAD_H
#define ZLOOM_CLI_RELOAD_H

#include "control.h"

/*
 * `control` is connected and ready. *changed_p: a new reference to an array of the paths that had
 * changed ("flows.orders.lease"), also when it is refused. 0, or an exit code after a message.
 */
int zloom_reload (zloom_control_t *control, const zloom_topology_t *topology, int64_t until_mono_ns,
                  json_t **changed_p);

#endif
