/* SPDX-License-Identifier: MPL-2.0 */
/* Expressions: what they give, what they say of a message, and where they are wrong. */
#include "io/jq.h"

#include "base/bytes.h"
#include "base/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const zloom_jq_module_t *s_module;

/* What was emitted, one a line: "flow|topic|key|id|delay|expires|priority|body". */
typedef struct {
    zloom_buf_t lines;
    size_t refuse_after;
} s_sent_t;

static bool s_is_late;
static atomic_bool s_ended;

static bool
s_late (void *arg)
{
    (void) arg;
    return s_is_late;
}

static bool
s_emit (void *arg, const char *flow, const zloom_outgoing_t *value, zloom_jq_failure_t *failure)
{
    s_sent_t *sent = arg;
    if (sent->refuse_after-- == 0) {
        (void) snprintf (failure->text, sizeof failure->text, "no room");
        return false;
    }
    if (flow || value->topic || value->key || value->id || value->delay_ms || value->expires_ms ||
        value->has_priority) {
        zloom_buf_printf (&sent->lines, "%s|%s|%.*s|%.*s|%lld|%lld|%d|", flow ? flow : "",
                          value->topic ? value->topic : "", (int) value->key_size,
                          value->key ? (const char *) value->key : "", (int) value->id_size,
                          value->id ? (const char *) value->id : "", (long long) value->delay_ms,
                          (long long) value->expires_ms,
                          value->has_priority ? value->priority : -1);
    }
    zloom_buf_printf (&sent->lines, "%.*s\n", (int) value->body_size, (const char *) value->body);
    return true;
}

/* What comes of a body: its values, or "reject: …", "retry: …", "retry in 60000: …". */
static char *
s_run (zloom_jq_t *jq, const char *body, size_t room)
{
    s_sent_t sent = {.refuse_after = room};
    const zloom_jq_host_t host = {.arg = &sent, .emit = s_emit, .late = s_late};
    const zloom_message_t message = {
      .flow = "in",
      .body = body,
      .body_size = strlen (body),
      .key = "k",
      .key_size = 1,
      .sent_wall_ns = 1700000000123456789,
      .attempt = 1,
    };
    zloom_jq_failure_t failure;
    if (!s_module->run (jq, &message, "shop/7", &host, &failure)) {
        zloom_buf_clear (&sent.lines);
        if (failure.delay_ms >= 0) {
            zloom_buf_printf (&sent.lines, "retry in %lld: %s", (long long) failure.delay_ms,
                              failure.text);
        } else {
            zloom_buf_printf (&sent.lines, "%s: %s", failure.retry ? "retry" : "reject",
                              failure.text);
        }
    }
    char *text = zloom_strdup (sent.lines.size ? zloom_buf_text (&sent.lines) : "");
    zloom_buf_fini (&sent.lines);
    return text;
}

static void
what_expressions_give (void **state)
{
    (void) state;
    static const struct {
        const char *expression;
        const char *body;
        const char *gives;
    } table[] = {
      {".", "{\"a\" : [1, null, \"\xc3\xa4\\n\"]}", "{\"a\":[1,null,\"\xc3\xa4\\n\"]}\n"},
      {"select(.total > 100)", "{\"total\":7}", ""},
      {"select(.total > 100) | {total}", "{\"total\":700,\"x\":1}", "{\"total\":700}\n"},
      {".items[]", "{\"items\":[1,\"two\",[3]]}", "1\n\"two\"\n[3]\n"},
      {"def twice: . * 2; # a comment\n.a | twice", "{\"a\":2}", "4\n"},
      {"to(\"big\")", "1", "big||||0|0|-1|1\n"},
      {".a | to(\"big\"; {key: .id, topic: \"t\", id: \"x\", delay: 1.5, expires: 0.0001, "
       "priority: 0})",
       "{\"a\":{\"id\":\"c\"}}", "big|t|c|x|1500|1|0|{\"id\":\"c\"}\n"},
      {"with({priority: 9}), .", "1", "||||0|0|9|1\n1\n"},
      {"to(\"a\"; {key: null})", "1", "a||||0|0|-1|1\n"},
      {"[$message | .flow, .id, .key, .topic, .attempt, .sent_ms, .redelivered]", "0",
       "[\"in\",\"shop/7\",\"k\",null,2,1700000000123,false]\n"},
      {"empty", "0", ""},
      /* What goes wrong is a dead letter with jq's own words. */
      {".a[0]", "{\"a\":{}}", "reject: Cannot index object with number"},
      {"1, error(\"no more\")", "0", "reject: no more"},
      {"error({a: 1})", "0", "reject: {\"a\":1}"},
      {"reject(\"never\")", "0", "reject: never"},
      {"2, retry(\"not yet\")", "0", "retry: not yet"},
      {"retry(\"not yet\"; 0.25)", "0", "retry in 250: not yet"},
      {"with({prioritty: 1})", "0",
       "reject: 'prioritty' cannot be told of a value like this (to, topic, key and id are texts, "
       "delay and expires seconds, priority is 0 to 9)"},
      {"with({priority: 1.5})", "0",
       "reject: 'priority' cannot be told of a value like this (to, topic, key and id are texts, "
       "delay and expires seconds, priority is 0 to 9)"},
      {"to(7)", "0",
       "reject: 'to' cannot be told of a value like this (to, topic, key and id are texts, delay "
       "and expires seconds, priority is 0 to 9)"},
      {"with(1)", "0", "reject: with takes an object, as in with({key: .id})"},
      {"halt", "0", "reject: halt does nothing here: let it end, or use empty"},
      {"range(infinite)", "0", "reject: no room"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        zloom_jq_mistake_t mistake;
        zloom_jq_t *jq = s_module->compile (table[i].expression, &mistake);
        if (!jq) {
            fail_msg ("%s: %s", table[i].expression, mistake.text);
        }
        for (int again = 0; again < 2; again++) { /* nothing stays from the message before */
            char *gives = s_run (jq, table[i].body, 1000);
            if (strcmp (gives, table[i].gives) != 0) {
                fail_msg ("%s of %s gives\n%s\nnot\n%s", table[i].expression, table[i].body, gives,
                          table[i].gives);
            }
            free (gives);
        }
        s_module->destroy (jq);
    }
}

static void
bodies_that_are_no_json (void **state)
{
    (void) state;
    zloom_jq_mistake_t mistake;
    zloom_jq_t *jq = s_module->compile (".", &mistake);
    static const char *const bodies[] = {"", " ", "nope", "{", "1 2", "[1,]", "\"\\u12\""};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char *gives = s_run (jq, bodies[i], 1000);
        if (strncmp (gives, "reject: the body is not JSON: ", 30) != 0) {
            fail_msg ("'%s' gives %s", bodies[i], gives);
        }
        free (gives);
    }
    char *gives = s_run (jq, "[1]", 1000);
    assert_string_equal (gives, "[1]\n");
    free (gives);
    s_module->destroy (jq);
}

/* ^ stands before the place: it is taken out. */
static void
mistakes_have_a_place (void **state)
{
    (void) state;
    static const struct {
        const char *expression;
        const char *says;
    } table[] = {
      {".total | ^floo", "floo/0 is not defined"},
      {".a |\n  ^foo(1; 2) # foo\n | bar", "foo/2 is not defined"},
      {".a +^", "unexpected end"},
      {".a | ^| .b", "unexpected '|'"},
      {". as $x | ^$y", "$y is not defined"},
      {".a+^foo", "foo/0 is not defined"},
      {"1e-5 + ^foo", "foo/0 is not defined"},
      {"\"a \\(1 + \"b\") c\" | ^foo", "foo/0 is not defined"},
      {"\"a b\nc\" | ^foo", "foo/0 is not defined"},
      {"{a: ^%}", "unexpected '%'"},
      {"1^) | (2", "unexpected"},
      {"if . then 1^", "unexpected end"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *text = zloom_strdup (table[i].expression);
        char *mark = strchr (text, '^');
        memmove (mark, mark + 1, strlen (mark));
        zloom_jq_mistake_t mistake;
        assert_null (s_module->compile (text, &mistake));
        if (mistake.offset != (size_t) (mark - text) || !strstr (mistake.text, table[i].says)) {
            fail_msg ("%s: at %zu: %s", table[i].expression, mistake.offset, mistake.text);
        }
        free (text);
    }
}

/* Whatever it is: a program, or a mistake with a place in it. */
static void
any_text_is_a_program_or_a_mistake (void **state)
{
    (void) state;
    static const char *const pieces[] = {
      "\"",       "\\(",    ")",    "(",  "[",      "]",       "{",   "}", ".a", "|",
      "if ",      " then ", " end", "\\", "\n",     "#",       "1e-", "+", "//", "as $x",
      "\xc3\xa4", ",",      " ",    "..", "@json ", "reduce ", "$x",  ";"};
    uint32_t seed = 20261128;
    for (int i = 0; i < 60; i++) {
        zloom_buf_t text = {0};
        zloom_jq_mistake_t mistake;
        for (uint32_t left = 1 + (seed >> 8) % 8; left > 0; left--) {
            seed = seed * 1664525u + 1013904223u;
            zloom_buf_add_text (&text, pieces[(seed >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        zloom_jq_t *jq = s_module->compile (zloom_buf_text (&text), &mistake);
        if (!jq && (mistake.offset > text.size || !mistake.text[0])) {
            fail_msg ("'%s': at %zu: %s", zloom_buf_text (&text), mistake.offset, mistake.text);
        }
        s_module->destroy (jq);
        zloom_buf_fini (&text);
    }
}

static int
s_group (void **state)
{
    (void) state;
    return zloom_jq_module (&s_module) == ZLOOM_OK ? 0 : -1;
}

/* Interrupts until it has ended: how soon the run begins is the machine's. */
static void *
s_interrupts (void *arg)
{
    zloom_jq_t *jq = arg;
    while (!atomic_load (&s_ended)) {
        s_module->interrupt (jq);
    }
    return NULL;
}

static void
what_never_ends_is_interrupted (void **state)
{
    (void) state;
    zloom_jq_mistake_t mistake;
    zloom_jq_t *jq = s_module->compile ("if . == 1 then def f: f; f else . end", &mistake);
    assert_non_null (jq);
    pthread_t thread;
    atomic_store (&s_ended, false);
    assert_int_equal (pthread_create (&thread, NULL, s_interrupts, jq), 0);
    char *text = s_run (jq, "1", 10);
    atomic_store (&s_ended, true);
    assert_int_equal (pthread_join (thread, NULL), 0);
    assert_string_equal (text, "reject: its time is over");
    free (text);
    /* It goes on with the next; one that nobody waits for is not begun. */
    text = s_run (jq, "2", 10);
    assert_string_equal (text, "2\n");
    free (text);
    s_is_late = true;
    text = s_run (jq, "2", 10);
    s_is_late = false;
    assert_string_equal (text, "reject: its time is over");
    free (text);
    s_module->interrupt (jq); /* nothing runs: nothing happens */
    text = s_run (jq, "2", 10);
    assert_string_equal (text, "2\n");
    free (text);
    s_module->destroy (jq);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (what_never_ends_is_interrupted),
      cmocka_unit_test (what_expressions_give),
      cmocka_unit_test (bodies_that_are_no_json),
      cmocka_unit_test (mistakes_have_a_place),
      cmocka_unit_test (any_text_is_a_program_or_a_mistake),
    };
    return ZLOOM_HAS_JQ ? cmocka_run_group_tests (tests, s_group, NULL) : 0;
}
