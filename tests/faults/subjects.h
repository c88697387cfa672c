/* SPDX-License-Identifier: MPL-2.0 */
/* subjects.h - what is run with calls that fail. */
#ifndef ZLOOM_TESTS_FAULTS_SUBJECTS_H
#define ZLOOM_TESTS_FAULTS_SUBJECTS_H

#include "harness.h"

extern const subject_t memory_subjects[];
extern const unsigned memory_subject_count;

#endif
