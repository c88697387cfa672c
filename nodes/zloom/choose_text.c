/* SPDX-License-Identifier: MPL-2.0 */
/* choose_text.c - what was chosen, for people and for programs. */
#include <string.h>

#include "choose_state.h"
#include "recipe/quote.h"

/* Where a line is broken. */
#define WIDTH 88

/* A text that goes on below itself, with `indent` blanks in front; the first line has its own. */
static void
s_add_wrapped (zloom_buf_t *out, size_t indent, const char *text)
{
    size_t column = indent;
    while (*text) {
        size_t word = strcspn (text, " ");
        if (column > indent && column + 1 + word > WIDTH) {
            zloom_buf_printf (out, "\n%*s", (int) indent, "");
            column = indent;
        } else if (column > indent) {
            zloom_buf_add_text (out, " ");
            column++;
        }
        zloom_buf_add (out, text, word);
        column += word;
        text += word + strspn (text + word, " ");
    }
    zloom_buf_add_text (out, "\n");
}

#define LABEL 9

static void
s_add_labelled (zloom_buf_t *out, const char *label, const char *text)
{
    zloom_buf_printf (out, "  %-*s", LABEL, label);
    s_add_wrapped (out, LABEL + 2, text);
}

/* What to do about a source that calls us: nothing of the recipe language answers HTTP yet. */
static const char s_no_door[] =
  "nothing here takes HTTP requests yet: let a program of yours take the call and send it on "
  "(`zloom send`, or lib/zloom.h)";

/* The answers in the form that --answers takes. */
static void
s_add_answers (const zloom_answers_t *answers, zloom_buf_t *out)
{
    const char *between = "";
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        if (answers->of[i] >= 0 && zloom_answers_need (answers, (zloom_ask_key_t) i)) {
            const zloom_question_t *question = &zloom_questions[i];
            zloom_buf_printf (out, "%s%s=%s", between, question->key,
                              question->answers[answers->of[i]].key);
            between = ",";
        }
    }
}

static void
s_add_why (const zloom_answers_t *answers, zloom_buf_t *out)
{
    zloom_buf_add_text (out, "\nwhy\n");
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        if (answers->of[i] >= 0 && zloom_answers_need (answers, (zloom_ask_key_t) i)) {
            const zloom_answer_t *answer = &zloom_questions[i].answers[answers->of[i]];
            s_add_labelled (out, zloom_questions[i].key, answer->why);
        }
    }
}

static bool
s_by_webhook (const zloom_answers_t *answers)
{
    return answers->of[ZLOOM_ASK_SOURCE] == SOURCE_WEBHOOK &&
           zloom_answers_need (answers, ZLOOM_ASK_SOURCE);
}

/* What this version has not, and what to do until then; a followed file is all of poll it needs. */
static const char *
s_until (const zloom_registry_t *registry, const zloom_answers_t *answers, const zloom_six_t *six)
{
    const char *until = NULL;
    bool built = zloom_six_is_built (registry, six->name, &until);
    return built && answers->of[ZLOOM_ASK_SOURCE] == SOURCE_FILE ? NULL : until;
}

void
zloom_choose_text (const zloom_registry_t *registry, const zloom_answers_t *answers,
                   zloom_buf_t *out)
{
    zloom_chosen_t chosen;
    zloom_choose (answers, &chosen);
    zloom_buf_add_text (out, "You need: ");
    for (size_t i = 0; i < chosen.count; i++) {
        zloom_buf_printf (out, "%s%s", i ? " + " : "", chosen.six[i]->name);
    }
    zloom_buf_add_text (out, "\n\n");
    for (size_t i = 0; i < chosen.count; i++) {
        s_add_labelled (out, chosen.six[i]->name, chosen.six[i]->delivery);
    }
    s_add_why (answers, out);
    zloom_buf_add_text (out, "\nwhat it costs\n");
    for (size_t i = 0; i < chosen.count; i++) {
        s_add_labelled (out, chosen.six[i]->name, chosen.six[i]->costs);
    }
    bool missing = false;
    for (size_t i = 0; i < chosen.count; i++) {
        const char *until = s_until (registry, answers, chosen.six[i]);
        if (until) {
            zloom_buf_add_text (out, missing ? "" : "\nnot in this version\n");
            s_add_labelled (out, chosen.six[i]->name, until);
            missing = true;
        }
    }
    if (s_by_webhook (answers)) {
        zloom_buf_add_text (out, missing ? "" : "\nnot in this version\n");
        s_add_labelled (out, "webhook", s_no_door);
    }
    zloom_buf_add_text (out, "\na recipe that runs now (the same with --recipe, for a file)\n\n");
    zloom_choose_recipe (answers, out);
    zloom_buf_add_text (out, "\nthe same again: zloom choose --answers ");
    s_add_answers (answers, out);
    zloom_buf_add_text (out, "\n");
}

void
zloom_choose_json (const zloom_registry_t *registry, const zloom_answers_t *answers,
                   zloom_buf_t *out)
{
    zloom_chosen_t chosen;
    zloom_buf_t text = {0};
    zloom_choose (answers, &chosen);
    zloom_buf_add_text (out, "{\"answers\": ");
    s_add_answers (answers, &text);
    zloom_quote_json (out, zloom_buf_text (&text));
    zloom_buf_add_text (out, ",\n \"patterns\": [");
    for (size_t i = 0; i < chosen.count; i++) {
        const char *until = s_until (registry, answers, chosen.six[i]);
        zloom_buf_printf (out, "%s\n  {\"name\": \"%s\", \"costs\": ", i ? "," : "",
                          chosen.six[i]->name);
        zloom_quote_json (out, chosen.six[i]->costs);
        if (until) {
            zloom_buf_add_text (out, ", \"until_then\": ");
            zloom_quote_json (out, until);
        }
        zloom_buf_add_text (out, "}");
    }
    zloom_buf_add_text (out, "],\n \"why\": [");
    const char *between = "";
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        if (answers->of[i] >= 0 && zloom_answers_need (answers, (zloom_ask_key_t) i)) {
            zloom_buf_printf (out, "%s\n  ", between);
            zloom_quote_json (out, zloom_questions[i].answers[answers->of[i]].why);
            between = ",";
        }
    }
    zloom_buf_add_text (out, "],\n \"recipe\": ");
    zloom_buf_clear (&text);
    zloom_choose_recipe (answers, &text);
    zloom_quote_json (out, zloom_buf_text (&text));
    zloom_buf_add_text (out, "}\n");
    zloom_buf_fini (&text);
}
