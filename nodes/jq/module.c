/* SPDX-License-Identifier: MPL-2.0 */
/*
 * module.c - zloom-jq.so: jq's expressions as lib/io/jq.h wants them. Nothing of zloom is linked
 * here, and nothing but the one symbol at the end is seen.
 *
 * An expression is compiled as `. as [$message, $body] | $body | (EXPRESSION)`, after it has been
 * compiled by itself: brackets in it must match on their own.
 */
#include "io/jq.h"

#include <jq.h>
#include <jv.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "where.h"

/* How values say where they go, and failures what becomes of the message. */
#define MARK "$zloom"
static const char s_prelude[] =
  "def to($flow): {\"" MARK "\": {to: $flow}, body: .};"
  "def to($flow; $known): {\"" MARK "\": ($known + {to: $flow}), body: .};"
  "def with($known): {\"" MARK "\": $known, body: .};"
  "def reject($text): error({\"" MARK "\": {reject: $text}});"
  "def retry($text): error({\"" MARK "\": {retry: $text}});"
  "def retry($text; $seconds): error({\"" MARK "\": {retry: $text, delay: $seconds}});\n";

struct zloom_jq {
    jq_state *state;
    bool whole; /* it gets [$message, $body], not the body alone */
    /*
     * libjq looks before each of its steps whether it was halted. So an expression that gives no
     * value ends, too; one step (a search by a regular expression, say) is not interrupted.
     */
    pthread_mutex_t lock;
    bool running;     /* under lock: interrupt () may halt it */
    bool interrupted; /* under lock */
};

/* ---- compiling ------------------------------------------------------------------------------ */

/* The first thing that the compiler says. */
static void
s_keep (void *arg, jv said)
{
    char *text = arg;
    if (!text[0] && jv_get_kind (said) == JV_KIND_STRING) {
        (void) snprintf (text, ZLOOM_JQ_TEXT_BYTES, "%s", jv_string_value (said));
    }
    jv_free (said);
}

/* What it says of `before` + `expression` + `after`; empty: nothing, and *state_p is a program. */
static void
s_try (const char *before, const char *expression, const char *after, bool free_message,
       jq_state **state_p, char *said)
{
    const size_t size = strlen (s_prelude) + strlen (before) + strlen (expression) + strlen (after);
    char *program = malloc (size + 1);
    jq_state *state = jq_init ();
    said[0] = '\0';
    *state_p = NULL;
    if (!program || !state) {
        (void) snprintf (said, ZLOOM_JQ_TEXT_BYTES, "out of memory");
    } else {
        (void) snprintf (program, size + 1, "%s%s%s%s", s_prelude, before, expression, after);
        jq_set_error_cb (state, s_keep, said);
        jv known = jv_object ();
        if (free_message) {
            known = jv_object_set (known, jv_string ("message"), jv_null ());
        }
        if (jq_compile_args (state, program, known)) {
            said[0] = '\0';
            jq_set_error_cb (state, NULL, NULL);
            *state_p = state;
            state = NULL;
        } else if (!said[0]) {
            (void) snprintf (said, ZLOOM_JQ_TEXT_BYTES, "it does not compile");
        }
    }
    jq_teardown (&state);
    free (program);
}

/*
 * jq names the line of what it does not like, from 1.7 on the column too. So the expression is
 * compiled once more with each of its tokens on a line of its own.
 */
static void
s_explain (const char *expression, const char *said, zloom_jq_mistake_t *mistake)
{
    char again[ZLOOM_JQ_TEXT_BYTES];
    jq_state *state = NULL;
    size_t *places = NULL;
    size_t lines = 0;
    zloom_jq_where_text (said, mistake->text, sizeof mistake->text);
    mistake->offset = strlen (expression);
    char *spread = zloom_jq_where_spread (expression, &places, &lines);
    if (spread && !strstr (said, "unexpected $end")) {
        s_try ("", spread, "", true, &state, again);
        const size_t line = zloom_jq_where_line (again);
        /* The prelude is the first line. */
        mistake->offset = line >= 2 && line - 2 < lines ? places[line - 2] : 0;
    }
    jq_teardown (&state);
    free (spread);
    free (places);
}

static void
s_destroy (zloom_jq_t *self)
{
    if (self) {
        jq_teardown (&self->state);
        pthread_mutex_destroy (&self->lock);
        free (self);
    }
}

static zloom_jq_t *
s_compile (const char *expression, zloom_jq_mistake_t *mistake)
{
    char said[ZLOOM_JQ_TEXT_BYTES];
    jq_state *state = NULL;
    zloom_jq_t *self = calloc (1, sizeof *self);
    memset (mistake, 0, sizeof *mistake);
    if (!self) {
        (void) snprintf (mistake->text, sizeof mistake->text, "out of memory");
        return NULL;
    }
    s_try ("", expression, "", true, &state, said);
    if (state) {
        self->whole = strstr (expression, "$message") != NULL;
        jq_teardown (&state);
        s_try (self->whole ? ". as [$message, $body] | $body | (" : "(", expression, "\n)", false,
               &self->state, said);
    }
    if (!self->state) {
        s_explain (expression, said, mistake);
        free (self);
        return NULL;
    }
    pthread_mutex_init (&self->lock, NULL);
    return self;
}

/* ---- values --------------------------------------------------------------------------------- */

__attribute__ ((format (printf, 2, 3))) static bool
s_failed (zloom_jq_failure_t *failure, const char *format, ...)
{
    va_list args;
    failure->retry = false;
    failure->delay_ms = -1;
    va_start (args, format);
    (void) vsnprintf (failure->text, sizeof failure->text, format, args);
    va_end (args);
    return false;
}

/* What a value is to be sent with; strings belong to `known`. */
typedef struct {
    const char *flow;
    zloom_outgoing_t out;
} s_value_t;

static bool
s_text (jv value, const char **text, size_t *size)
{
    if (jv_get_kind (value) != JV_KIND_STRING) {
        return false;
    }
    *text = jv_string_value (value);
    *size = (size_t) jv_string_length_bytes (jv_copy (value));
    return true;
}

/* Seconds to milliseconds, up to the next one; nothing beyond ten years. */
static bool
s_ms (jv value, int64_t *ms)
{
    const double seconds = jv_get_kind (value) == JV_KIND_NUMBER ? jv_number_value (value) : -1;
    if (!(seconds >= 0) || seconds > 315360000.0) {
        return false;
    }
    *ms = (int64_t) ceil (seconds * 1000);
    return true;
}

static bool
s_priority (jv value, s_value_t *to)
{
    const double number = jv_get_kind (value) == JV_KIND_NUMBER ? jv_number_value (value) : -1;
    if (!(number >= 0) || number > 9 || number != floor (number)) {
        return false;
    }
    to->out.has_priority = true;
    to->out.priority = (int) number;
    return true;
}

/* One of what `to` and `with` were told. */
static bool
s_know (const char *name, jv value, s_value_t *to)
{
    const char *text = NULL;
    size_t size = 0;
    if (jv_get_kind (value) == JV_KIND_NULL) {
        return true;
    }
    if (strcmp (name, "to") == 0) {
        return s_text (value, &to->flow, &size);
    }
    if (strcmp (name, "topic") == 0) {
        return s_text (value, &to->out.topic, &size);
    }
    if (strcmp (name, "key") == 0) {
        const bool good = s_text (value, &text, &size);
        to->out.key = text;
        to->out.key_size = size;
        return good;
    }
    if (strcmp (name, "id") == 0) {
        const bool good = s_text (value, &text, &size);
        to->out.id = text;
        to->out.id_size = size;
        return good;
    }
    if (strcmp (name, "delay") == 0) {
        return s_ms (value, &to->out.delay_ms);
    }
    if (strcmp (name, "expires") == 0) {
        return s_ms (value, &to->out.expires_ms);
    }
    return strcmp (name, "priority") == 0 && s_priority (value, to);
}

static bool
s_know_all (jv known, s_value_t *to, zloom_jq_failure_t *failure)
{
    if (jv_get_kind (known) != JV_KIND_OBJECT) {
        return s_failed (failure, "with takes an object, as in with({key: .id})");
    }
    for (int at = jv_object_iter (known); jv_object_iter_valid (known, at);
         at = jv_object_iter_next (known, at)) {
        jv name = jv_object_iter_key (known, at);
        jv value = jv_object_iter_value (known, at);
        const bool good = s_know (jv_string_value (name), value, to);
        if (!good) {
            (void) s_failed (failure,
                             "'%s' cannot be told of a value like this (to, topic, key and id are "
                             "texts, delay and expires seconds, priority is 0 to 9)",
                             jv_string_value (name));
        }
        jv_free (name);
        jv_free (value); /* the object has it still */
        if (!good) {
            return false;
        }
    }
    return true;
}

/* Consumes the value. */
static bool
s_emit (jv value, const zloom_jq_host_t *host, zloom_jq_failure_t *failure)
{
    s_value_t to = {0};
    jv known = jv_invalid ();
    bool good = true;
    if (jv_get_kind (value) == JV_KIND_OBJECT) {
        known = jv_object_get (jv_copy (value), jv_string (MARK));
    }
    if (jv_is_valid (known)) {
        good = s_know_all (known, &to, failure);
        value = jv_object_get (value, jv_string ("body"));
    }
    if (good) {
        jv body = jv_dump_string (value, 0);
        to.out.body = jv_string_value (body);
        to.out.body_size = (size_t) jv_string_length_bytes (jv_copy (body));
        good = host->emit (host->arg, to.flow, &to.out, failure);
        jv_free (body);
    } else {
        jv_free (value);
    }
    jv_free (known);
    return good;
}

/* ---- running -------------------------------------------------------------------------------- */

static jv
s_message (const zloom_message_t *message, const char *name)
{
    jv known = jv_object ();
    known = jv_object_set (known, jv_string ("flow"), jv_string (message->flow));
    known = jv_object_set (known, jv_string ("id"), jv_string (name));
    known = jv_object_set (known, jv_string ("attempt"), jv_number (message->attempt + 1.0));
    known = jv_object_set (known, jv_string ("sent_ms"),
                           jv_number (floor ((double) message->sent_wall_ns / 1e6)));
    known = jv_object_set (known, jv_string ("redelivered"), jv_bool (message->redelivered));
    known = jv_object_set (known, jv_string ("key"),
                           message->key ? jv_string_sized (message->key, (int) message->key_size)
                                        : jv_null ());
    return jv_object_set (
      known, jv_string ("topic"),
      message->topic ? jv_string_sized (message->topic, (int) message->topic_size) : jv_null ());
}

/* What the expression has raised; consumes it. */
static bool
s_raised (jv error, zloom_jq_failure_t *failure)
{
    jv mark = jv_get_kind (error) == JV_KIND_OBJECT
                ? jv_object_get (jv_copy (error), jv_string (MARK))
                : jv_invalid ();
    if (jv_get_kind (mark) == JV_KIND_OBJECT) {
        jv again = jv_object_get (jv_copy (mark), jv_string ("retry"));
        jv delay = jv_object_get (jv_copy (mark), jv_string ("delay"));
        failure->retry = jv_is_valid (again);
        if (!s_ms (delay, &failure->delay_ms)) {
            failure->delay_ms = -1;
        }
        jv_free (delay);
        jv_free (error);
        error =
          failure->retry ? jv_copy (again) : jv_object_get (jv_copy (mark), jv_string ("reject"));
        jv_free (again);
    }
    jv text = jv_get_kind (error) == JV_KIND_STRING ? error : jv_dump_string (error, 0);
    (void) snprintf (failure->text, sizeof failure->text, "%s", jv_string_value (text));
    jv_free (text);
    jv_free (mark);
    return false;
}

static void
s_interrupt (zloom_jq_t *self)
{
    pthread_mutex_lock (&self->lock);
    if (self->running && !jq_halted (self->state)) {
        self->interrupted = true;
        jq_halt (self->state, jv_invalid (), jv_invalid ());
    }
    pthread_mutex_unlock (&self->lock);
}

/* From here on it can be interrupted; false: that was wanted before. */
static bool
s_begin (zloom_jq_t *self, const zloom_jq_host_t *host)
{
    pthread_mutex_lock (&self->lock);
    self->interrupted = host->late (host->arg);
    self->running = !self->interrupted;
    pthread_mutex_unlock (&self->lock);
    return self->running;
}

/* Whether it was interrupted. */
static bool
s_end (zloom_jq_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->running = false;
    const bool interrupted = self->interrupted;
    pthread_mutex_unlock (&self->lock);
    return interrupted;
}

static bool
s_run (zloom_jq_t *self, const zloom_message_t *message, const char *name,
       const zloom_jq_host_t *host, zloom_jq_failure_t *failure)
{
    *failure = (zloom_jq_failure_t){.delay_ms = -1};
    jv body = jv_parse_sized (message->body_size ? message->body : "", (int) message->body_size);
    if (!jv_is_valid (body)) {
        jv why = jv_invalid_get_msg (body);
        s_failed (failure, "the body is not JSON: %s",
                  jv_get_kind (why) == JV_KIND_STRING ? jv_string_value (why) : "it is empty");
        jv_free (why);
        return false;
    }
    jq_start (self->state,
              self->whole
                ? jv_array_append (jv_array_append (jv_array (), s_message (message, name)), body)
                : body,
              0);
    bool good = s_begin (self, host);
    jv value = jv_invalid ();
    while (good && jv_is_valid (value = jq_next (self->state))) {
        good = s_emit (value, host, failure);
    }
    if (s_end (self)) {
        if (good) {
            jv_free (value);
        }
        return s_failed (failure, "its time is over");
    }
    if (!good) {
        return false;
    }
    if (jv_invalid_has_msg (jv_copy (value))) {
        return s_raised (jv_invalid_get_msg (value), failure);
    }
    jv_free (value);
    if (jq_halted (self->state)) {
        return s_failed (failure, "halt does nothing here: let it end, or use empty");
    }
    return true;
}

/* What lib/io/jq.c looks for. */
extern const zloom_jq_module_t zloom_jq_module_2;
__attribute__ ((visibility ("default"))) const zloom_jq_module_t zloom_jq_module_2 = {
  .abi = ZLOOM_JQ_ABI,
  .compile = s_compile,
  .run = s_run,
  .interrupt = s_interrupt,
  .destroy = s_destroy,
};
