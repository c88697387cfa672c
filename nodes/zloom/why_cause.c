/* SPDX-License-Identifier: MPL-2.0 */
/* why_cause.c - the causes by their names, which of them are none, and the end of what was said. */
#include "why.h"

const char *
zloom_why_name (zloom_why_cause_t cause)
{
    static const char *const names[] = {
#define WHY_NAME(cause, name, text) [ZLOOM_WHY_##cause] = name,
      ZLOOM_WHY_MAP (WHY_NAME)
#undef WHY_NAME
    };
    return names[cause];
}

bool
zloom_why_is_well (zloom_why_cause_t cause)
{
    return cause >= ZLOOM_WHY_CATCHING_UP;
}

void
zloom_why_fini (zloom_why_t *self)
{
    zloom_buf_fini (&self->sentence);
    zloom_buf_fini (&self->advice);
    *self = (zloom_why_t){.cause = ZLOOM_WHY_IDLE};
}
