/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/fields.h"

#include <string.h>

static void
s_add_choices (const zloom_field_t *field, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "one of ");
    for (size_t i = 0; i < field->choice_count; i++) {
        zloom_buf_printf (out, "%s%s", i ? ", " : "", field->choices[i].name);
    }
}

void
zloom_field_type_text (const zloom_field_t *field, zloom_buf_t *out)
{
    static const char *const texts[] = {
      [ZLOOM_FIELD_TEXT] = "a text",
      [ZLOOM_FIELD_BOOL] = "true or false",
      [ZLOOM_FIELD_INT] = "a whole number",
      [ZLOOM_FIELD_DURATION] = "a duration such as 250ms, 30s, 5m",
      [ZLOOM_FIELD_SIZE] = "a size such as 64KiB, 2GiB",
      [ZLOOM_FIELD_PERCENT] = "a percentage such as 10%",
      [ZLOOM_FIELD_PATH] =
        "a path (a relative one starts at the folder of the file where it stands)",
      [ZLOOM_FIELD_PROGRAM] = "a list: program and arguments",
      [ZLOOM_FIELD_DURATIONS] = "a list of durations",
      [ZLOOM_FIELD_TEXTS] = "a text or a list of texts",
      [ZLOOM_FIELD_PAIRS] = "a map of names and texts",
      [ZLOOM_FIELD_NUMBERS] = "a map of names and whole numbers",
      [ZLOOM_FIELD_SECRETS] = "a list of secrets of the recipe",
      [ZLOOM_FIELD_FLOW] = "the name of a flow",
      [ZLOOM_FIELD_GROUP] = "a map",
      [ZLOOM_FIELD_LATER] = "not in this version",
      [ZLOOM_FIELD_SHAPE] = "part of the recipe's shape",
    };
    if (field->type == ZLOOM_FIELD_CHOICE) {
        s_add_choices (field, out);
    } else {
        zloom_buf_add_text (out, texts[field->type]);
    }
}

bool
zloom_field_is_own (const zloom_field_t *field)
{
    return field->required || field->type == ZLOOM_FIELD_PROGRAM;
}

const zloom_field_t *
zloom_field_find (const zloom_field_t *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp (fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}
