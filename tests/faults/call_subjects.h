/* SPDX-License-Identifier: MPL-2.0 */
/* call_subjects.h - what is run with calls to the system that fail. */
#ifndef ZLOOM_TESTS_FAULTS_CALL_SUBJECTS_H
#define ZLOOM_TESTS_FAULTS_CALL_SUBJECTS_H

#include "harness.h"

extern const subject_t call_subjects[];
extern const unsigned call_subject_count;

#endif
