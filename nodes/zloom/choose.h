/* SPDX-License-Identifier: MPL-2.0 */
/*
 * choose.h - from a few answers to the pattern, or the combination, that fits: why, what it costs,
 * and a recipe that runs in this version. Tables and text; no input or output.
 *
 * What is built is asked of the registry, never written here. A pattern that this version has not
 * is named, with what the registry says to do until then, and the recipe does that.
 */
#ifndef ZLOOM_CLI_CHOOSE_H
#define ZLOOM_CLI_CHOOSE_H

#include "base/bytes.h"
#include "base/error.h"
#include "recipe/registry.h"

/* ---- the six ------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *delivery;
    const char *latency;
    const char *complexity;
    const char *best;
    const char *costs; /* its trade-off, a sentence without a full stop */
} zloom_six_t;

#define ZLOOM_SIX 6

/* queue, bus, call, stream, batch, poll. */
extern const zloom_six_t zloom_six[ZLOOM_SIX];

/*
 * Whether this version has it. If not, or if only a part of it is there, `*until_p` says what to do
 * until then; NULL when nothing is missing.
 */
bool zloom_six_is_built (const zloom_registry_t *registry, const char *name, const char **until_p);
/* The comparison as a table of text, or as a JSON array. */
void zloom_six_text (const zloom_registry_t *registry, zloom_buf_t *out);
void zloom_six_json (const zloom_registry_t *registry, zloom_buf_t *out);

/* ---- questions ----------------------------------------------------------------------------- */

typedef struct {
    const char *key;  /* "one" */
    const char *text; /* what a person chooses */
    const char *why;  /* what follows from it, a sentence without a full stop */
} zloom_answer_t;

#define ZLOOM_ANSWERS_MAX 5

typedef struct {
    const char *key; /* "who" */
    const char *text;
    const zloom_answer_t answers[ZLOOM_ANSWERS_MAX]; /* the rest has NULL keys */
} zloom_question_t;

typedef enum {
    ZLOOM_ASK_ANSWER, /* is the answer needed to go on? */
    ZLOOM_ASK_WHO,    /* who must hear it? */
    ZLOOM_ASK_LOST,   /* may anything be lost? */
    ZLOOM_ASK_FRESH,  /* how soon? */
    ZLOOM_ASK_SOURCE, /* can the source push? */
    ZLOOM_QUESTIONS,
} zloom_ask_key_t;

extern const zloom_question_t zloom_questions[ZLOOM_QUESTIONS];

/* What was answered: an index into each question's answers, -1 where nothing was. */
typedef struct {
    int of[ZLOOM_QUESTIONS];
} zloom_answers_t;

void zloom_answers_init (zloom_answers_t *self);
/* One answer by its key, or by its number from 1. INVALID with a note that says what there is. */
zloom_err_t zloom_answers_set (zloom_answers_t *self, zloom_ask_key_t question, const char *text);
/* "lost=no,who=one": INVALID with a note, also for a question or answer that is none. */
zloom_err_t zloom_answers_parse (zloom_answers_t *self, const char *text);
/* Whether the question still says something after the answers before it. */
bool zloom_answers_need (const zloom_answers_t *self, zloom_ask_key_t question);

/* ---- what follows -------------------------------------------------------------------------- */

#define ZLOOM_CHOSEN_MAX 3

typedef struct {
    const zloom_six_t *six[ZLOOM_CHOSEN_MAX]; /* the flow's pattern first */
    size_t count;
} zloom_chosen_t;

/* All that are needed must be answered. */
void zloom_choose (const zloom_answers_t *answers, zloom_chosen_t *chosen);
/* A recipe that lints without a warning and runs in this version. */
void zloom_choose_recipe (const zloom_answers_t *answers, zloom_buf_t *out);
/* All of it for people; and as one JSON object. */
void zloom_choose_text (const zloom_registry_t *registry, const zloom_answers_t *answers,
                        zloom_buf_t *out);
void zloom_choose_json (const zloom_registry_t *registry, const zloom_answers_t *answers,
                        zloom_buf_t *out);

#endif
