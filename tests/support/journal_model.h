/* SPDX-License-Identifier: MPL-2.0 */
/*
 * journal_model.h - an owner of a journal that knows what must be true after a crash.
 *
 * It stages packs, settlements and a last-wins value in several flows, remembers what it staged in
 * which group, and after an opening finds out whether what was recovered is the state after some
 * whole group between the durable one and the last staged one. Bytes of a pack are a function of
 * (flow, number, version), so every read can be checked.
 */
#ifndef ZLOOM_TESTS_SUPPORT_JOURNAL_MODEL_H
#define ZLOOM_TESTS_SUPPORT_JOURNAL_MODEL_H

#include "base/random.h"
#include "base/ranges.h"
#include "journal/journal.h"

#define ZLOOM_MODEL_FLOWS 8u
/* A pack's head: u64 version, then of the pack as it was sent u64 bytes, u32 count, u64 first. */
#define ZLOOM_MODEL_HEAD_BYTES 28u

typedef struct {
    zloom_ranges_t live;
    uint64_t end;
    uint64_t value; /* of the flow's last KV record */
} zloom_model_state_t;

typedef struct {
    uint64_t first;
    uint32_t count;
    uint64_t version;
} zloom_model_pack_t;

typedef struct {
    uint64_t group;
    zloom_record_type_t type;
    uint32_t flow;
    uint64_t first;
    uint64_t last;
    uint64_t value;
} zloom_model_op_t;

typedef struct {
    zloom_journal_t *journal;
    zloom_random_t random;
    zloom_now_t now;
    uint64_t version; /* of the bytes that are staged next */
    bool whole;       /* packs are not cut */
    uint32_t flow_count;
    zloom_model_state_t state[ZLOOM_MODEL_FLOWS]; /* with everything staged, or as recovered */
    zloom_model_state_t base[ZLOOM_MODEL_FLOWS];  /* with everything durable */
    zloom_ranges_t holes[ZLOOM_MODEL_FLOWS];      /* as recovery told them */
    uint64_t gaps;                                /* holes in the log itself, as told */
    zloom_model_pack_t *packs[ZLOOM_MODEL_FLOWS]; /* every version ever staged */
    size_t pack_count[ZLOOM_MODEL_FLOWS];
    size_t pack_capacity[ZLOOM_MODEL_FLOWS];
    zloom_model_op_t *ops; /* staged, not known durable */
    size_t op_count;
    size_t op_capacity;
    uint64_t fetched; /* cookie of the last fetch that ended */
    zloom_err_t fetch_err;
    zloom_chunk_t chunk;
    char failure[256]; /* what was wrong, after a check that failed */
} zloom_model_t;

void zloom_model_init (zloom_model_t *self, uint64_t seed);
void zloom_model_fini (zloom_model_t *self);
zloom_journal_owner_t zloom_model_owner (zloom_model_t *self);
/* Open the journal; the recovered state is in `state`. */
zloom_err_t zloom_model_open (zloom_model_t *self, const zloom_journal_config_t *config);
/* One random action; false when the journal has failed. */
bool zloom_model_step (zloom_model_t *self);
/* Stage a pack of `count` messages with `bytes` bytes if there is room. */
zloom_err_t zloom_model_send (zloom_model_t *self, uint32_t flow, uint32_t count, size_t bytes);
/* Stage the settlement of [first, last] if there is room. */
zloom_err_t zloom_model_settle (zloom_model_t *self, uint32_t flow, uint64_t first, uint64_t last);
/* Seal, work and poll until all that is staged is durable or the journal has failed. */
bool zloom_model_flush (zloom_model_t *self);
/* So many packs of `count` messages, a group each; where there is no room it waits for some. */
bool zloom_model_fill (zloom_model_t *self, uint32_t flow, unsigned packs, uint32_t count,
                       size_t bytes);
/* After an opening that followed a crash: is what came back allowed? Takes it as the new base. */
bool zloom_model_check (zloom_model_t *self);
/* Read every live message and compare. Numbers in a hole may be missing. */
bool zloom_model_read_all (zloom_model_t *self);
/* Poll with time passing, and work, `turns` times. */
void zloom_model_turn (zloom_model_t *self, unsigned turns, int64_t step_ns);
/* Threads: wait for the journal's descriptor, then poll; false when nothing came in time. */
bool zloom_model_wait (zloom_model_t *self, int timeout_ms);
/* Drop what the model thinks of a journal that crashed: keeps base and ops for the check. */
void zloom_model_forget_state (zloom_model_t *self);

/* ---- for journal_check.c -------------------------------------------------------------------- */

/* Note what is wrong; false. */
bool zloom_model_wrong (zloom_model_t *self, const char *what, uint64_t a, uint64_t b);
void zloom_model_apply (zloom_model_state_t *state, const zloom_model_op_t *op);
/* The byte at `at` of the pack that was sent with `seq` as its first number. */
uint8_t zloom_model_byte (uint32_t flow, uint64_t seq, uint64_t version, size_t at);
/* Where message `index` of a pack of so many bytes and messages begins. */
static inline size_t
zloom_model_offset (uint64_t bytes, uint32_t count, uint64_t index)
{
    return (size_t) (bytes * index / count);
}

#endif
