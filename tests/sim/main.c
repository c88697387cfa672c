/* SPDX-License-Identifier: MPL-2.0 */
/*
 * main.c - runs worlds by their seeds. README.md says how to run, replay and add.
 *
 * Of four seeds two are worlds where everything goes wrong at random, and in which every eighth
 * call that changes the disk is probed (probe.h); one is a small world where each call is; and one
 * is a small world that is run again and again with the power going at the first, second, third …
 * call, and lives on from there.
 */
#include "cases.h"
#include "tally.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a seed is, by its rest. */
#define EVERY_CALL 0
#define SMALL_AND_PROBED 2

typedef struct {
    uint64_t from;
    uint64_t seeds;   /* how many; 0: as the crashes need */
    uint64_t crashes; /* stop after so many crash points; 0: no matter */
    uint64_t at;      /* of a small world: only this call */
    uint64_t step;    /* of a case: each so many-th seed */
    bool one;
    bool trace;
    bool twice;
    bool json;
} options_t;

static char s_replay[160];

/* An assertion of the code under test failed: say how to see it again. */
static void
s_on_abort (int signal_number)
{
    (void) signal_number;
    const ssize_t done = write (STDERR_FILENO, s_replay, strlen (s_replay));
    (void) done;
}

/* One world to its end; false when a promise broke. `hash` is the run's. */
static bool
s_world (uint64_t seed, uint64_t at, bool trace, sim_tally_t *tally, uint64_t *hash)
{
    snprintf (s_replay, sizeof s_replay,
              "sim: seed %" PRIu64 ", replay: sim --seed %" PRIu64 " --at %" PRIu64 " --trace\n",
              seed, seed, at);
    sim_world_options_t options;
    if (at > 0 || seed % 4 == SMALL_AND_PROBED) {
        sim_small_world (seed, &options);
        options.probe_every = at > 0 ? 0 : 1;
    } else {
        sim_wild_world (seed, &options);
        options.probe_every = 8;
    }
    sim_world_t *world = sim_world_new (seed, &options, trace);
    bool ok;
    if (at > 0) {
        sim_router_crash_after (sim_world_router (world), at);
        ok = sim_world_run (world, SIM_S / 4);
        if (ok && seed % 8 == 0) { /* and again, while it comes back */
            sim_router_crash_after (sim_world_router (world), 1 + at % 37);
        }
    } else {
        ok = sim_world_run (world, sim_span (sim_world_ground (world), 3 * SIM_S, 15 * SIM_S));
    }
    ok = ok && sim_world_finish (world);
    *hash = sim_world_ground (world)->hash;
    sim_tally_add (tally, world);
    if (!ok) {
        fprintf (stderr, "sim: BROKEN at %.6f s: %s\n%s",
                 (double) (sim_world_ground (world)->mono_ns - 1000 * SIM_S) / (double) SIM_S,
                 sim_world_ground (world)->why, s_replay);
    }
    sim_world_destroy (&world);
    return ok;
}

/* The small world of a seed, with the power going at each of its calls to the disk. */
static bool
s_every_call (uint64_t seed, sim_tally_t *tally)
{
    uint64_t hash;
    for (uint64_t at = 1;; at++) {
        const uint64_t before = tally->crashes;
        if (!s_world (seed, at, false, tally, &hash)) {
            return false;
        }
        if (tally->crashes == before) {
            return true; /* it ended before that call came */
        }
    }
}

static bool
s_seed (const options_t *options, uint64_t seed, sim_tally_t *tally)
{
    uint64_t first;
    uint64_t second;
    if (options->at > 0 || seed % 4 != EVERY_CALL || options->one) {
        const uint64_t at = seed % 4 == EVERY_CALL && options->at == 0 ? 1 : options->at;
        if (!s_world (seed, at, options->trace, tally, &first)) {
            return false;
        }
        if (options->twice) {
            if (!s_world (seed, at, false, tally, &second) || first != second) {
                fprintf (stderr, "sim: seed %" PRIu64 " has two runs\n", seed);
                return false;
            }
        }
        return true;
    }
    return s_every_call (seed, tally);
}

static uint64_t
s_number (const char *text)
{
    char *end;
    const uint64_t value = strtoull (text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        fprintf (stderr, "sim: '%s' is no number\n", text);
        exit (2);
    }
    return value;
}

static void
s_usage (void)
{
    printf ("sim [--from SEED] [--seeds N] [--crashes N] [--json]\n"
            "                                              run worlds\n"
            "sim --seed SEED [--at CALL] [--trace]         replay one\n"
            "sim --twice [--from SEED] [--seeds N]         each seed twice, same hash\n"
            "sim [--step N] --cases [NAME]                 the scripted cases (each Nth seed)\n"
            "ZLOOM_SIM_CRASHES in the environment overrides --crashes.\n");
}

static int
s_run (const options_t *options)
{
    sim_tally_t tally = {0};
    bool ok = true;
    const uint64_t last = options->one     ? options->from
                          : options->seeds ? options->from + options->seeds - 1
                                           : UINT64_MAX;
    uint64_t seed = options->from;
    for (; ok && seed <= last; seed++) {
        if (!options->one && options->crashes > 0 && tally.crash_points >= options->crashes) {
            break;
        }
        ok = s_seed (options, seed, &tally);
    }
    sim_tally_print (&tally, options->from, seed - 1, ok, options->json);
    return ok ? 0 : 1;
}

int
main (int argc, char **argv)
{
    options_t options = {.from = 1, .step = 1};
    const char *environment = getenv ("ZLOOM_SIM_CRASHES");
    signal (SIGABRT, s_on_abort);
    /* Worlds come and go by the thousand: their memory is not given back in between. */
    mallopt (M_MMAP_THRESHOLD, 1 << 30);
    mallopt (M_TRIM_THRESHOLD, 1 << 30);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp (argv[i], "--trace") == 0) {
            options.trace = true;
        } else if (strcmp (argv[i], "--json") == 0) {
            options.json = true;
        } else if (strcmp (argv[i], "--twice") == 0) {
            options.twice = true;
        } else if (strcmp (argv[i], "--cases") == 0) {
            return sim_cases (i + 1 < argc ? argv[i + 1] : NULL, options.step);
        } else if (strcmp (argv[i], "--seed") == 0) {
            options.one = true;
            options.from = s_number (value);
            i++;
        } else if (strcmp (argv[i], "--from") == 0) {
            options.from = s_number (value);
            i++;
        } else if (strcmp (argv[i], "--seeds") == 0) {
            options.seeds = s_number (value);
            i++;
        } else if (strcmp (argv[i], "--at") == 0) {
            options.at = s_number (value);
            i++;
        } else if (strcmp (argv[i], "--step") == 0 && *value > '0') {
            options.step = s_number (value);
            i++;
        } else if (strcmp (argv[i], "--crashes") == 0) {
            options.crashes = s_number (value);
            i++;
        } else {
            s_usage ();
            return strcmp (argv[i], "--help") == 0 ? 0 : 2;
        }
    }
    if (environment && options.crashes > 0) {
        options.crashes = s_number (environment);
    }
    if (options.seeds == 0 && options.crashes == 0 && !options.one) {
        options.seeds = 20;
    }
    return s_run (&options);
}
