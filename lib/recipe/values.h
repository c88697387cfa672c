/* SPDX-License-Identifier: MPL-2.0 */
/*
 * values.h - the shapes that typed recipe values take in config structs, besides int64_t
 * (integers, nanoseconds, bytes, parts per million), bool, unsigned (enums) and const char *.
 *
 * Everything they point to belongs to the recipe and lives until zloom_recipe_destroy.
 */
#ifndef ZLOOM_RECIPE_VALUES_H
#define ZLOOM_RECIPE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of texts; also a program with its arguments. `items[count]` is NULL, as execve wants. */
typedef struct {
    const char *const *items;
    size_t count;
} zloom_strings_t;

/* A list of integers: durations in nanoseconds, sizes in bytes. */
typedef struct {
    const int64_t *items;
    size_t count;
} zloom_ints_t;

/* Name → text, in the order of the recipe. */
typedef struct {
    const char *name;
    const char *value;
} zloom_pair_t;

typedef struct {
    const zloom_pair_t *items;
    size_t count;
} zloom_pairs_t;

/* Where something stands; lines and columns count from 1, columns in characters. */
typedef struct {
    int line; /* 0 = nowhere: a default, or from the command line */
    int column;
    int end_line;
    int end_column; /* the column behind the last character */
    int file;       /* which text (zloom_diags_source); 0 = the first, mostly the recipe's own */
} zloom_span_t;

/* The beginning of a text. */
static inline zloom_span_t
zloom_span_top (int file)
{
    return (zloom_span_t){1, 1, 1, 2, file};
}

#endif
