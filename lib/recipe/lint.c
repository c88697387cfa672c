/* SPDX-License-Identifier: MPL-2.0 */
#include "recipe/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/tag.h"
#include "recipe/registry.h"

#define LINTER_TAG 0x11A7E401u

struct zloom_linter {
    uint32_t tag;
    const zloom_recipe_t *recipe;
    const zloom_recipe_options_t *options;
    bool whole;
    zloom_allow_t *allow;
    const zloom_lint_t *lint; /* whose check is running */
};

/* What is found while reading. */
static const zloom_lint_t s_codes[] = {
#define ZLOOM_CODE(code, severity, name, why, fix, bad, good) \
    {code, ZLOOM_SEVERITY_##severity, name, NULL, why, fix, bad, good},
#include "recipe/codes.def"
#undef ZLOOM_CODE
};

const zloom_recipe_t *
zloom_linter_recipe (const zloom_linter_t *self)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    return self->recipe;
}

const zloom_recipe_options_t *
zloom_linter_options (const zloom_linter_t *self)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    return self->options;
}

bool
zloom_linter_whole (const zloom_linter_t *self)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    return self->whole;
}

/* ---- reporting ----------------------------------------------------------------------------- */

/* The place of the longest part of the path that is written below the owner, else `other`. */
static zloom_span_t
s_place (const zloom_tree_node_t *owner, const char *path, zloom_span_t other)
{
    char part[128];
    snprintf (part, sizeof part, "%s", path);
    while (part[0]) {
        const zloom_tree_node_t *node = zloom_tree_find (owner, part);
        if (node) {
            return zloom_tree_span (node);
        }
        char *dot = strrchr (part, '.');
        *(dot ? dot : part) = '\0';
    }
    return other;
}

static void
s_report (zloom_linter_t *self, const zloom_tree_node_t *owner, zloom_span_t at, const char *hint,
          const char *message)
{
    zloom_allow_say (self->allow, self->lint->code, self->lint->severity, owner, at, hint, message);
}

void
zloom_linter_node (zloom_linter_t *self, const zloom_recipe_node_t *node, const char *path,
                   const char *hint, const char *format, ...)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    char message[512];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    s_report (self, node->tree, s_place (node->tree, path, node->at), hint, message);
}

void
zloom_linter_inside (zloom_linter_t *self, const zloom_recipe_node_t *node, const char *path,
                     size_t offset, const char *hint, const char *format, ...)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    const zloom_tree_node_t *text = zloom_tree_find (node->tree, path);
    char message[512];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    s_report (self, node->tree, text ? zloom_tree_place (text, offset) : node->at, hint, message);
}

void
zloom_linter_flow (zloom_linter_t *self, const zloom_recipe_flow_t *flow, const char *path,
                   const char *hint, const char *format, ...)
{
    ZLOOM_CHECK (self, LINTER_TAG);
    char message[512];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    s_report (self, flow->tree, s_place (flow->tree, path, flow->at), hint, message);
}

/* ---- running ------------------------------------------------------------------------------- */

void
zloom_lint_run (const zloom_recipe_t *recipe, const zloom_registry_t *registry,
                const zloom_recipe_options_t *options, bool whole, zloom_allow_t *allow)
{
    zloom_linter_t linter = {
      .tag = LINTER_TAG,
      .recipe = recipe,
      .options = options,
      .whole = whole,
      .allow = allow,
    };
    for (size_t i = 0; i < registry->lint_count; i++) {
        linter.lint = &registry->lints[i];
        if (linter.lint->check) {
            linter.lint->check (&linter);
        }
    }
}

const zloom_lint_t *
zloom_lint_at (const zloom_registry_t *registry, size_t index)
{
    if (index < ZLOOM_COUNT (s_codes)) {
        return &s_codes[index];
    }
    index -= ZLOOM_COUNT (s_codes);
    return index < registry->lint_count ? &registry->lints[index] : NULL;
}

const zloom_lint_t *
zloom_lint_find (const zloom_registry_t *registry, const char *code)
{
    const zloom_lint_t *lint;
    for (size_t i = 0; (lint = zloom_lint_at (registry, i)); i++) {
        if (strcmp (lint->code, code) == 0) {
            return lint;
        }
    }
    return NULL;
}
