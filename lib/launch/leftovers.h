/* SPDX-License-Identifier: MPL-2.0 */
/*
 * leftovers.h - nodes of a supervisor that was killed. They drain by themselves, and until they
 * have, they hold journals and sockets: so the next supervisor waits for them.
 */
#ifndef ZLOOM_LAUNCH_LEFTOVERS_H
#define ZLOOM_LAUNCH_LEFTOVERS_H

#include "launch/paths.h"

#include <stdint.h>

/*
 * Wait for the node processes whose pid files stand in the runtime folder, which the caller holds
 * (zloom_paths_lock). LOCKED when one is still there at the deadline; CLOSED when stop_fd (-1:
 * none) became readable meanwhile.
 */
zloom_err_t zloom_leftovers_wait (const zloom_paths_t *paths, int stop_fd, int64_t until_mono_ns);

#endif
