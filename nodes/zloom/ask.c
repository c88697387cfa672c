/* SPDX-License-Identifier: MPL-2.0 */
#include "ask.h"

#include "base/tag.h"
#include "wire/encode.h"
#include "wire/pack.h"

void
zloom_ask_text (zloom_ask_args_t *args, const char *name, const char *text)
{
    if (text) {
        zloom_encode_string (&args->entries, name);
        zloom_encode_string (&args->entries, text);
        args->count++;
    }
}

void
zloom_ask_number (zloom_ask_args_t *args, const char *name, int64_t number)
{
    zloom_encode_string (&args->entries, name);
    zloom_encode_int (&args->entries, number);
    args->count++;
}

void
zloom_ask_bytes (zloom_ask_args_t *args, const char *name, zloom_bytes_t bytes)
{
    zloom_encode_string (&args->entries, name);
    zloom_encode_bytes (&args->entries, bytes);
    args->count++;
}

void
zloom_ask_flag (zloom_ask_args_t *args, const char *name, bool flag)
{
    zloom_encode_string (&args->entries, name);
    zloom_encode_bool (&args->entries, flag);
    args->count++;
}

void
zloom_ask_clear (zloom_ask_args_t *args)
{
    zloom_buf_fini (&args->entries);
    *args = (zloom_ask_args_t){.count = 0};
}

static void
s_join_envelope (json_t *message, const zloom_envelope_t *envelope)
{
    if (envelope->topic.data) {
        json_object_set_new (message, "topic", zloom_print_text (envelope->topic));
    }
    if (envelope->key.data) {
        json_object_set_new (message, "key", zloom_print_text (envelope->key));
    }
    if (envelope->id.data) {
        json_object_set_new (message, "own_id", zloom_print_text (envelope->id));
    }
    if (envelope->has_priority) {
        json_object_set_new (message, "priority", json_integer (envelope->priority));
    }
    if (envelope->has_due) {
        json_object_set_new (message, "delay_ms", json_integer (envelope->due_ms));
    }
    if (envelope->has_expires) {
        json_object_set_new (message, "expires_ms", json_integer (envelope->expires_ms));
    }
    json_object_set_new (message, "body", zloom_print_body (envelope->body));
}

/* Put what a pack holds beside the entries of the answer's list "messages", in order. */
static void
s_join_pack (json_t *answer, zloom_bytes_t pack)
{
    json_t *messages = json_object_get (answer, "messages");
    zloom_pack_iter_t iter = zloom_pack_iter (pack);
    zloom_bytes_t bytes;
    for (size_t i = 0; i < json_array_size (messages) && zloom_pack_next (&iter, &bytes); i++) {
        json_t *message = json_array_get (messages, i);
        zloom_envelope_t envelope;
        if (zloom_envelope_decode (bytes, &envelope) != ZLOOM_OK) {
            json_object_set_new (message, "error", json_string (zloom_note ()));
            continue;
        }
        s_join_envelope (message, &envelope);
    }
}

static zloom_err_t
s_answer (void *arg, zloom_bytes_t result, zloom_bytes_t pack)
{
    json_t *whole = arg;
    json_t *answer = zloom_print_bytes_value (result);
    if (!json_is_object (answer)) {
        json_decref (answer);
        return zloom_fail (ZLOOM_MALFORMED, "the router's answer is not a map");
    }
    if (pack.data) {
        s_join_pack (answer, pack);
    }
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (answer, name, value)
    {
        json_t *known = json_object_get (whole, name);
        if (json_is_array (known) && json_is_array (value)) {
            json_array_extend (known, value);
        } else {
            json_object_set (whole, name, value);
        }
    }
    json_decref (answer);
    return ZLOOM_OK;
}

static void
s_map (const zloom_ask_args_t *args, zloom_buf_t *map)
{
    zloom_encode_map (map, args->count);
    zloom_buf_add_bytes (map, zloom_buf_bytes (&args->entries));
}

zloom_err_t
zloom_ask_only (zloom_client_t *client, const char *command, const zloom_ask_args_t *args,
                int64_t wait_ms, json_t **result_p)
{
    zloom_buf_t map = {0};
    s_map (args, &map);
    json_t *whole = json_object ();
    zloom_err_t err = zloom_client_ask (client, command, zloom_buf_bytes (&map), s_answer, whole,
                                        zloom_deadline (wait_ms));
    zloom_buf_fini (&map);
    if (err != ZLOOM_OK) {
        json_decref (whole);
        return err;
    }
    *result_p = whole;
    return ZLOOM_OK;
}

void
zloom_ask_several (zloom_several_t *each, size_t count, const zloom_ask_t *ask,
                   const zloom_ask_args_t *const args[], json_t *results[])
{
    const zloom_several_question_t question = {
      .command = ask->command, .answer = s_answer, .enough = ask->enough};
    zloom_buf_t maps[ZLOOM_ROUTERS_MAX] = {{0}};
    zloom_assert (count <= ZLOOM_ROUTERS_MAX);
    for (size_t i = 0; i < count; i++) {
        results[i] = NULL;
        if (each[i].open && args[i]) {
            s_map (args[i], &maps[i]);
            results[i] = json_object ();
            each[i].args = zloom_buf_bytes (&maps[i]);
            each[i].arg = results[i];
        }
    }
    zloom_several_ask (each, count, &question, zloom_deadline (ask->wait_ms));
    for (size_t i = 0; i < count; i++) {
        zloom_buf_fini (&maps[i]);
        each[i].args = ZLOOM_BYTES_NULL;
        each[i].arg = NULL;
        if (results[i] && each[i].err != ZLOOM_OK) {
            json_decref (results[i]);
            results[i] = NULL;
        }
    }
}

int
zloom_ask (const zloom_cli_t *cli, zloom_client_t *client, const char *command,
           const zloom_ask_args_t *args, int64_t wait_ms, json_t **result_p)
{
    const zloom_err_t err = zloom_ask_only (client, command, args, wait_ms, result_p);
    return err == ZLOOM_OK ? ZLOOM_EXIT_OK : zloom_cli_fail (cli, err);
}
