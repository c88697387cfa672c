/* SPDX-License-Identifier: MPL-2.0 */
/*
 * subjects.h - what is run with allocations that fail. A subject works in a folder of its own, in a
 * process of its own; what it has to show for it, it writes with subject_say. Nothing of it may
 * depend on time or chance, since it is compared with what a clean run shows.
 */
#ifndef ZLOOM_TESTS_FAULTS_SUBJECTS_H
#define ZLOOM_TESTS_FAULTS_SUBJECTS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"

typedef struct {
    const char *name;
    /* An error is a good end: it is what somebody was told. */
    zloom_err_t (*run) (const char *folder);
    /* With memory enough again, in another process: is what was left behind whole? May be NULL. */
    bool (*whole) (const char *folder);
} subject_t;

extern const subject_t subjects[];
extern const unsigned subject_count;

/* Show a result. Costs no memory. */
void subject_say (zloom_bytes_t bytes);
/* Allocations fail from here to subject_calm only, so that what a test needs is not counted. */
void subject_arm (void);
void subject_calm (void);

#endif
