/* SPDX-License-Identifier: MPL-2.0 */
/*
 * names.h - whose a producer's name is. Ids are counted by name, so whoever takes a name over goes
 * on with its numbers: a name is therefore bound, at each flow, to the key under which it sends
 * (that of the router's own host for those who come without one), as long as the flow remembers it.
 *
 * Who comes without a key is the router's own user and may use any name. Of two hosts each may take
 * over what the other one sent: nodes move. And a key that has left the fleet owns nothing.
 */
#ifndef ZLOOM_ENGINE_NAMES_H
#define ZLOOM_ENGINE_NAMES_H

#include "engine/core.h"

/* The key that owns what this session sends; unset: there are no keys here. */
zloom_bytes_t zloom_engine_name_owner (const zloom_engine_t *self, const zloom_session_t *session);
/*
 * What it takes to record that the name is its key's, beside what a first message takes anyway: the
 * mark that the producer has. 0 where that is known, or where there are no keys.
 */
uint64_t zloom_engine_bind_bytes (const zloom_engine_t *self, const zloom_sender_t *sender);
/* OK, or FORBIDDEN: some flow knows the name as another key's. `key` NULL: who comes without. */
zloom_err_t zloom_engine_check_name (const zloom_engine_t *self, const char *key,
                                     zloom_bytes_t name);

#endif
