/* SPDX-License-Identifier: MPL-2.0 */
/*
 * print.h - what the router answers (msgpack) and what messages hold, as JSON.
 * JSON by jansson. Bytes that are not UTF-8 become {"base64": "..."}.
 */
#ifndef ZLOOM_CLI_PRINT_H
#define ZLOOM_CLI_PRINT_H

#include "cli.h"
#include "wire/cursor.h"
#include "wire/envelope.h"

#include <jansson.h>

/* One msgpack value as JSON; null after an error, which then shows in the cursor. New reference. */
json_t *zloom_print_value (zloom_cursor_t *cursor);
/* The same of whole bytes: the unset view and malformed bytes give null. */
json_t *zloom_print_bytes_value (zloom_bytes_t bytes);
/* A text if it is UTF-8, else {"base64": ...}; a body that is JSON is taken as such. */
json_t *zloom_print_text (zloom_bytes_t bytes);
json_t *zloom_print_body (zloom_bytes_t bytes);
/* Write a value and a newline to stdout, compact or indented; takes the reference. */
int zloom_print_json (const zloom_cli_t *cli, json_t *value, bool indented);
/* The same of an array: jsonl has each of its elements on a line. */
int zloom_print_list (const zloom_cli_t *cli, json_t *array, zloom_output_t output);
/* JSON that is text already: as it is, or for jsonl compact, an array's elements each on a line. */
int zloom_print_json_text (const zloom_cli_t *cli, zloom_bytes_t text, zloom_output_t output);
/*
 * A message's "history" as the router says it ([requeued, [[flow, reason, count, …]…]]) becomes
 * "requeued" and "causes", objects with names.
 */
void zloom_print_history (json_t *message);
/*
 * Before a table is made of it: each string in it becomes one line, whatever a stranger has called
 * himself. But for members of these names, of which who prints them shows the first line, or which
 * he quotes: "text", "reason", "body".
 */
void zloom_print_flatten (json_t *value);
/* A member that is an integer, or 0; a member that is a text, or "". */
int64_t zloom_print_int (const json_t *object, const char *name);
const char *zloom_print_string (const json_t *object, const char *name);

#endif
