/* SPDX-License-Identifier: MPL-2.0 */
#include "engine/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

zloom_bytes_t
zloom_engine_name_owner (const zloom_engine_t *self, const zloom_session_t *session)
{
    return zloom_bytes_text (session->key ? session->key : self->own_key);
}

uint64_t
zloom_engine_bind_bytes (const zloom_engine_t *self, const zloom_sender_t *sender)
{
    const zloom_session_t *session = sender->session;
    const zloom_bytes_t owner = zloom_engine_name_owner (self, session);
    const zloom_hosted_t *flow = sender->flow;
    uint64_t high = 0;
    zloom_bytes_t mark;
    zloom_bytes_t known = ZLOOM_BYTES_NULL;
    if (!owner.data || !flow->pattern->producer (flow->core, zloom_bytes_text (session->name),
                                                 &high, &mark, &known)) {
        return 0;
    }
    const bool bound = known.data && (!session->key || zloom_bytes_equal (known, owner));
    return bound ? 0 : mark.size;
}

/* Whether a session with `key` may go on with what `owner` has sent. */
static bool
s_may_inherit (const zloom_engine_t *self, const char *key, zloom_bytes_t owner)
{
    char *text = zloom_memdup_text (owner.data, owner.size);
    bool may =
      strcmp (key, text) == 0 || !self->rights (self->rights_arg, text, ZLOOM_RIGHT_ENTER, NULL);
    may = may || (self->rights (self->rights_arg, key, ZLOOM_RIGHT_SUPERVISE, NULL) &&
                  self->rights (self->rights_arg, text, ZLOOM_RIGHT_SUPERVISE, NULL));
    free (text);
    return may;
}

zloom_err_t
zloom_engine_check_name (const zloom_engine_t *self, const char *key, zloom_bytes_t name)
{
    for (size_t i = 0; key && self->rights && i < self->flow_count; i++) {
        const zloom_hosted_t *flow = self->flows[i];
        uint64_t high = 0;
        zloom_bytes_t mark;
        zloom_bytes_t owner = ZLOOM_BYTES_NULL;
        if (flow->configured && flow->pattern->producer (flow->core, name, &high, &mark, &owner) &&
            owner.data && !s_may_inherit (self, key, owner)) {
            return zloom_fail (ZLOOM_FORBIDDEN,
                               "the name '%.*s' is another key's, who has sent to flow '%s' under "
                               "it: use another one",
                               (int) name.size, (const char *) name.data, zloom_hosted_name (flow));
        }
    }
    return ZLOOM_OK;
}
