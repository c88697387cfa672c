/* SPDX-License-Identifier: MPL-2.0 */
/*
 * harness.h - run a subject again and again, each time with another call that fails, until a run is
 * clean. A subject works in a process and a folder of its own; what it has to show for it, it
 * writes with subject_say. Nothing of that may depend on time or chance, since it is compared with
 * what a clean run shows. An end is good when
 *
 *   the work went on and shows what a clean run shows,
 *   or it was an error with a text, that is what somebody was told,
 *   or (may_end) what memory.c says;
 *
 * and what was left behind is whole. A crash, silence, or another result is none.
 */
#ifndef ZLOOM_TESTS_FAULTS_HARNESS_H
#define ZLOOM_TESTS_FAULTS_HARNESS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"

typedef struct {
    const char *name;
    /* An error is a good end: it is what somebody was told. */
    zloom_err_t (*run) (const char *folder);
    /* Without failures, in another process: is what was left behind whole? May be NULL. */
    bool (*whole) (const char *folder);
} subject_t;

typedef struct {
    const subject_t *subjects;
    const unsigned *subject_count;
    void (*arm) (long nth);  /* the n-th call that counts will fail; -1: none */
    void (*count) (bool on); /* calls count from now on, or do not */
    bool (*met) (void);      /* the failure was met */
    bool may_end;            /* the process may end where a call fails */
} harness_t;

int harness_main (const harness_t *harness, int argc, char **argv);

/* ---- for subjects --------------------------------------------------------------------------- */

/* Show a result. */
void subject_say (zloom_bytes_t bytes);
/* Calls count, and can fail, between these two only. */
void subject_arm (void);
void subject_calm (void);

#endif
