/* SPDX-License-Identifier: MPL-2.0 */
/* Who takes the next step, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "journal/jobs.h"

/* How long a go is waited for in which the machine leaves both threads their CPUs. */
#define PATIENCE_NS (30 * ZLOOM_NS_PER_S)
/* Under ThreadSanitizer a lock takes as long as the look. */
#ifdef __SANITIZE_THREAD__
#define SLOW true
#else
#define SLOW false
#endif

typedef struct {
    zloom_job_t job;
    unsigned left; /* steps */
    unsigned taken;
    pthread_mutex_t *gate; /* a step waits for it; NULL: it does not */
} work_t;

static bool
s_step (zloom_job_t *job)
{
    work_t *self = (work_t *) job;
    if (self->gate) {
        pthread_mutex_lock (self->gate);
        pthread_mutex_unlock (self->gate);
    }
    self->taken++;
    return --self->left > 0;
}

static void
s_done (zloom_job_t *job, void *owner)
{
    (void) job;
    (void) owner;
}

static work_t
s_work (unsigned steps, bool gives_way, bool quick)
{
    return (work_t){.job = {.step = s_step, .done = s_done, .gives_way = gives_way, .quick = quick},
                    .left = steps};
}

typedef struct {
    zloom_jobs_t *commits;
    zloom_jobs_t *reads;
} pair_t;

static pair_t
s_pair (bool threaded)
{
    pair_t pair = {zloom_jobs_new (threaded, -1), zloom_jobs_new (threaded, -1)};
    assert_non_null (pair.commits);
    assert_non_null (pair.reads);
    zloom_jobs_give_way (pair.reads, pair.commits);
    return pair;
}

static void
s_end (pair_t *pair)
{
    zloom_jobs_destroy (&pair->reads);
    zloom_jobs_destroy (&pair->commits);
}

static void
test_the_first_rank_takes_each_step (void **state)
{
    (void) state;
    zloom_jobs_t *jobs = zloom_jobs_new (false, -1);
    work_t idle = s_work (1, false, false);
    work_t normal = s_work (2, false, false);
    work_t urgent = s_work (1, false, false);
    zloom_jobs_put (jobs, &idle.job, ZLOOM_JOB_IDLE);
    zloom_jobs_put (jobs, &normal.job, ZLOOM_JOB_NORMAL);
    assert_true (zloom_jobs_step (jobs));
    assert_int_equal (normal.taken, 1);
    zloom_jobs_put (jobs, &urgent.job, ZLOOM_JOB_URGENT);
    assert_true (zloom_jobs_step (jobs));
    assert_int_equal (urgent.taken, 1);
    assert_true (zloom_jobs_step (jobs));
    assert_int_equal (normal.taken, 2);
    assert_true (zloom_jobs_step (jobs));
    assert_int_equal (idle.taken, 1);
    assert_false (zloom_jobs_step (jobs));
    zloom_jobs_destroy (&jobs);
}

/* A step and what it gives way to take turns, however fast the next one comes. */
static void
test_a_step_waits_for_what_is_under_way_and_not_for_more (void **state)
{
    (void) state;
    pair_t pair = s_pair (false);
    work_t read = s_work (3, true, false);
    work_t first = s_work (2, false, true);
    work_t second = s_work (1, false, true);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    assert_true (zloom_jobs_step (pair.reads)); /* nothing is under way */
    zloom_jobs_put (pair.commits, &first.job, ZLOOM_JOB_NORMAL);
    assert_false (zloom_jobs_step (pair.reads));
    assert_true (zloom_jobs_step (pair.commits)); /* the first of its two steps */
    assert_false (zloom_jobs_step (pair.reads));
    assert_true (zloom_jobs_step (pair.commits));
    zloom_jobs_put (pair.commits, &second.job, ZLOOM_JOB_NORMAL);
    assert_true (zloom_jobs_step (pair.reads)); /* it has waited for `first` */
    assert_int_equal (read.taken, 2);
    assert_false (zloom_jobs_step (pair.reads)); /* the next one waits for `second` */
    assert_true (zloom_jobs_step (pair.commits));
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (read.taken, 3);
    s_end (&pair);
}

static void
test_nobody_waits_for_what_is_not_quick (void **state)
{
    (void) state;
    pair_t pair = s_pair (false);
    work_t read = s_work (1, true, false);
    work_t large = s_work (1, false, false);
    zloom_jobs_put (pair.commits, &large.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (read.taken, 1);
    s_end (&pair);
}

/*
 * A read of a hot segment may stand behind the one that gives way, and the segment's reuse behind
 * that: it is read first.
 */
static void
test_nothing_overtakes_what_gives_way (void **state)
{
    (void) state;
    pair_t pair = s_pair (false);
    work_t read = s_work (1, true, false);
    work_t hot = s_work (1, false, false);
    work_t reuse = s_work (1, false, false);
    work_t group = s_work (1, false, true);
    zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    zloom_jobs_put (pair.reads, &hot.job, ZLOOM_JOB_URGENT);
    zloom_jobs_put (pair.reads, &reuse.job, ZLOOM_JOB_NORMAL);
    assert_false (zloom_jobs_step (pair.reads));
    assert_int_equal (hot.taken + reuse.taken, 0);
    assert_true (zloom_jobs_step (pair.commits));
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (read.taken, 1);
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (hot.taken, 1);
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (reuse.taken, 1);
    s_end (&pair);
}

static void
test_who_wants_all_done_waits_for_nobody (void **state)
{
    (void) state;
    pair_t pair = s_pair (false);
    work_t read = s_work (1, true, false);
    work_t group = s_work (1, false, true);
    zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    assert_false (zloom_jobs_step (pair.reads));
    zloom_jobs_finish (pair.reads);
    assert_int_equal (read.taken, 1);
    s_end (&pair);
}

/* With threads: the step is taken once the group's end is there, and a jobs_t can go before. */
static void
test_threads_wait_and_wake (void **state)
{
    (void) state;
    pair_t pair = s_pair (true);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    work_t group = s_work (1, false, true);
    work_t read = s_work (1, true, false);
    work_t never = s_work (1, true, false);
    work_t last = s_work (1, false, true);
    group.gate = &gate;
    last.gate = &gate;
    pthread_mutex_lock (&gate);
    zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    assert_null (zloom_jobs_take (pair.reads));
    pthread_mutex_unlock (&gate);
    zloom_jobs_finish (pair.reads);
    assert_ptr_equal (zloom_jobs_take (pair.reads), &read.job);
    assert_ptr_equal (zloom_jobs_take (pair.commits), &group.job);
    pthread_mutex_lock (&gate);
    zloom_jobs_put (pair.commits, &last.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &never.job, ZLOOM_JOB_URGENT);
    zloom_jobs_destroy (&pair.reads);
    assert_int_equal (never.taken, 0);
    pthread_mutex_unlock (&gate);
    zloom_jobs_finish (pair.commits);
    s_end (&pair);
}

/* Those that are given way to can go first: then nobody is waited for. */
static void
test_the_first_go_before_those_behind (void **state)
{
    (void) state;
    pair_t pair = s_pair (false);
    work_t group = s_work (1, false, true);
    work_t read = s_work (1, true, false);
    zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
    zloom_jobs_put (pair.reads, &read.job, ZLOOM_JOB_URGENT);
    assert_false (zloom_jobs_step (pair.reads));
    zloom_jobs_destroy (&pair.commits);
    assert_true (zloom_jobs_step (pair.reads));
    assert_int_equal (read.taken, 1);
    s_end (&pair);
}

static pid_t s_reader;

static bool
s_say_who (zloom_job_t *job)
{
    (void) job;
    s_reader = gettid ();
    return false;
}

/* How often a thread of this process has gone to sleep. */
static unsigned long
s_sleeps (pid_t tid)
{
    char path[64];
    char line[128];
    unsigned long count = 0;
    snprintf (path, sizeof path, "/proc/self/task/%d/status", (int) tid);
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    while (fgets (line, sizeof line, file)) {
        if (strncmp (line, "voluntary_ctxt_switches:", 24) == 0) {
            count = strtoul (line + 24, NULL, 10);
        }
    }
    fclose (file);
    return count;
}

/* A thread that has nothing to do sleeps through what ends elsewhere: each wake-up costs a CPU. */
static void
test_nobody_is_woken_for_nothing (void **state)
{
    (void) state;
    const unsigned groups = 1000;
    pair_t pair = s_pair (true);
    zloom_job_t who = {.step = s_say_who, .done = s_done};
    zloom_jobs_put (pair.reads, &who, ZLOOM_JOB_URGENT);
    zloom_jobs_finish (pair.reads);
    const unsigned long before = s_sleeps (s_reader);
    for (unsigned i = 0; i < groups; i++) {
        work_t group = s_work (1, false, true);
        zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
        zloom_jobs_finish (pair.commits);
        assert_ptr_equal (zloom_jobs_take (pair.commits), &group.job);
    }
    assert_in_range (s_sleeps (s_reader) - before, 0, groups / 100);
    s_end (&pair);
}

/* What a thread did for groups whose owner needs so long between two of them. */
typedef struct {
    unsigned long sleeps;
    int64_t cpu_ns;
} cost_t;

static int64_t
s_cpu_ns (pid_t tid)
{
    /* That of a thread by its number, as glibc's pthread_getcpuclockid () makes it. */
    const clockid_t clock = (clockid_t) (~(unsigned) tid << 3 | 6);
    struct timespec now;
    assert_int_equal (clock_gettime (clock, &now), 0);
    return now.tv_sec * ZLOOM_NS_PER_S + now.tv_nsec;
}

/* Time passes, and the CPU is kept. */
static void
s_turn (int64_t ns)
{
    const int64_t until = zloom_clock_mono_ns () + ns;
    while (zloom_clock_mono_ns () < until) {
    }
}

static cost_t
s_cost (unsigned groups, int64_t between_ns)
{
    pair_t pair = s_pair (true);
    zloom_job_t who = {.step = s_say_who, .done = s_done, .quick = true};
    zloom_jobs_put (pair.commits, &who, ZLOOM_JOB_NORMAL);
    zloom_jobs_finish (pair.commits);
    assert_ptr_equal (zloom_jobs_take (pair.commits), &who);
    const unsigned long sleeps = s_sleeps (s_reader);
    const int64_t cpu_ns = s_cpu_ns (s_reader);
    for (unsigned i = 0; i < groups; i++) {
        work_t group = s_work (1, false, true);
        zloom_jobs_put (pair.commits, &group.job, ZLOOM_JOB_NORMAL);
        while (!zloom_jobs_take (pair.commits)) {
            s_turn (2 * ZLOOM_NS_PER_US); /* the lock is the thread's meanwhile */
        }
        s_turn (between_ns);
    }
    const cost_t cost = {s_sleeps (s_reader) - sleeps, s_cpu_ns (s_reader) - cpu_ns};
    s_end (&pair);
    return cost;
}

/*
 * Groups that come one upon the other find the thread awake. Who else is on this machine may take
 * its CPU away, so it is the best of many goes that counts; without the look there is none.
 */
static void
test_the_next_group_is_looked_out_for (void **state)
{
    (void) state;
    const unsigned groups = 200;
    unsigned long least = groups;
    if (SLOW || sysconf (_SC_NPROCESSORS_ONLN) < 2) {
        skip (); /* nobody can put while it looks */
    }
    const int64_t until_ns = zloom_clock_mono_ns () + PATIENCE_NS;
    while (least >= groups / 2 && zloom_clock_mono_ns () < until_ns) {
        const cost_t cost = s_cost (groups, 4 * ZLOOM_NS_PER_US);
        least = cost.sleeps < least ? cost.sleeps : least;
    }
    assert_in_range (least, 0, groups / 2 - 1);
}

/* And who is not followed soon costs no CPU: less than the look, which is 20 us. */
static void
test_nobody_looks_out_for_what_comes_late (void **state)
{
    (void) state;
    const unsigned groups = 100;
    int64_t least_ns = INT64_MAX;
    const int64_t until_ns = zloom_clock_mono_ns () + PATIENCE_NS;
    while (least_ns >= groups * 15 * ZLOOM_NS_PER_US && zloom_clock_mono_ns () < until_ns) {
        const cost_t cost = s_cost (groups, 200 * ZLOOM_NS_PER_US);
        least_ns = cost.cpu_ns < least_ns ? cost.cpu_ns : least_ns;
    }
    assert_in_range (least_ns, 0, groups * 15 * ZLOOM_NS_PER_US - 1);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_the_first_rank_takes_each_step),
      cmocka_unit_test (test_a_step_waits_for_what_is_under_way_and_not_for_more),
      cmocka_unit_test (test_nobody_waits_for_what_is_not_quick),
      cmocka_unit_test (test_nothing_overtakes_what_gives_way),
      cmocka_unit_test (test_who_wants_all_done_waits_for_nobody),
      cmocka_unit_test (test_threads_wait_and_wake),
      cmocka_unit_test (test_the_first_go_before_those_behind),
      cmocka_unit_test (test_nobody_is_woken_for_nothing),
      cmocka_unit_test (test_the_next_group_is_looked_out_for),
      cmocka_unit_test (test_nobody_looks_out_for_what_comes_late),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
