/* SPDX-License-Identifier: MPL-2.0 */
/* choose_recipe.c - a recipe for what was answered, of what this version has. */
#include "choose_state.h"

typedef struct {
    const zloom_answers_t *answers;
    zloom_buf_t *out;
    bool memory;
    bool file;
} writer_t;

static void
s_head (writer_t *self, const char *name)
{
    zloom_buf_printf (self->out, "zloom: 1\nname: %s\n", name);
    if (self->memory && self->answers->of[ZLOOM_ASK_WHO] != WHO_ALL) {
        zloom_buf_add_text (self->out, "defaults:\n  queue: {confirm: memory}   # a restart of the "
                                       "router loses what it holds\n");
    }
    zloom_buf_add_text (self->out, "nodes:\n");
}

static const char *
s_from (const writer_t *self, const char *poller)
{
    return self->file ? poller : "external";
}

static void
s_poller (writer_t *self, const char *name)
{
    if (self->file) {
        zloom_buf_printf (
          self->out,
          "  %s: {kind: poller, file: {path: in.jsonl, follow: true}}   # a line of "
          "JSON is a message\n",
          name);
    }
}

#define STUB "run: [tr, a-z, A-Z], io: exec}   # your program here: stdin to stdout\n"

/* One worker does each: a queue to it, one from it, and dead letters. */
static void
s_write_one (writer_t *self)
{
    s_head (self, "work");
    s_poller (self, "in");
    zloom_buf_printf (self->out,
                      "  work: {kind: worker, replicas: 2, " STUB
                      "  out: {kind: sink, stdout: true}\n"
                      "flows:\n"
                      "  todo: {pattern: queue, from: %s, to: work, dead_letter: failed}\n"
                      "  done: {pattern: queue, from: work, to: out, dead_letter: failed}\n"
                      "  failed: {pattern: queue, to: external}   # zloom dlq show failed\n",
                      s_from (self, "in"));
    zloom_buf_add_text (self->out, "tests:   # zloom test\n"
                                   "  done: {steps: [{send: todo, body: a}, {expect: done, "
                                   "messages: [A]}, {handled: out, count: 1}]}\n");
}

/* Several hear it. */
static void
s_write_all (writer_t *self)
{
    static const char volatile_to[] =
      "    to: {a: {durable: false}, b: {durable: false}}   # each hears it while it listens\n"
      "    confirm: memory   # a restart of the router loses what it holds\n";
    s_head (self, "parties");
    s_poller (self, "in");
    zloom_buf_printf (self->out,
                      "  a: {kind: sink, stdout: true}   # one party: a worker or a sink of yours\n"
                      "  b: {kind: sink, %s}\n"
                      "flows:\n"
                      "  events:\n"
                      "    pattern: bus\n"
                      "    from: %s%s\n"
                      "    topics: happened   # or several: [order.paid, \"stock.>\"]\n"
                      "%s",
                      self->memory ? "stdout: true" : "file: {path: b.jsonl}", s_from (self, "in"),
                      self->file ? "" : "   # zloom send events --topic happened",
                      self->memory ? volatile_to
                                   : "    to: [a, b]   # one more needs no change of "
                                     "who sends\n"
                                     "    dead_letter: failed\n"
                                     "  failed: {pattern: queue, to: external}   # "
                                     "zloom dlq show failed\n");
    zloom_buf_add_text (self->out, "tests:   # zloom test\n"
                                   "  both:\n    steps:\n"
                                   "      - {send: events, body: x, topic: happened}\n"
                                   "      - {handled: a, messages: [x]}\n"
                                   "      - {handled: b, messages: [x]}\n");
}

/* It is read again: without a stream, a queue that ends in a file. */
static void
s_write_again (writer_t *self)
{
    s_head (self, "history");
    s_poller (self, "in");
    zloom_buf_printf (self->out,
                      "  keep: {kind: sink, file: {path: history.jsonl}}\n"
                      "flows:\n"
                      "  events: {pattern: queue, from: %s, to: keep}\n",
                      s_from (self, "in"));
    zloom_buf_add_text (self->out, "tests:   # zloom test\n"
                                   "  kept: {steps: [{send: events, body: x}, {handled: keep, "
                                   "messages: [x]}]}\n");
}

/* A question and its answer: without a call, a queue each way. */
static void
s_write_call (writer_t *self)
{
    s_head (self, "questions");
    zloom_buf_add_text (self->out,
                        "  work: {kind: worker, replicas: 2, " STUB "flows:\n"
                        "  questions: {pattern: queue, from: external, to: work, dead_letter: "
                        "failed}   # zloom send questions\n"
                        "  answers: {pattern: queue, from: work, to: external}   # zloom tap "
                        "answers\n"
                        "  failed: {pattern: queue, to: external}\n"
                        "tests:   # zloom test\n"
                        "  answered: {steps: [{send: questions, body: a}, {expect: answers, "
                        "messages: [A]}]}\n");
}

void
zloom_choose_recipe (const zloom_answers_t *answers, zloom_buf_t *out)
{
    const int *of = answers->of;
    bool call = of[ZLOOM_ASK_ANSWER] > ANSWER_NO;
    writer_t writer = {
      .answers = answers,
      .out = out,
      .memory = of[ZLOOM_ASK_LOST] == LOST_YES || of[ZLOOM_ASK_ANSWER] == ANSWER_YES,
      .file = !call && of[ZLOOM_ASK_SOURCE] >= SOURCE_FILE,
    };
    if (call) {
        s_write_call (&writer);
    } else if (of[ZLOOM_ASK_WHO] == WHO_ALL) {
        s_write_all (&writer);
    } else if (of[ZLOOM_ASK_WHO] == WHO_AGAIN) {
        s_write_again (&writer);
    } else {
        s_write_one (&writer);
    }
}
