/* SPDX-License-Identifier: MPL-2.0 */
/* ops.h - how log.c and memory.c stand behind journal.h: the common head and its table of calls. */
#ifndef ZLOOM_JOURNAL_OPS_H
#define ZLOOM_JOURNAL_OPS_H

#include "journal/journal.h"

#define ZLOOM_JOURNAL_TAG 0x5A4A524Eu /* ZJRN */

typedef struct {
    void (*close) (zloom_journal_t *self);
    void (*attest) (zloom_journal_t *self, zloom_now_t now);
    uint32_t (*flow) (zloom_journal_t *self, const char *name);
    bool (*boot_end) (const zloom_journal_t *self, uint64_t random, uint32_t flow, uint64_t *end);
    bool (*boot_at) (const zloom_journal_t *self, size_t back, uint64_t *random);
    zloom_err_t (*room) (const zloom_journal_t *self, uint32_t records, uint64_t bytes,
                         bool growing);
    void (*stage) (zloom_journal_t *self, const zloom_record_t *record, zloom_blob_t *blob);
    uint64_t (*group) (const zloom_journal_t *self);
    uint64_t (*seal) (zloom_journal_t *self, zloom_now_t now);
    uint64_t (*durable) (const zloom_journal_t *self);
    zloom_err_t (*failed) (const zloom_journal_t *self);
    zloom_err_t (*lookup) (zloom_journal_t *self, uint32_t flow, uint64_t seq,
                           zloom_chunk_t *chunk);
    void (*fetch) (zloom_journal_t *self, uint32_t flow, uint64_t seq, uint64_t cookie);
    void (*forget) (zloom_journal_t *self, uint32_t flow, uint64_t first, uint64_t last);
    void (*poll) (zloom_journal_t *self, zloom_now_t now);
    int (*fd) (const zloom_journal_t *self);
    int64_t (*deadline) (const zloom_journal_t *self);
    bool (*work) (zloom_journal_t *self);
    void (*stats) (const zloom_journal_t *self, zloom_journal_stats_t *stats);
} zloom_journal_ops_t;

/* The first member of both implementations. */
struct zloom_journal {
    uint32_t tag;
    const zloom_journal_ops_t *ops;
    zloom_journal_owner_t owner;
    zloom_boot_t boot;
    uint8_t log_id[16];
};

#endif
