/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_choose.c - `choose`: which pattern fits; `patterns`: the six side by side. */
#include "choose.h"
#include "commands.h"
#include "patterns/registry.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES 128

static void
s_show_question (const zloom_question_t *question)
{
    fprintf (stderr, "\n%s\n", question->text);
    for (size_t i = 0; i < ZLOOM_ANSWERS_MAX && question->answers[i].key; i++) {
        fprintf (stderr, "  %zu  %-8s %s\n", i + 1, question->answers[i].key,
                 question->answers[i].text);
    }
}

/* -o text|json; false after a message. There is nothing here that has lines. */
static bool
s_json (const zloom_cli_t *cli, bool *json)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    bool good = zloom_cli_output (cli, &output);
    *json = output == ZLOOM_OUTPUT_JSON;
    if (good && output == ZLOOM_OUTPUT_JSONL) {
        zloom_cli_say (cli, 0, "--output is text or json, not 'jsonl'");
        good = false;
    }
    return good;
}

/* One line from stdin; false at its end. */
static bool
s_read_line (char line[LINE_BYTES])
{
    fprintf (stderr, "> ");
    if (!fgets (line, LINE_BYTES, stdin)) {
        return false;
    }
    line[strcspn (line, "\r\n")] = '\0';
    return true;
}

/* Ask what is open; a wrong answer is asked again. */
static int
s_ask (const zloom_cli_t *cli, zloom_answers_t *answers)
{
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        zloom_ask_key_t question = (zloom_ask_key_t) i;
        char line[LINE_BYTES];
        if (!zloom_answers_need (answers, question) || answers->of[i] >= 0) {
            continue;
        }
        s_show_question (&zloom_questions[i]);
        while (answers->of[i] < 0) {
            if (!s_read_line (line)) {
                return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "no answer to '%s'",
                                      zloom_questions[i].key);
            }
            if (zloom_answers_set (answers, question, line) != ZLOOM_OK) {
                fprintf (stderr, "%s\n", zloom_note ());
            }
        }
    }
    fprintf (stderr, "\n");
    return ZLOOM_EXIT_OK;
}

/* With --answers nothing is asked, so that scripts do not wait for somebody. */
static int
s_check_all (const zloom_cli_t *cli, const zloom_answers_t *answers)
{
    for (size_t i = 0; i < ZLOOM_QUESTIONS; i++) {
        if (answers->of[i] < 0 && zloom_answers_need (answers, (zloom_ask_key_t) i)) {
            zloom_buf_t words = {0};
            const zloom_question_t *question = &zloom_questions[i];
            for (size_t j = 0; j < ZLOOM_ANSWERS_MAX && question->answers[j].key; j++) {
                zloom_buf_printf (&words, "%s%s", j ? "|" : "", question->answers[j].key);
            }
            int code = zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "--answers lacks '%s=%s': %s",
                                      question->key, zloom_buf_text (&words), question->text);
            zloom_buf_fini (&words);
            return code;
        }
    }
    return ZLOOM_EXIT_OK;
}

int
zloom_cmd_choose (zloom_cli_t *cli)
{
    bool json = false;
    zloom_answers_t answers;
    zloom_answers_init (&answers);
    const char *given = zloom_cli_option (cli, "answers");
    if (!s_json (cli, &json)) {
        return ZLOOM_EXIT_USAGE;
    }
    if (given && zloom_answers_parse (&answers, given) != ZLOOM_OK) {
        return zloom_cli_say (cli, ZLOOM_EXIT_USAGE, "%s", zloom_note ());
    }
    int code = given ? s_check_all (cli, &answers) : s_ask (cli, &answers);
    if (code != ZLOOM_EXIT_OK) {
        return code;
    }
    zloom_buf_t out = {0};
    if (zloom_cli_option (cli, "recipe")) {
        zloom_choose_recipe (&answers, &out);
    } else if (json) {
        zloom_choose_json (zloom_registry (), &answers, &out);
    } else {
        zloom_choose_text (zloom_registry (), &answers, &out);
    }
    code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_patterns (zloom_cli_t *cli)
{
    bool json = false;
    if (!s_json (cli, &json)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_buf_t out = {0};
    if (json) {
        zloom_six_json (zloom_registry (), &out);
    } else {
        zloom_six_text (zloom_registry (), &out);
    }
    int code = zloom_cli_print (cli, zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    return code;
}
