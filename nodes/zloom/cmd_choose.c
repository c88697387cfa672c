/* SPDX-License-Identifier: MPL-2.0 */
/* cmd_choose.c - `choose`: which pattern fits; `patterns`: the six side by side. */
#include "choose.h"
#include "commands.h"
#include "patterns/registry.h"
#include "print.h"

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
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    zloom_answers_t answers;
    zloom_answers_init (&answers);
    const char *given = zloom_cli_option (cli, "answers");
    if (!zloom_cli_output (cli, &output)) {
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
        output = ZLOOM_OUTPUT_TEXT; /* a recipe is YAML, whatever is asked for */
    } else if (output != ZLOOM_OUTPUT_TEXT) {
        zloom_choose_json (zloom_registry (), &answers, &out);
    } else {
        zloom_choose_text (zloom_registry (), &answers, &out);
    }
    code = output == ZLOOM_OUTPUT_TEXT
             ? zloom_cli_print (cli, zloom_buf_bytes (&out))
             : zloom_print_json_text (cli, zloom_buf_bytes (&out), output);
    zloom_buf_fini (&out);
    return code;
}

int
zloom_cmd_patterns (zloom_cli_t *cli)
{
    zloom_output_t output = ZLOOM_OUTPUT_TEXT;
    if (!zloom_cli_output (cli, &output)) {
        return ZLOOM_EXIT_USAGE;
    }
    zloom_buf_t out = {0};
    if (output != ZLOOM_OUTPUT_TEXT) {
        zloom_six_json (zloom_registry (), &out);
    } else {
        zloom_six_text (zloom_registry (), &out);
    }
    const zloom_bytes_t bytes = zloom_buf_bytes (&out);
    int code = output == ZLOOM_OUTPUT_TEXT ? zloom_cli_print (cli, bytes)
                                           : zloom_print_json_text (cli, bytes, output);
    zloom_buf_fini (&out);
    return code;
}
