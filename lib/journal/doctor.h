/* SPDX-License-Identifier: MPL-2.0 */
/*
 * doctor.h - look through a log that nobody has open, without changing it: every group, every
 * payload, both superblock slots, every snapshot, every cold group that the log points at.
 *
 * Example:
 *     zloom_doctor_report_t report;
 *     zloom_err_t err = zloom_doctor_examine (zloom_vfs_posix (), directory, &report);
 *     for (size_t i = 0; i < report.finding_count; i++) { ... report.findings[i].text ... }
 *     int code = err ? 1 : zloom_doctor_exit_code (&report);
 *     zloom_doctor_fini (&report);
 */
#ifndef ZLOOM_JOURNAL_DOCTOR_H
#define ZLOOM_JOURNAL_DOCTOR_H

#include "journal/journal.h"

/* More findings than this are only counted. */
#define ZLOOM_FINDINGS_MOST 1000u

typedef enum {
    ZLOOM_FINDING_NOTE,   /* worth knowing, nothing is lost: a torn tail, a stale slot */
    ZLOOM_FINDING_DAMAGE, /* bytes that were durable are not what was written */
} zloom_finding_kind_t;

typedef struct {
    zloom_finding_kind_t kind;
    char *file;           /* name inside the directory */
    uint64_t offset;      /* where in it */
    uint64_t bytes;       /* how many are in doubt; 0 = not known */
    uint64_t first_group; /* groups concerned; 0 = none */
    uint64_t last_group;
    uint32_t flow;  /* with count: whose numbers */
    uint64_t first; /* messages [first, first + count) */
    uint64_t count;
    bool record; /* one record of a group, not whole groups */
    bool known;  /* an opening found it and went on around it: then it is a note */
    char *text;  /* one line for people, without newline */
} zloom_finding_t;

typedef struct {
    uint32_t number;
    char *name;     /* "" for the whole log, or when its name is not known */
    uint64_t first; /* lowest number seen in the hot log; end = none */
    uint64_t end;   /* first number that was never given */
    uint64_t packs; /* in the hot log */
    uint64_t snapshot_bytes;
} zloom_doctor_flow_t;

typedef struct {
    uint8_t log_id[16];
    uint64_t generation; /* of the superblock */
    bool slot_good[2];
    uint64_t boots;
    uint64_t first_group; /* in the hot log; 0 = none */
    uint64_t last_group;
    uint64_t attested; /* newest group known to have been durable */
    uint64_t groups;
    uint64_t records;
    uint64_t hot_segments;
    uint64_t cold_segments;
    uint64_t cold_groups; /* looked through */
    uint64_t bytes;       /* read and checked */
    zloom_doctor_flow_t *flows;
    size_t flow_count;
    zloom_finding_t *findings;
    size_t finding_count;
    size_t finding_capacity;
    uint64_t damages; /* all of them, listed or not */
    uint64_t notes;
} zloom_doctor_report_t;

/*
 * Examine the log in `directory`. NOT_FOUND (no log there), LOCKED (a router has it open), VERSION,
 * DISK: then the report is empty or ends where the error came up. To be finished in each case.
 */
zloom_err_t zloom_doctor_examine (zloom_vfs_t *vfs, const char *directory,
                                  zloom_doctor_report_t *report);
/* 0: whole (a torn tail is whole). 65: damaged. */
int zloom_doctor_exit_code (const zloom_doctor_report_t *report);
void zloom_doctor_fini (zloom_doctor_report_t *report);

#endif
