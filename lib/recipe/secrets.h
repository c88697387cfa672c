/* SPDX-License-Identifier: MPL-2.0 */
/*
 * secrets.h - values that a recipe names and never holds.
 *
 *     secrets:
 *       psp_key: {file: /run/secrets/psp_key}
 *       pin:     {env: SHOP_PIN}
 *     nodes:
 *       charge: {kind: worker, run: [./charge], secrets: [psp_key], env: {PIN: "${secret.pin}"}}
 *
 * Reading a recipe reads no secret: a text with ${secret.…} in it stays as it is written, so that
 * diagnostics, `expand`, `explain` and logs have nothing to tell. Only the process that runs a node
 * asks for the secrets of that node (zloom_recipe_options_t.secrets_of); they are put into its
 * config after everything has been said about the recipe.
 */
#ifndef ZLOOM_RECIPE_SECRETS_H
#define ZLOOM_RECIPE_SECRETS_H

#include "recipe/reader.h"

/* Longest secret, in bytes. */
#define ZLOOM_SECRET_BYTES_MAX 65536

/* The `secrets:` of a recipe's root; in the reader's pool. ${…} in it need not be replaced yet. */
zloom_secrets_t *zloom_secrets_new (zloom_reader_t *reader, const zloom_tree_node_t *root);
/* Whether there is a secret of this name, for the place `node`; reports if not. */
bool zloom_secrets_use (zloom_secrets_t *self, const zloom_tree_node_t *node, const char *name);
/* Everything is replaced: read where each secret comes from, and report what is wrong there. */
void zloom_secrets_define (zloom_secrets_t *self);
/* Everything is read: warn of what nothing uses. */
void zloom_secrets_end (zloom_secrets_t *self);
/* Look whether all that are used can be read here. */
void zloom_secrets_check (zloom_secrets_t *self);

/* A text of a config that is to get its secrets: where it is, and whose. */
void zloom_secrets_keep (zloom_secrets_t *self, const char *owner, const char **slot,
                         const zloom_tree_node_t *node);
/* The same for a text that is one secret: an entry of a node's `secrets:`. */
void zloom_secrets_keep_whole (zloom_secrets_t *self, const char *owner, const char **slot,
                               const zloom_tree_node_t *node);
/* Put the secrets of one node in ("*": of all). What cannot be read is reported. */
void zloom_secrets_fill (zloom_secrets_t *self, const char *owner);

/* Take the variables that secrets come from out of this process's environment. */
void zloom_secrets_hide (const zloom_secrets_t *self);

/* The keys of one secret, for `explain` and the reference page. */
zloom_field_table_t zloom_secrets_fields (void);

/* For `expand`: where a secret comes from, `{file: …}`, and where that stands. */
size_t zloom_secrets_count (const zloom_secrets_t *self);
void zloom_secrets_tell (const zloom_secrets_t *self, size_t index,
                         const zloom_tree_node_t **tree_p, zloom_buf_t *out);

#endif
