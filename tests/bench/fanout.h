/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fanout.h - one publisher, many subscribers, over roads that are measured alike: what they have in
 * common is fanout.c's (processes, numbers, times), what differs is a road.
 */
#ifndef ZLOOM_TESTS_BENCH_FANOUT_H
#define ZLOOM_TESTS_BENCH_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *where; /* what stands behind the road's name: "ipc", a port, an endpoint */
    size_t bytes;      /* of each message */
    size_t per_frame;  /* messages that leave together, where the road knows frames */
    char topic[64];
} fanout_plan_t;

/* Whoever receives calls this for each message; false: that was the last. */
typedef bool (fanout_heard_fn) (void *arg, const uint8_t *body, size_t size);

typedef struct {
    const char *name;
    /* Before anybody else is there; runs in a process of its own until it is killed. NULL: none. */
    void (*middle) (const fanout_plan_t *plan);
    void *(*open) (const fanout_plan_t *plan); /* the publisher's end */
    void (*publish) (void *self, const uint8_t *body, size_t size);
    void (*flush) (void *self); /* what was published is on its way */
    /* Publisher's, between two messages of a paced run: until then it may do what it has to. */
    void (*rest) (void *self, int64_t until_ns);
    void (*close) (void *self);
    /* A subscriber: hears until `heard` has enough. */
    void (*hear) (const fanout_plan_t *plan, fanout_heard_fn *heard, void *arg);
} fanout_road_t;

extern const fanout_road_t fanout_zloom, fanout_proxy, fanout_nats;

/* Ends the process with a word when it is not so. */
void fanout_check (bool ok, const char *what);
int64_t fanout_now_ns (void);
/* A number of at least 1; ends the process when it is none. */
size_t fanout_number (const char *text);

#endif
