/* SPDX-License-Identifier: MPL-2.0 */
#include "choose_state.h"

#include <string.h>

#include "base/tag.h"
#include "base/units.h"
#include "recipe/suggest.h"

/* ---- questions ----------------------------------------------------------------------------- */

/* The order of these answers is that of choose_state.h. */
const zloom_question_t zloom_questions[ZLOOM_QUESTIONS] = {
  [ZLOOM_ASK_ANSWER] =
    {
      "answer",
      "Does the sender need an answer to go on?",
      {
        {"no", "no: it hands over and goes on",
         "the sender goes on at once, so nothing need wait "
         "for the work"},
        {"yes", "yes: it waits for it",
         "the sender waits for the answer: a call brings it back, "
         "with a deadline"},
        {"later", "later: it looks for it when it likes",
         "the answer is wanted, but nobody waits: "
         "a call gives a ticket"},
      },
    },
  [ZLOOM_ASK_WHO] =
    {
      "who",
      "Who must get each message?",
      {
        {"one", "one worker, whoever is free",
         "one worker is to do each: a queue hands it to one "
         "and takes it back if that one fails"},
        {"all", "several parties, each of them",
         "several parties must hear it: a bus gives each "
         "its own copy at its own pace"},
        {"again", "whoever asks, also later and again",
         "it is read later and again: a stream "
         "keeps it and each reader its position"},
      },
    },
  [ZLOOM_ASK_LOST] =
    {
      "lost",
      "May a message be lost when a machine fails?",
      {
        {"no", "no",
         "nothing may be lost: a confirm comes after the sync to disk, and what fails "
         "for good is kept as a dead letter"},
        {"yes", "yes: the next one replaces it anyway",
         "some may be lost: the flow stays in "
         "memory and waits for no disk"},
      },
    },
  [ZLOOM_ASK_FRESH] =
    {
      "fresh",
      "How soon must it be worked on?",
      {
        {"now", "at once", "it is wanted at once: messages go out one by one as they come"},
        {"soon", "within seconds or minutes, many together are fine",
         "some seconds do not matter: a batch pays the cost of a call once for many"},
        {"later", "at set times, such as every night",
         "it has time until its hour: a batch with a "
         "schedule opens then and not before"},
      },
    },
  [ZLOOM_ASK_SOURCE] =
    {
      "source",
      "Where does it come from?",
      {
        {"program", "programs of ours send it", "programs send it, so nobody has to ask for it"},
        {"webhook", "another system calls us over HTTP",
         "the source calls us, so nobody has to ask "
         "for it"},
        {"file", "it is appended to a file", "a poller follows the file and knows its place in it"},
        {"ask", "we have to ask for it: an API, a table",
         "the source cannot push: a poller asks it "
         "and remembers how far it came"},
      },
    },
};

void
zloom_answers_init (zloom_answers_t *self)
{
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        self->of[i] = -1;
    }
}

/* "lost is one of no, yes" */
static zloom_err_t
s_fail_answer (const zloom_question_t *question, const char *text)
{
    zloom_buf_t words = {0};
    for (size_t i = 0; i < ZLOOM_ANSWERS_MAX && question->answers[i].key; i++) {
        zloom_buf_printf (&words, "%s%s", i ? ", " : "", question->answers[i].key);
    }
    zloom_err_t err = zloom_fail (ZLOOM_INVALID, "'%s' is one of %s, not '%.40s'", question->key,
                                  zloom_buf_text (&words), text);
    zloom_buf_fini (&words);
    return err;
}

zloom_err_t
zloom_answers_set (zloom_answers_t *self, zloom_ask_key_t question, const char *text)
{
    const zloom_question_t *asked = &zloom_questions[question];
    int64_t number = 0;
    bool numeric = zloom_parse_int (text, &number) == ZLOOM_OK;
    for (int i = 0; i < ZLOOM_ANSWERS_MAX && asked->answers[i].key; i++) {
        if (strcmp (asked->answers[i].key, text) == 0 || (numeric && number == i + 1)) {
            self->of[question] = i;
            return ZLOOM_OK;
        }
    }
    return s_fail_answer (asked, text);
}

static zloom_err_t
s_set_by_key (zloom_answers_t *self, const char *key, const char *value)
{
    zloom_suggest_t suggest;
    zloom_suggest_init (&suggest, key);
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        if (strcmp (zloom_questions[i].key, key) == 0) {
            return zloom_answers_set (self, (zloom_ask_key_t) i, value);
        }
        zloom_suggest_offer (&suggest, zloom_questions[i].key);
    }
    return zloom_fail (ZLOOM_INVALID,
                       "there is no question '%.40s'%s%s%s; there are answer, who, lost, fresh, "
                       "source",
                       key, suggest.best ? "; did you mean '" : "",
                       suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
}

zloom_err_t
zloom_answers_parse (zloom_answers_t *self, const char *text)
{
    char part[64];
    while (*text) {
        size_t size = strcspn (text, ",");
        char *equals = NULL;
        if (size < sizeof part) {
            memcpy (part, text, size);
            part[size] = '\0';
            equals = strchr (part, '=');
        }
        if (!equals) {
            return zloom_fail (ZLOOM_INVALID, "answers are QUESTION=ANSWER, as in who=one,lost=no");
        }
        *equals = '\0';
        zloom_err_t err = s_set_by_key (self, part, equals + 1);
        if (err != ZLOOM_OK) {
            return err;
        }
        text += size + (text[size] ? 1 : 0);
    }
    return ZLOOM_OK;
}

/* Who asks for an answer speaks with one worker, now, and keeps nothing. */
bool
zloom_answers_need (const zloom_answers_t *self, zloom_ask_key_t question)
{
    bool call =
      self->of[ZLOOM_ASK_ANSWER] == ANSWER_YES || self->of[ZLOOM_ASK_ANSWER] == ANSWER_LATER;
    switch (question) {
    case ZLOOM_ASK_WHO:
        return !call;
    case ZLOOM_ASK_LOST:
        return self->of[ZLOOM_ASK_ANSWER] != ANSWER_YES && self->of[ZLOOM_ASK_WHO] != WHO_AGAIN;
    case ZLOOM_ASK_FRESH:
        return !call;
    case ZLOOM_ASK_SOURCE:
        return !call;
    default:
        return true;
    }
}

/* ---- what follows -------------------------------------------------------------------------- */

static const zloom_six_t *
s_six (const char *name)
{
    for (size_t i = 0; i < ZLOOM_SIX; i++) {
        if (strcmp (zloom_six[i].name, name) == 0) {
            return &zloom_six[i];
        }
    }
    zloom_assert (!"one of the six");
    return NULL;
}

void
zloom_choose (const zloom_answers_t *answers, zloom_chosen_t *chosen)
{
    const int *of = answers->of;
    const char *flow = of[ZLOOM_ASK_ANSWER] > ANSWER_NO ? "call"
                       : of[ZLOOM_ASK_WHO] == WHO_ALL   ? "bus"
                       : of[ZLOOM_ASK_WHO] == WHO_AGAIN ? "stream"
                                                        : "queue";
    *chosen = (zloom_chosen_t){.six = {s_six (flow)}, .count = 1};
    if (zloom_answers_need (answers, ZLOOM_ASK_FRESH) && of[ZLOOM_ASK_FRESH] > FRESH_NOW) {
        chosen->six[chosen->count++] = s_six ("batch");
    }
    if (zloom_answers_need (answers, ZLOOM_ASK_SOURCE) && of[ZLOOM_ASK_SOURCE] >= SOURCE_FILE) {
        chosen->six[chosen->count++] = s_six ("poll");
    }
}
