/* SPDX-License-Identifier: MPL-2.0 */
#include "engine/core.h"
void
zloom_engine_jobs (zloom_engine_t *self)
{
    (void) self;
}
void
zloom_engine_drop_jobs (zloom_engine_t *self, const zloom_session_t *session)
{
    (void) self;
    (void) session;
}
