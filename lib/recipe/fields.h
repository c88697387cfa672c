/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fields.h - tables that describe what may stand in a map of a recipe, and where it goes.
 *
 * One table drives reading into a struct, defaults, ranges, `explain` and the reference page. The
 * tables are X-macro files (*.def) of ZLOOM_F_… lines, included between braces with ZLOOM_STRUCT
 * set to the struct that they fill:
 *
 *     static const zloom_field_t s_fields[] = {
 *     #define ZLOOM_STRUCT zloom_worker_config_t
 *     #include "patterns/node_worker.def"
 *     #undef ZLOOM_STRUCT
 *     };
 *
 * Each macro refuses a member of the wrong C type at compile time. Defaults and ranges are texts
 * as a recipe would have them ("30s"), so that what is shown is what is read.
 */
#ifndef ZLOOM_RECIPE_FIELDS_H
#define ZLOOM_RECIPE_FIELDS_H

#include "recipe/tree.h"
#include "recipe/values.h"

/* Longest list and map of values in one field. */
#define ZLOOM_FIELD_ITEMS_MAX 256

typedef enum {
    ZLOOM_FIELD_TEXT,      /* const char * */
    ZLOOM_FIELD_BOOL,      /* bool */
    ZLOOM_FIELD_INT,       /* int64_t */
    ZLOOM_FIELD_DURATION,  /* int64_t, nanoseconds */
    ZLOOM_FIELD_SIZE,      /* int64_t, bytes */
    ZLOOM_FIELD_PERCENT,   /* int64_t, parts per million */
    ZLOOM_FIELD_CHOICE,    /* unsigned, one of `choices` */
    ZLOOM_FIELD_PATH,      /* const char *, absolute: relative ones start at the recipe's folder */
    ZLOOM_FIELD_PROGRAM,   /* zloom_strings_t: program and arguments */
    ZLOOM_FIELD_DURATIONS, /* zloom_ints_t, or an array and a count in the struct */
    ZLOOM_FIELD_PAIRS,     /* zloom_pairs_t */
    ZLOOM_FIELD_TEXTS,     /* texts: const char *const * and a count in the struct */
    ZLOOM_FIELD_NUMBERS,   /* names with whole numbers: an array and a count in the struct */
    ZLOOM_FIELD_SECRETS,   /* zloom_pairs_t: secrets by name; recipe/secrets.h fills them in */
    ZLOOM_FIELD_FLOW,      /* const char *, the name of a flow of the recipe */
    ZLOOM_FIELD_GROUP,     /* a map with a table of its own */
    ZLOOM_FIELD_LATER,     /* a known key that this version refuses; `help` says what it will be */
    /* Read by recipe.c itself; in tables for `explain` and the reference page. */
    ZLOOM_FIELD_SHAPE,
} zloom_field_type_t;

typedef struct {
    const char *name;
    unsigned value;
    const char *help;
} zloom_choice_t;

typedef struct zloom_field zloom_field_t;
struct zloom_field {
    const char *name;
    zloom_field_type_t type;
    bool required;
    size_t offset;
    const char *fallback; /* as in a recipe; NULL = zero, none */
    const char *least;    /* NULL = no limit */
    const char *most;
    const char *help;    /* one sentence without a full stop */
    const char *example; /* "lease: 30s" */
    const zloom_choice_t *choices;
    size_t choice_count;
    const zloom_field_t *group;
    size_t group_count;
    size_t set_offset;   /* GROUP: a bool that tells whether it was written; SIZE_MAX = none */
    size_t count_offset; /* TEXTS, NUMBERS, DURATIONS: its size_t count; SIZE_MAX = zloom_ints_t */
    size_t count_max;
    size_t item_size;    /* NUMBERS: of an element, which begins with the name, */
    size_t value_offset; /* ... and where its number stands in the struct for the first one */
    bool lines;          /* TEXT: it may be a | block of lines */
    /* TEXT, each of TEXTS: what is wrong with it, NULL when it is fine. */
    const char *(*check) (const char *text);
};

/* A whole table. */
typedef struct {
    const zloom_field_t *fields;
    size_t count;
} zloom_field_table_t;

/* The offset of a member, if it has this type: anything else does not compile. */
#define ZLOOM_MEMBER(member, type) \
    _Generic(((ZLOOM_STRUCT *) 0)->member, type : offsetof (ZLOOM_STRUCT, member))
#define ZLOOM_COUNT(array) (sizeof (array) / sizeof *(array))

#define ZLOOM_F_NUMBER(name_, type_, member_, default_, least_, most_, help_, example_) \
    {.name = name_,                                                                     \
     .type = type_,                                                                     \
     .offset = ZLOOM_MEMBER (member_, int64_t),                                         \
     .fallback = default_,                                                              \
     .least = least_,                                                                   \
     .most = most_,                                                                     \
     .help = help_,                                                                     \
     .example = example_},
#define ZLOOM_F_INT(name, ...) ZLOOM_F_NUMBER (name, ZLOOM_FIELD_INT, __VA_ARGS__)
#define ZLOOM_F_DURATION(name, ...) ZLOOM_F_NUMBER (name, ZLOOM_FIELD_DURATION, __VA_ARGS__)
#define ZLOOM_F_SIZE(name, ...) ZLOOM_F_NUMBER (name, ZLOOM_FIELD_SIZE, __VA_ARGS__)
#define ZLOOM_F_PERCENT(name, ...) ZLOOM_F_NUMBER (name, ZLOOM_FIELD_PERCENT, __VA_ARGS__)
#define ZLOOM_F_BOOL(name_, member_, default_, help_, example_) \
    {.name = name_,                                             \
     .type = ZLOOM_FIELD_BOOL,                                  \
     .offset = ZLOOM_MEMBER (member_, bool),                    \
     .fallback = default_,                                      \
     .help = help_,                                             \
     .example = example_},
#define ZLOOM_F_TEXT(name_, member_, default_, check_, help_, example_) \
    {.name = name_,                                                     \
     .type = ZLOOM_FIELD_TEXT,                                          \
     .offset = ZLOOM_MEMBER (member_, const char *),                    \
     .fallback = default_,                                              \
     .check = check_,                                                   \
     .help = help_,                                                     \
     .example = example_},
/* A public key of CURVE, which must be there. */
#define ZLOOM_F_KEY(name_, member_, help_, example_) \
    {.name = name_,                                  \
     .type = ZLOOM_FIELD_TEXT,                       \
     .required = true,                               \
     .offset = ZLOOM_MEMBER (member_, const char *), \
     .check = s_check_key,                           \
     .help = help_,                                  \
     .example = example_},
/* A text of one line or, as a block after '|', of many; whole as it stands. */
#define ZLOOM_F_LINES(name_, member_, help_, example_) \
    {.name = name_,                                    \
     .type = ZLOOM_FIELD_TEXT,                         \
     .offset = ZLOOM_MEMBER (member_, const char *),   \
     .lines = true,                                    \
     .help = help_,                                    \
     .example = example_},
#define ZLOOM_F_PATH(name_, required_, member_, default_, help_, example_) \
    {.name = name_,                                                        \
     .type = ZLOOM_FIELD_PATH,                                             \
     .required = required_,                                                \
     .offset = ZLOOM_MEMBER (member_, const char *),                       \
     .fallback = default_,                                                 \
     .help = help_,                                                        \
     .example = example_},
#define ZLOOM_F_FLOW(name_, member_, help_, example_) \
    {.name = name_,                                   \
     .type = ZLOOM_FIELD_FLOW,                        \
     .offset = ZLOOM_MEMBER (member_, const char *),  \
     .help = help_,                                   \
     .example = example_},
#define ZLOOM_F_CHOICE(name_, member_, default_, choices_, help_, example_) \
    {.name = name_,                                                         \
     .type = ZLOOM_FIELD_CHOICE,                                            \
     .offset = ZLOOM_MEMBER (member_, unsigned),                            \
     .fallback = default_,                                                  \
     .choices = choices_,                                                   \
     .choice_count = ZLOOM_COUNT (choices_),                                \
     .help = help_,                                                         \
     .example = example_},
#define ZLOOM_F_PROGRAM(name_, required_, member_, help_, example_) \
    {.name = name_,                                                 \
     .type = ZLOOM_FIELD_PROGRAM,                                   \
     .required = required_,                                         \
     .offset = ZLOOM_MEMBER (member_, zloom_strings_t),             \
     .help = help_,                                                 \
     .example = example_},
#define ZLOOM_F_PAIRS(name_, member_, help_, example_) \
    {.name = name_,                                    \
     .type = ZLOOM_FIELD_PAIRS,                        \
     .offset = ZLOOM_MEMBER (member_, zloom_pairs_t),  \
     .help = help_,                                    \
     .example = example_},
/* One text or a list of them, into `const char *const *member_` with `size_t count_` beside it. */
#define ZLOOM_F_TEXTS(name_, member_, count_, check_, help_, example_) \
    {.name = name_,                                                    \
     .type = ZLOOM_FIELD_TEXTS,                                        \
     .offset = ZLOOM_MEMBER (member_, const char *const *),            \
     .count_offset = ZLOOM_MEMBER (count_, size_t),                    \
     .count_max = ZLOOM_FIELD_ITEMS_MAX,                               \
     .check = check_,                                                  \
     .help = help_,                                                    \
     .example = example_},
/* A map of names and whole numbers into `member_[]`, whose elements have `key_` and `value_`. */
#define ZLOOM_F_NUMBERS_ARRAY(name_, member_, key_, value_, count_, least_, most_, help_, \
                              example_)                                                   \
    {.name = name_,                                                                       \
     .type = ZLOOM_FIELD_NUMBERS,                                                         \
     .offset = ZLOOM_MEMBER (member_[0].key_, const char *),                              \
     .value_offset = ZLOOM_MEMBER (member_[0].value_, int64_t),                           \
     .item_size = sizeof (((ZLOOM_STRUCT *) 0)->member_[0]),                              \
     .count_offset = ZLOOM_MEMBER (count_, size_t),                                       \
     .count_max = ZLOOM_COUNT (((ZLOOM_STRUCT *) 0)->member_),                            \
     .least = least_,                                                                     \
     .most = most_,                                                                       \
     .help = help_,                                                                       \
     .example = example_},
#define ZLOOM_F_SECRETS(name_, member_, help_, example_) \
    {.name = name_,                                      \
     .type = ZLOOM_FIELD_SECRETS,                        \
     .offset = ZLOOM_MEMBER (member_, zloom_pairs_t),    \
     .help = help_,                                      \
     .example = example_},
#define ZLOOM_F_DURATIONS(name_, member_, default_, least_, most_, help_, example_) \
    {.name = name_,                                                                 \
     .type = ZLOOM_FIELD_DURATIONS,                                                 \
     .offset = ZLOOM_MEMBER (member_, zloom_ints_t),                                \
     .count_offset = SIZE_MAX,                                                      \
     .count_max = ZLOOM_FIELD_ITEMS_MAX,                                            \
     .fallback = default_,                                                          \
     .least = least_,                                                               \
     .most = most_,                                                                 \
     .help = help_,                                                                 \
     .example = example_},
/* The same into `int64_t member_[]` with `size_t count_` beside it. */
#define ZLOOM_F_DURATIONS_ARRAY(name_, member_, count_, default_, least_, most_, help_, example_) \
    {.name = name_,                                                                               \
     .type = ZLOOM_FIELD_DURATIONS,                                                               \
     .offset = ZLOOM_MEMBER (member_[0], int64_t),                                                \
     .count_offset = ZLOOM_MEMBER (count_, size_t),                                               \
     .count_max = ZLOOM_COUNT (((ZLOOM_STRUCT *) 0)->member_),                                    \
     .fallback = default_,                                                                        \
     .least = least_,                                                                             \
     .most = most_,                                                                               \
     .help = help_,                                                                               \
     .example = example_},
#define ZLOOM_F_GROUP(name_, fields_, help_, example_) \
    {.name = name_,                                    \
     .type = ZLOOM_FIELD_GROUP,                        \
     .group = fields_,                                 \
     .group_count = ZLOOM_COUNT (fields_),             \
     .set_offset = SIZE_MAX,                           \
     .help = help_,                                    \
     .example = example_},
/* A group that may be absent: `set_` tells; its required fields are then not asked for. */
#define ZLOOM_F_GROUP_SET(name_, set_, fields_, help_, example_) \
    {.name = name_,                                              \
     .type = ZLOOM_FIELD_GROUP,                                  \
     .group = fields_,                                           \
     .group_count = ZLOOM_COUNT (fields_),                       \
     .set_offset = ZLOOM_MEMBER (set_, bool),                    \
     .help = help_,                                              \
     .example = example_},
#define ZLOOM_F_LATER(name_, help_) {.name = name_, .type = ZLOOM_FIELD_LATER, .help = help_},
#define ZLOOM_F_SHAPE(name_, required_, help_, example_) \
    {.name = name_,                                      \
     .type = ZLOOM_FIELD_SHAPE,                          \
     .required = required_,                              \
     .help = help_,                                      \
     .example = example_},

/* "a duration", "one of lines, exec, frames": what a field takes, into `out`. */
void zloom_field_type_text (const zloom_field_t *field, zloom_buf_t *out);
/* Whether each node or flow says it by itself: then `defaults:` does not have it. */
bool zloom_field_is_own (const zloom_field_t *field);
/* The field of this name, NULL when there is none. */
const zloom_field_t *zloom_field_find (const zloom_field_t *fields, size_t count, const char *name);

#endif
