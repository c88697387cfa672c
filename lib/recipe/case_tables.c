/* SPDX-License-Identifier: MPL-2.0 */
/* case_tables.c - the field tables of `tests:`, for reading it and for all references. */
#include <string.h>

#include "recipe/cases.h"

#define ID_BYTES 64

/* It has to be known while the recipe is read: so nothing here may be a secret. */
static const char *
s_check_short (const char *text)
{
    (void) text;
    return NULL;
}

static const char *
s_check_id (const char *text)
{
    return strlen (text) <= ID_BYTES ? NULL : "has more than 64 bytes";
}

static const zloom_choice_t s_verdicts[] = {
  {"ack", ZLOOM_CASE_ACK, "done, with what it emits"},
  {"retry", ZLOOM_CASE_RETRY, "failed, try again"},
  {"reject", ZLOOM_CASE_REJECT, "never again"},
  {"crash", ZLOOM_CASE_CRASH, "its program ends in the middle"},
  {"hang", ZLOOM_CASE_HANG, "nothing, for ever"},
};

static const zloom_field_t s_case[] = {
#define ZLOOM_STRUCT zloom_case_t
#include "recipe/case.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_rule[] = {
#define ZLOOM_STRUCT zloom_case_rule_t
#include "recipe/case_rule.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_emit[] = {
#define ZLOOM_STRUCT zloom_case_emit_t
#include "recipe/case_emit.def"
#include "recipe/case_message.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_match[] = {
#define ZLOOM_STRUCT zloom_case_match_t
#include "recipe/case_match.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_send[] = {
#define ZLOOM_STRUCT zloom_case_send_t
/* The verb first. */
#include "recipe/case_send.def"

#include "recipe/case_message.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_wait[] = {
#define ZLOOM_STRUCT zloom_case_wait_t
#include "recipe/case_wait.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_kill[] = {
#define ZLOOM_STRUCT zloom_case_kill_t
#include "recipe/case_kill.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_pause[] = {
#define ZLOOM_STRUCT zloom_case_flow_t
#include "recipe/case_pause.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_resume[] = {
#define ZLOOM_STRUCT zloom_case_flow_t
#include "recipe/case_resume.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_requeue[] = {
#define ZLOOM_STRUCT zloom_case_flow_t
#include "recipe/case_requeue.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_expect[] = {
#define ZLOOM_STRUCT zloom_case_expect_t
#include "recipe/case_expect.def"
#undef ZLOOM_STRUCT
};
static const zloom_field_t s_handled[] = {
#define ZLOOM_STRUCT zloom_case_handled_t
#include "recipe/case_handled.def"
#undef ZLOOM_STRUCT
};

#define TABLE(path_, title_, help_, part_, fields_) \
    {                                               \
        path_, title_, help_, part_,                \
        {                                           \
            fields_, ZLOOM_COUNT (fields_)          \
        }                                           \
    }
#define STEP(verb_, help_, fields_)                                                           \
    TABLE ("tests.*.steps.*.", "### `tests.NAME.steps[]`: `" verb_ "`", help_, "step-" verb_, \
           fields_)

static const zloom_case_table_t s_tables[] = {
  TABLE ("tests.*.", "### `tests.NAME`", "A case", "case", s_case),
  TABLE ("tests.*.mock.*.*.", "### `tests.NAME.mock.NODE[]`",
         "A rule: which messages it is for, and what becomes of them", "rule", s_rule),
  TABLE ("tests.*.mock.*.*.emit.*.", "### `tests.NAME.mock.NODE[].emit[]`",
         "A message that the node emits", "emit", s_emit),
  TABLE ("tests.*.steps.*.messages.*.", "### `tests.NAME.steps[].messages[]`",
         "What one message has to have; what is not written may be anything", "match", s_match),
  STEP ("send", "Messages come in", s_send),
  STEP ("wait", "Time passes", s_wait),
  STEP ("kill", "A node dies", s_kill),
  STEP ("pause", "A flow stands still", s_pause),
  STEP ("resume", "A flow goes on", s_resume),
  STEP ("requeue", "Dead letters go back", s_requeue),
  STEP ("expect", "What a flow is to have seen; one that has not fails the case", s_expect),
  STEP ("handled", "What a node is to have worked on", s_handled),
};

const zloom_case_table_t *
zloom_case_table_at (size_t index)
{
    return index < ZLOOM_COUNT (s_tables) ? &s_tables[index] : NULL;
}
