/* SPDX-License-Identifier: MPL-2.0 */
/* node.c - what zloom-sh says to the node and hears from it: READY, WORK, STARTED, DONE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh.h"
#include "wire/attrs.h"
#include "wire/cursor.h"
#include "wire/encode.h"
#include "wire/limits.h"

#define VERSION 1
#define FRAME_BYTES (ZLOOM_LIMIT_STEP_BYTES + 65536)
/* What stands around the emits of one DONE. */
#define FRAME_SPARE 8192

enum {
    READY = 1,
    WORK = 2,
    STARTED = 3,
    DONE = 5,
};

/* What a handler that has no words of its own ends with (sysexits.h), as with `io: exec`. */
enum {
    EXIT_REJECT = 65,
    EXIT_RETRY = 75,
};

/* ---- frames from the node ------------------------------------------------------------------- */

static int
s_broken (const char *why)
{
    fprintf (stderr, "zloom-sh: the node's frame cannot be read: %s\n", why);
    return ZLOOM_SH_BROKEN;
}

/* Exactly so many bytes, and not one more: the next process reads on. False: they end before. */
static bool
s_read (uint8_t *bytes, size_t size, size_t *got)
{
    for (*got = 0; *got < size;) {
        const ssize_t more = read (ZLOOM_SH_FROM_NODE, bytes + *got, size - *got);
        if (more == 0) {
            return false;
        }
        if (more > 0) {
            *got += (size_t) more;
        }
    }
    return true;
}

/* ZLOOM_SH_END: the node has no more. */
static int
s_hear (zloom_buf_t *frame)
{
    uint8_t head[4];
    size_t got = 0;
    if (!s_read (head, sizeof head, &got)) {
        return got == 0 ? ZLOOM_SH_END : s_broken ("it ends in the middle");
    }
    const size_t size =
      (size_t) head[0] << 24 | (size_t) head[1] << 16 | (size_t) head[2] << 8 | head[3];
    if (size == 0 || size > FRAME_BYTES) {
        return s_broken ("its length is none");
    }
    uint8_t *bytes = malloc (size);
    if (!bytes || !s_read (bytes, size, &got)) {
        free (bytes);
        return s_broken ("it ends in the middle");
    }
    zloom_buf_add (frame, bytes, size);
    free (bytes);
    return ZLOOM_SH_OK;
}

int
zloom_sh_ready (int count, char **words)
{
    (void) count;
    (void) words;
    zloom_buf_t array = {0};
    zloom_buf_t frame = {0};
    zloom_encode_array (&array, 3);
    zloom_encode_uint (&array, READY);
    zloom_encode_uint (&array, VERSION);
    zloom_encode_uint (&array, 1); /* one message at a time */
    int code = zloom_sh_say (&array) ? s_hear (&frame) : ZLOOM_SH_BROKEN;
    if (code == ZLOOM_SH_OK) {
        zloom_cursor_t cursor = zloom_cursor (zloom_buf_bytes (&frame));
        zloom_fields_t fields = zloom_fields_open (&cursor);
        const uint64_t kind = zloom_fields_uint (&fields, ZLOOM_NEED, 255, 0);
        const uint64_t version = zloom_fields_uint (&fields, ZLOOM_NEED, 255, 0);
        zloom_fields_close (&fields);
        if (zloom_cursor_end (&cursor) != ZLOOM_OK || kind != READY) {
            code = s_broken ("it is no HELLO");
        } else if (version != VERSION) {
            fprintf (stderr,
                     "zloom-sh speaks version %d of the frames, the node %d: use the one that came "
                     "with it\n",
                     VERSION, (int) version);
            code = ZLOOM_SH_BROKEN;
        }
    }
    zloom_buf_fini (&array);
    zloom_buf_fini (&frame);
    return code;
}

/* ---- the message before --------------------------------------------------------------------- */

/* What its handler has said, and how it ended. */
typedef struct {
    int verdict;
    bool has_delay;
    uint64_t delay_ms;
    zloom_bytes_t text;
    size_t emits;
    zloom_buf_t emitted; /* so many arrays */
} s_outcome_t;

/* Verdicts and emits, as handler.c wrote them; the first verdict counts. */
static bool
s_read_said (zloom_bytes_t said, s_outcome_t *outcome)
{
    zloom_cursor_t cursor = zloom_cursor (said);
    bool settled = false;
    while (cursor.err == ZLOOM_OK && zloom_cursor_left (&cursor) > 0) {
        zloom_cursor_t ahead = cursor;
        const zloom_bytes_t whole = zloom_cursor_raw (&cursor);
        if (cursor.err != ZLOOM_OK) {
            break;
        }
        zloom_fields_t fields = zloom_fields_open (&ahead);
        if (zloom_cursor_type (&ahead) != ZLOOM_TYPE_INT) {
            zloom_buf_add_bytes (&outcome->emitted, whole);
            outcome->emits++;
        } else if (!settled) {
            settled = true;
            outcome->verdict = (int) zloom_fields_uint (&fields, ZLOOM_NEED, ZLOOM_SH_REJECT, 0);
            outcome->delay_ms = zloom_fields_uint (&fields, ZLOOM_MAY, INT64_MAX, UINT64_MAX);
            outcome->has_delay = outcome->delay_ms != UINT64_MAX;
            outcome->text = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TEXT_BYTES);
        }
    }
    return cursor.err == ZLOOM_OK;
}

static void
s_judge (int status, char text[64], s_outcome_t *outcome)
{
    if (outcome->verdict != ZLOOM_SH_ACK || status == 0) {
        return;
    }
    (void) snprintf (text, 64, "the handler ended with exit code %d", status);
    outcome->verdict = status == EXIT_REJECT ? ZLOOM_SH_REJECT : ZLOOM_SH_RETRY;
    outcome->text = zloom_bytes_text (status == EXIT_REJECT || status == EXIT_RETRY ? "" : text);
}

static bool
s_done (uint64_t number, int status)
{
    s_outcome_t outcome = {0};
    zloom_buf_t said = {0};
    zloom_buf_t array = {0};
    char text[64];
    bool good =
      lseek (ZLOOM_SH_SAID, 0, SEEK_SET) == 0 && zloom_sh_read_all (ZLOOM_SH_SAID, SIZE_MAX, &said);
    if (good && !s_read_said (zloom_buf_bytes (&said), &outcome)) {
        outcome.verdict = ZLOOM_SH_RETRY;
        outcome.text = zloom_bytes_text ("what it emitted was not written to its end");
    }
    if (outcome.emitted.size > FRAME_BYTES - FRAME_SPARE) {
        outcome.verdict = ZLOOM_SH_REJECT;
        outcome.text = zloom_bytes_text ("it emits more than one step may have");
    }
    s_judge (status, text, &outcome);
    const bool acked = outcome.verdict == ZLOOM_SH_ACK;
    zloom_encode_array (&array, 2);
    zloom_encode_uint (&array, DONE);
    zloom_encode_array (&array, 1);
    zloom_encode_array (&array, 5);
    zloom_encode_uint (&array, number);
    zloom_encode_uint (&array, (uint64_t) outcome.verdict);
    if (outcome.has_delay) {
        zloom_encode_uint (&array, outcome.delay_ms);
    } else {
        zloom_encode_nil (&array);
    }
    zloom_encode_text (&array, outcome.text);
    zloom_encode_array (&array, acked ? outcome.emits : 0);
    zloom_encode_raw (&array, acked && outcome.emits ? zloom_buf_bytes (&outcome.emitted)
                                                     : zloom_bytes ("", 0));
    good = good && zloom_sh_say (&array) && ftruncate (ZLOOM_SH_SAID, 0) == 0 &&
           lseek (ZLOOM_SH_SAID, 0, SEEK_SET) == 0;
    zloom_buf_fini (&outcome.emitted);
    zloom_buf_fini (&said);
    zloom_buf_fini (&array);
    return good;
}

/* ---- the next message ----------------------------------------------------------------------- */

/* NAME='value': for eval. A NUL has no place in a variable: such a value is empty there. */
static void
s_variable (zloom_buf_t *out, const char *name, zloom_bytes_t value)
{
    if (value.size > 0 && memchr (value.data, 0, value.size)) {
        value.size = 0;
    }
    zloom_buf_printf (out, "export %s='", name);
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '\'') {
            zloom_buf_add_text (out, "'\\''");
        } else {
            zloom_buf_add (out, value.data + i, 1);
        }
    }
    zloom_buf_add_text (out, "'\n");
}

static void
s_number (zloom_buf_t *out, const char *name, uint64_t value)
{
    zloom_buf_printf (out, "export %s=%llu\n", name, (unsigned long long) value);
}

static void
s_attributes (zloom_buf_t *out, zloom_bytes_t map)
{
    zloom_buf_t lines = {0};
    zloom_bytes_t name;
    zloom_attr_t value;
    for (zloom_attrs_iter_t iter = zloom_attrs_iter (map);
         zloom_attrs_next (&iter, &name, &value);) {
        if (value.type == ZLOOM_TYPE_STR) {
            zloom_buf_add_text (&lines, lines.size ? "\n" : "");
            zloom_buf_add_bytes (&lines, name);
            zloom_buf_add_text (&lines, "=");
            zloom_buf_add_bytes (&lines, value.bytes);
        }
    }
    s_variable (out, "ZLOOM_ATTRS", zloom_buf_bytes (&lines));
    zloom_buf_fini (&lines);
}

/* What is known of a message, into `out` for eval; its body to where the handler reads it. */
static bool
s_take (zloom_cursor_t *cursor, zloom_buf_t *out, uint64_t *number)
{
    zloom_fields_t fields = zloom_fields_open (cursor);
    *number = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    const zloom_bytes_t flow = zloom_fields_text (&fields, ZLOOM_NEED, ZLOOM_LIMIT_NAME_BYTES);
    const uint64_t attempt = zloom_fields_uint (&fields, ZLOOM_MAY, UINT64_MAX, 1);
    const zloom_bytes_t body = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_MESSAGE_BYTES);
    const zloom_bytes_t key = zloom_fields_bytes (&fields, ZLOOM_MAY, ZLOOM_LIMIT_KEY_BYTES);
    const zloom_bytes_t topic = zloom_fields_text (&fields, ZLOOM_MAY, ZLOOM_LIMIT_TOPIC_BYTES);
    const zloom_bytes_t attrs = zloom_fields_raw (&fields, ZLOOM_MAY);
    const int64_t sent_ms = zloom_fields_int (&fields, ZLOOM_MAY, 0);
    const zloom_bytes_t id = zloom_fields_text (&fields, ZLOOM_MAY, FRAME_BYTES);
    const bool redelivered = zloom_fields_bool (&fields);
    zloom_fields_close (&fields);
    if (cursor->err != ZLOOM_OK) {
        return false;
    }
    s_number (out, "ZLOOM_NUMBER", *number);
    s_variable (out, "ZLOOM_FLOW", flow);
    s_number (out, "ZLOOM_ATTEMPT", attempt);
    s_variable (out, "ZLOOM_KEY", key);
    s_variable (out, "ZLOOM_TOPIC", topic);
    s_attributes (out, attrs);
    s_number (out, "ZLOOM_SENT_MS", (uint64_t) sent_ms);
    s_variable (out, "ZLOOM_ID", id);
    s_number (out, "ZLOOM_REDELIVERED", redelivered);
    return ftruncate (ZLOOM_SH_BODY, 0) == 0 && lseek (ZLOOM_SH_BODY, 0, SEEK_SET) == 0 &&
           zloom_sh_write (ZLOOM_SH_BODY, body);
}

static bool
s_started (uint64_t number)
{
    zloom_buf_t array = {0};
    zloom_encode_array (&array, 2);
    zloom_encode_uint (&array, STARTED);
    zloom_encode_array (&array, 1);
    zloom_encode_uint (&array, number);
    const bool good = zloom_sh_say (&array);
    zloom_buf_fini (&array);
    return good;
}

/* A frame: 0 it is a message, in `out`; 1: it is of another kind, which is not for us. */
static int
s_work (zloom_bytes_t frame, zloom_buf_t *out)
{
    zloom_cursor_t cursor = zloom_cursor (frame);
    zloom_fields_t fields = zloom_fields_open (&cursor);
    const uint64_t kind = zloom_fields_uint (&fields, ZLOOM_NEED, UINT64_MAX, 0);
    uint64_t number = 0;
    if (cursor.err == ZLOOM_OK && kind != WORK) {
        return ZLOOM_SH_END;
    }
    const uint32_t count = zloom_fields_array (&fields, ZLOOM_NEED, UINT32_MAX);
    if (cursor.err == ZLOOM_OK && count != 1) {
        return s_broken ("it has not the one message that was asked for");
    }
    const bool good = cursor.err == ZLOOM_OK && s_take (&cursor, out, &number);
    zloom_fields_close (&fields);
    if (!good || zloom_cursor_end (&cursor) != ZLOOM_OK) {
        return s_broken (zloom_note ());
    }
    return s_started (number) && zloom_sh_write (STDOUT_FILENO, zloom_buf_bytes (out))
             ? ZLOOM_SH_OK
             : ZLOOM_SH_BROKEN;
}

int
zloom_sh_next (int count, char **words)
{
    const char *number = getenv ("ZLOOM_NUMBER");
    if (count > 0 && number &&
        !s_done (strtoull (number, NULL, 10), (int) strtol (words[0], NULL, 10))) {
        return ZLOOM_SH_BROKEN;
    }
    int code = ZLOOM_SH_END;
    do {
        zloom_buf_t frame = {0};
        zloom_buf_t out = {0};
        code = s_hear (&frame);
        if (code != ZLOOM_SH_OK) {
            return code;
        }
        code = s_work (zloom_buf_bytes (&frame), &out);
        zloom_buf_fini (&frame);
        zloom_buf_fini (&out);
    } while (code == ZLOOM_SH_END);
    return code;
}
