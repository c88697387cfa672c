/* SPDX-License-Identifier: MPL-2.0 */
/*
 * new.h - recipes to begin with: texts with @WORDS@ in them, from nodes/zloom/templates, filled in.
 * The texts are in the program itself, so that it needs no files beside it.
 */
#ifndef ZLOOM_CLI_NEW_H
#define ZLOOM_CLI_NEW_H

#include "base/bytes.h"
#include "recipe/registry.h"

typedef struct {
    const char *name; /* "queue.yaml" */
    const char *text;
} zloom_template_t;

/* All of them; ends with a NULL name. Written by the build. */
extern const zloom_template_t zloom_templates[];

typedef enum {
    ZLOOM_NEW_PYTHON,
    ZLOOM_NEW_SH,
    ZLOOM_NEW_C,
    ZLOOM_NEW_JS,
    ZLOOM_NEW_WORKERS,
} zloom_new_worker_t;

/* "python", "sh", "c", "js". */
extern const char *const zloom_new_workers[ZLOOM_NEW_WORKERS];

typedef struct {
    const char *name; /* the recipe's */
    bool poll;        /* a file is its source */
    bool bus;         /* several hear it */
    zloom_new_worker_t worker;
} zloom_new_t;

/* The command that builds such a worker, to be run in its folder; NULL: it needs none. */
const char *zloom_new_build (zloom_new_worker_t worker);

/* The files of a new recipe, which has its own cases: recipe, worker. */
#define ZLOOM_NEW_FILES 2

typedef struct {
    char name[80]; /* of the file */
    bool program;  /* it is to be executable */
    zloom_buf_t text;
} zloom_new_file_t;

/* Fill in all files; the caller frees their texts. */
void zloom_new_files (const zloom_new_t *self, zloom_new_file_t files[ZLOOM_NEW_FILES]);

#endif
