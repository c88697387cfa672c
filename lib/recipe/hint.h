/* SPDX-License-Identifier: MPL-2.0 */
/*
 * hint.h - what the writer of a wrong value may have meant: "30 sec" is '30s', "1.5s" is '1500ms',
 * "2gb" is '2GB', "yes" is true.
 */
#ifndef ZLOOM_RECIPE_HINT_H
#define ZLOOM_RECIPE_HINT_H

#include "recipe/fields.h"
#include "recipe/pool.h"

/* For a value that a field of this type does not take; NULL when nothing comes to mind. */
const char *zloom_hint_number (zloom_pool_t *pool, zloom_field_type_t type, const char *text);

#endif
