/* SPDX-License-Identifier: MPL-2.0 */
/*
 * truth.h - what was published, by number, and what must hold of whoever hears it:
 *
 *   P1 nothing invented          P2 order per publisher        P3 no double
 *   P4 gaps seen = drops told    P5 only what matches          P6 at the end all is heard or told
 *   and of durable groups: what was confirmed and is wanted was delivered, and never after its ack;
 *   what they lost to a full flow was told before anything behind it came.
 */
#ifndef ZLOOM_TESTS_SIM_BUS_TRUTH_H
#define ZLOOM_TESTS_SIM_BUS_TRUTH_H

#include "ground.h"
#include "journal/journal.h"

#define BUS_PUBLISHERS 4
#define BUS_SEQS 20000
#define BUS_IDS 4000
#define BUS_TOPICS 5

extern const char *const bus_topics[BUS_TOPICS];

typedef struct {
    uint8_t publisher; /* its number + 1; 0: nothing */
    uint8_t topic;
    uint32_t id;
    uint32_t sum; /* over all that it says; never 0 */
} bus_event_t;

typedef struct bus_truth bus_truth_t;
struct bus_truth {
    sim_ground_t *ground;
    bus_truth_t *origin; /* what is here was carried over from there; NULL: it was sent here */
    uint32_t said[BUS_PUBLISHERS][BUS_IDS]; /* sums by id, of all that was ever staged */
    bool loose[BUS_PUBLISHERS][BUS_IDS];    /* may be missing: somebody took it away */
    bool again[BUS_PUBLISHERS][BUS_IDS];    /* may be there once more: its log was lost */
    bool drops;    /* when the flow is full, durable groups lose the oldest */
    bool restored; /* when the router opens next, it does so on an earlier copy of its log */
    bus_event_t events[BUS_SEQS];
    uint64_t next_seq;
    uint64_t confirmed[BUS_PUBLISHERS];           /* ids up to here */
    uint64_t heard, gaps, missed, acked, dropped; /* for the summary */
};

/* One subscriber's ear: where it is. */
typedef struct {
    const char *name;
    const char *patterns;          /* parted by blanks; "": everything */
    uint64_t highest;              /* the last number heard of; 0: none yet */
    uint64_t last[BUS_PUBLISHERS]; /* ids heard */
} bus_ear_t;

/* A PACK was staged. */
void bus_truth_staged (bus_truth_t *self, const zloom_record_t *record);
/* The router came again: numbers from here on were never given. */
void bus_truth_cut (bus_truth_t *self, uint64_t next_seq);
void bus_truth_confirmed (bus_truth_t *self, uint32_t publisher, uint64_t id);
bool bus_truth_wants (const char *patterns, const bus_event_t *event);
/* A message came; checked against all that is known. */
void bus_truth_heard (bus_truth_t *self, bus_ear_t *ear, uint64_t seq, const char *producer,
                      size_t producer_size, uint64_t id);
/* The same, to one of several who share: only whether it is true, and for them. */
void bus_truth_shared (bus_truth_t *self, const bus_ear_t *ear, uint64_t seq, const char *producer,
                       size_t producer_size, uint64_t id);
/* A GAP came: `count` of [from, to] will not. */
void bus_truth_gap (bus_truth_t *self, bus_ear_t *ear, uint64_t from, uint64_t to, uint64_t count);
/* All is calm: an ear that began must have heard of everything. */
void bus_truth_end (bus_truth_t *self, const bus_ear_t *ear);
/* Numbers that a group with these patterns wants. */
uint64_t bus_truth_count (const bus_truth_t *self, const char *patterns);
/* Who took this message from its flow by hand may keep it from where it was to go. */
void bus_truth_taken (bus_truth_t *self, const char *producer, size_t producer_size, uint64_t id);
/* Whatever was confirmed has a number, and one only, in order; but for what is loose. */
void bus_truth_books (bus_truth_t *self);

#endif
