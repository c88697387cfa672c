/* SPDX-License-Identifier: MPL-2.0 */
/*
 * recover.h - what the engine does for its journals: recovery, snapshots, what is still needed.
 */
#ifndef ZLOOM_ENGINE_RECOVER_H
#define ZLOOM_ENGINE_RECOVER_H

#include "engine/core.h"

zloom_journal_owner_t zloom_recover_owner (zloom_port_t *port);

#endif
