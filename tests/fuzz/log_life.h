/* SPDX-License-Identifier: MPL-2.0 */
/*
 * log_life.h - what the targets that change logs have in common: a good log to begin with, the
 * checksums made to hold again, and the life of a log that was changed.
 */
#ifndef ZLOOM_TEST_FUZZ_LOG_LIFE_H
#define ZLOOM_TEST_FUZZ_LOG_LIFE_H

#include "fuzz.h"
#include "journal/format.h"
#include "simdisk/simdisk.h"

#define ZLOOM_LIFE_DIRECTORY "j"
#define ZLOOM_LIFE_SEGMENT_BYTES (32u * 1024)
#define ZLOOM_LIFE_FLOWS_MOST 64u
/*
 * A payload that begins with as many of these bytes has a wrong checksum, whoever wrote it (inputs
 * learn these bytes from comparisons); no owner may ever see one.
 */
#define ZLOOM_LIFE_WRONG_BYTE 0xBBu
#define ZLOOM_LIFE_WRONG_BYTES 8u

enum { ZLOOM_LIFE_PAYLOADS = 1, ZLOOM_LIFE_GROUPS = 2 };

typedef struct {
    char *items[64]; /* paths, sorted */
    size_t count;
} zloom_life_files_t;

/* What an opening gave its owner. */
typedef struct {
    uint64_t end[ZLOOM_LIFE_FLOWS_MOST]; /* behind the last number of each flow */
    uint64_t holes;                      /* as the journal counts them */
    uint32_t last_flow;                  /* the highest number that it named */
    uint64_t stored;                     /* messages of ours that are durable */
    uint64_t boots;                      /* openings so far */
} zloom_life_t;

/* Two boots with three flows, small packs, snapshots and cold segments, closed in order. */
zloom_simdisk_t *zloom_life_good_log (zloom_life_files_t *files);

bool zloom_life_is_wrong (zloom_bytes_t payload);
/* Make a group's checksums hold: what = PAYLOADS and GROUPS. `size`: from there to the end. */
void zloom_life_hold_group (uint8_t *group, size_t size, unsigned what);
/* Make a superblock slot's checksum hold. */
void zloom_life_hold_slot (uint8_t *slot, size_t size);

/*
 * Open the log, read what it can give, store a message in each flow that it names and in one of its
 * own, close. What was stored in that one by earlier calls has to be there. An error: the log does
 * not open.
 */
zloom_err_t zloom_life_live (zloom_simdisk_t *disk, zloom_life_t *life);
/* The verifier looks at it. */
void zloom_life_examine (zloom_simdisk_t *disk);
/*
 * All that is to be tried with a changed log; what its first opening said, and gave. `honest`: a
 * disk could have made the changes, so what is stored then has to be kept; to a log whose groups
 * and slots tell lies under good checksums nothing of the kind is promised.
 */
zloom_err_t zloom_life_try (zloom_simdisk_t *disk, bool honest, zloom_life_t *life);

#endif
