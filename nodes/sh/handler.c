/* SPDX-License-Identifier: MPL-2.0 */
/*
 * handler.c - what a handler says. Each thing is one msgpack array at the end of descriptor 6:
 *     [body, flow, topic, key, attrs, delay_ms, expires_ms, priority, own_id]    an emit
 *     [verdict, delay_ms, text]                                                  a verdict
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sh.h"
#include "wire/attrs.h"
#include "wire/encode.h"
#include "wire/limits.h"

/* Ten years: nothing is meant to be later. */
#define SECONDS_MAX 315360000.0

/* ---- saying it ------------------------------------------------------------------------------ */

static bool
s_keep (const zloom_buf_t *said)
{
    return zloom_sh_write (ZLOOM_SH_SAID, zloom_buf_bytes (said));
}

/* The end of a text that is short enough for a cause; a byte that is no UTF-8 becomes '?'. */
static void
s_add_text (zloom_buf_t *out, const char *text)
{
    const size_t size = strlen (text);
    if (size > ZLOOM_LIMIT_TEXT_BYTES) {
        text += size - ZLOOM_LIMIT_TEXT_BYTES;
        while (((unsigned char) *text & 0xC0) == 0x80) { /* in the middle of a character */
            text++;
        }
    }
    while (*text) {
        size_t length = 1;
        while (length < 4 && ((unsigned char) text[length] & 0xC0) == 0x80) {
            length++;
        }
        const bool good = zloom_bytes_is_utf8 (zloom_bytes (text, length));
        zloom_buf_add (out, good ? text : "?", good ? length : 1);
        text += good ? length : 1;
    }
}

static bool
s_verdict (int verdict, int64_t delay_ms, const char *text)
{
    zloom_buf_t said = {0};
    zloom_buf_t told = {0};
    s_add_text (&told, text);
    zloom_encode_array (&said, 3);
    zloom_encode_uint (&said, (uint64_t) verdict);
    if (delay_ms >= 0) {
        zloom_encode_uint (&said, (uint64_t) delay_ms);
    } else {
        zloom_encode_nil (&said);
    }
    zloom_encode_text (&said, told.size ? zloom_buf_bytes (&told) : zloom_bytes ("", 0));
    const bool good = s_keep (&said);
    zloom_buf_fini (&told);
    zloom_buf_fini (&said);
    return good;
}

/* A word of the script's is wrong: the message failed, and the text says where. */
static int
s_wrong (const char *what, const char *word)
{
    char text[512];
    (void) snprintf (text, sizeof text, "%s: '%.200s'", what, word);
    fprintf (stderr, "zloom.sh: %s\n", text);
    (void) s_verdict (ZLOOM_SH_RETRY, -1, text);
    return ZLOOM_SH_BROKEN;
}

/* Up to the next millisecond: nothing is due too early. */
static bool
s_ms (const char *text, int64_t *ms)
{
    char *end = NULL;
    const double seconds = strtod (text, &end);
    if (end == text || *end || !(seconds >= 0) || seconds > SECONDS_MAX) {
        return false;
    }
    *ms = (int64_t) ceil (seconds * 1000);
    return true;
}

int
zloom_sh_retry (int count, char **words)
{
    int64_t delay_ms = -1;
    if (count > 1 && !s_ms (words[1], &delay_ms)) {
        return s_wrong ("zloom_retry: the delay is in seconds", words[1]);
    }
    return s_verdict (ZLOOM_SH_RETRY, delay_ms, count > 0 ? words[0] : "") ? ZLOOM_SH_OK
                                                                           : ZLOOM_SH_BROKEN;
}

int
zloom_sh_reject (int count, char **words)
{
    return s_verdict (ZLOOM_SH_REJECT, -1, count > 0 ? words[0] : "") ? ZLOOM_SH_OK
                                                                      : ZLOOM_SH_BROKEN;
}

int
zloom_sh_progress (int count, char **words)
{
    const char *number = getenv ("ZLOOM_NUMBER");
    int64_t extend_ms = -1;
    if (count > 0 && !s_ms (words[0], &extend_ms)) {
        return s_wrong ("zloom_progress takes seconds", words[0]);
    }
    zloom_buf_t array = {0};
    zloom_encode_array (&array, 3);
    zloom_encode_uint (&array, 4);
    zloom_encode_array (&array, 1);
    zloom_encode_uint (&array, number ? strtoull (number, NULL, 10) : 0);
    if (extend_ms >= 0) {
        zloom_encode_uint (&array, (uint64_t) extend_ms);
    } else {
        zloom_encode_nil (&array);
    }
    const bool good = zloom_sh_say (&array);
    zloom_buf_fini (&array);
    return good ? ZLOOM_SH_OK : ZLOOM_SH_BROKEN;
}

/* ---- emits ---------------------------------------------------------------------------------- */

typedef struct {
    const char *flow, *topic, *key, *id;
    int64_t delay_ms, expires_ms; /* -1: not said */
    int priority;                 /* -1: not said */
    zloom_attrs_t attrs;
} s_known_t;

/* The value of a word --NAME=VALUE, without its dashes; NULL: it is another one. */
static const char *
s_value (const char *word, const char *name)
{
    const size_t size = strlen (name);
    return strncmp (word, name, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

/* What is wrong with the word; NULL: it was taken. */
static const char *
s_word (s_known_t *known, const char *word)
{
    const char *value = NULL;
    const bool text = zloom_bytes_is_utf8 (zloom_bytes_text (word));
    if (!text && !s_value (word, "key") && !s_value (word, "id")) {
        return "zloom_emit: this is not UTF-8";
    }
    if ((value = s_value (word, "flow"))) {
        known->flow = value;
    } else if ((value = s_value (word, "topic"))) {
        known->topic = value;
    } else if ((value = s_value (word, "key"))) {
        known->key = value;
        return strlen (value) > ZLOOM_LIMIT_KEY_BYTES ? "zloom_emit: the key is too long" : NULL;
    } else if ((value = s_value (word, "id"))) {
        known->id = value;
        return strlen (value) > ZLOOM_LIMIT_ID_BYTES ? "zloom_emit: the id is too long" : NULL;
    } else if ((value = s_value (word, "delay"))) {
        return s_ms (value, &known->delay_ms) ? NULL : "zloom_emit: delay takes seconds";
    } else if ((value = s_value (word, "expires"))) {
        return s_ms (value, &known->expires_ms) ? NULL : "zloom_emit: expires takes seconds";
    } else if ((value = s_value (word, "priority"))) {
        known->priority = value[0] - '0';
        return value[0] >= '0' && value[0] <= '9' && !value[1]
                 ? NULL
                 : "zloom_emit: priority is 0 to 9, not this";
    } else if (strncmp (word, "attr.", 5) == 0 && strchr (word, '=')) {
        char name[ZLOOM_LIMIT_NAME_BYTES + 1];
        const size_t size = strcspn (word + 5, "=");
        if (size == 0 || size > ZLOOM_LIMIT_NAME_BYTES) {
            return "zloom_emit: an attribute has a name";
        }
        (void) snprintf (name, sizeof name, "%.*s", (int) size, word + 5);
        zloom_attrs_put_text (&known->attrs, name, zloom_bytes_text (word + 5 + size + 1));
    } else {
        return "zloom_emit knows no such word (-- stands before a value that begins with --)";
    }
    return NULL;
}

static void
s_ms_or_nil (zloom_buf_t *out, int64_t ms)
{
    if (ms >= 0) {
        zloom_encode_uint (out, (uint64_t) ms);
    } else {
        zloom_encode_nil (out);
    }
}

static zloom_bytes_t
s_bytes (const char *text)
{
    return text ? zloom_bytes_text (text) : ZLOOM_BYTES_NULL;
}

static bool
s_emit (s_known_t *known, zloom_bytes_t body)
{
    zloom_buf_t said = {0};
    zloom_encode_array (&said, 9);
    zloom_encode_bytes (&said, body);
    zloom_encode_string (&said, known->flow);
    zloom_encode_string (&said, known->topic);
    zloom_encode_bytes (&said, s_bytes (known->key));
    zloom_encode_raw (&said, zloom_attrs_bytes (&known->attrs));
    s_ms_or_nil (&said, known->delay_ms);
    s_ms_or_nil (&said, known->expires_ms);
    s_ms_or_nil (&said, known->priority);
    zloom_encode_bytes (&said, s_bytes (known->id));
    const bool good = s_keep (&said);
    zloom_buf_fini (&said);
    return good;
}

int
zloom_sh_emit (int count, char **words)
{
    s_known_t known = {.delay_ms = -1, .expires_ms = -1, .priority = -1};
    zloom_buf_t body = {0};
    int at = 0;
    const char *wrong = NULL;
    for (; !wrong && at < count && strncmp (words[at], "--", 2) == 0 && words[at][2]; at++) {
        wrong = s_word (&known, words[at] + 2);
    }
    if (wrong) {
        zloom_attrs_fini (&known.attrs);
        return s_wrong (wrong, words[at - 1]);
    }
    const bool marked = at < count && strcmp (words[at], "--") == 0;
    at += marked ? 1 : 0;
    bool good = true;
    if (count - at > 1) {
        good = false;
        (void) s_wrong ("zloom_emit takes one value, in quotes", words[at + 1]);
    } else if (at < count) {
        zloom_buf_add_text (&body, words[at]);
    } else {
        good = zloom_sh_read_all (0, ZLOOM_LIMIT_MESSAGE_BYTES, &body);
    }
    if (good) {
        good = s_emit (&known, body.size ? zloom_buf_bytes (&body) : zloom_bytes ("", 0));
    }
    zloom_buf_fini (&body);
    zloom_attrs_fini (&known.attrs);
    return good ? ZLOOM_SH_OK : ZLOOM_SH_BROKEN;
}
