/* SPDX-License-Identifier: MPL-2.0 */
/* report.h - what doctor.c, doctor_hot.c and report.c share: the examination and its report. */
#ifndef ZLOOM_JOURNAL_REPORT_H
#define ZLOOM_JOURNAL_REPORT_H

#include "journal/doctor.h"
#include "journal/index.h"
#include "journal/names.h"
#include "journal/slot.h"
#include "journal/walk.h"

typedef struct {
    zloom_vfs_t *vfs;
    const char *directory;
    zloom_doctor_report_t *report;
    zloom_file_t *lock;
    zloom_names_t names;
    zloom_slot_t slots[2];
    zloom_err_t slot_errs[2];
    const zloom_slot_t *slot; /* the newest that reads well */
    zloom_segment_t *segments;
    size_t segment_count;
    size_t segment_capacity;
    struct {
        uint32_t flow;
        zloom_extent_t extent;
    } * pointers; /* cold groups that snapshots and MOVE records name */
    size_t pointer_count;
    size_t pointer_capacity;
    struct {
        uint32_t flow; /* 0: groups of the log, else numbers of the flow */
        zloom_range_t lost;
    } * known; /* what earlier openings found damaged, as HOLE records say */
    size_t known_count;
    size_t known_capacity;
} zloom_doctor_t;

/*
 * Add a finding; takes `file`. Returns the place to fill in more, or a scratch one when there are
 * too many.
 */
zloom_finding_t *zloom_report_find (zloom_doctor_report_t *report, zloom_finding_kind_t kind,
                                    char *file, uint64_t offset, const char *format, ...)
  __attribute__ ((format (printf, 5, 6)));
/* The flow's entry, made when it is not there. */
zloom_doctor_flow_t *zloom_report_flow (zloom_doctor_report_t *report, uint32_t number);
void zloom_report_name_flow (zloom_doctor_flow_t *flow, zloom_bytes_t name);

/* "hot-NUMBER"; free it. */
char *zloom_doctor_hot_name (uint64_t number);
/* Remember a cold group that something points at. */
void zloom_doctor_point (zloom_doctor_t *self, uint32_t flow, const zloom_extent_t *extent);
zloom_err_t zloom_doctor_walk_hot (zloom_doctor_t *self);

#endif
