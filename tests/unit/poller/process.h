/* SPDX-License-Identifier: MPL-2.0 */
/*
 * process.h - nodes in processes of their own, to be killed: the test program starts itself again
 * with "--node DIR NODE", which runs that node of DIR/recipe.yaml. What a node logs goes to
 * DIR/NODE.log.
 */
#ifndef ZLOOM_TEST_POLLER_PROCESS_H
#define ZLOOM_TEST_POLLER_PROCESS_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nodes/poller/poller.h"
#include "nodes/router/router.h"
#include "nodes/sink/sink.h"
#include "patterns/node_config.h"
#include "patterns/registry.h"
#include "recipe/registry.h"
#include "support/folder.h"
#include "support/process.h"

#define PATIENCE_NS (60 * ZLOOM_NS_PER_S)

static char *s_directory;

/* "DIRECTORY/NAME", valid until the fourth next call. */
static inline const char *
s_at (const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf (path, sizeof paths[0], "%s/%s", s_directory, name);
    return path;
}

/* What the child does. */
static inline int
s_node_main (const char *directory, const char *name)
{
    zloom_log_set (ZLOOM_LOG_INFO, zloom_log_stderr, NULL);
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    char path[256];
    snprintf (path, sizeof path, "%s/recipe.yaml", directory);
    if (zloom_recipe_load (path, zloom_registry (), NULL, diags, &recipe) != ZLOOM_OK) {
        zloom_buf_t text = {0};
        zloom_diags_text (diags, false, &text);
        fprintf (stderr, "%s\n", zloom_buf_text (&text));
        zloom_buf_fini (&text);
    }
    zloom_diags_destroy (&diags);
    if (!recipe) {
        return 78;
    }
    char state[256];
    snprintf (state, sizeof state, "%s/state", directory);
    const zloom_node_args_t args = {.recipe = recipe,
                                    .node = zloom_recipe_node (recipe, name),
                                    .name = name,
                                    .state_dir = state,
                                    .runtime_dir = directory,
                                    .ready_fd = ZLOOM_READY_FD,
                                    .stop_fd = ZLOOM_STOP_FD,
                                    .drain_ns = 5 * ZLOOM_NS_PER_S};
    zloom_node_run_fn *const run[] = {[ZLOOM_NODE_ROUTER] = zloom_router_run,
                                      [ZLOOM_NODE_SINK] = zloom_sink_run,
                                      [ZLOOM_NODE_POLLER] = zloom_poller_run};
    const zloom_err_t err = run[args.node->kind->id](&args);
    if (err != ZLOOM_OK) {
        fprintf (stderr, "%s: %s\n", zloom_err_text (err), zloom_note ());
    }
    zloom_recipe_destroy (&recipe);
    return zloom_node_exit_code (err);
}

/* Start a node; `wait`: until it serves. */
static inline zloom_process_t
s_start (const char *node, bool wait)
{
    char log[128];
    snprintf (log, sizeof log, "%s/%s.log", s_directory, node);
    char *argv[] = {"test", "--node", s_directory, (char *) node, NULL};
    return zloom_process_start (argv, log, wait);
}

/* ---- files -------------------------------------------------------------------------------- */

static inline void
s_put (const char *name, const char *mode, const char *text)
{
    FILE *file = fopen (s_at (name), mode);
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

/* Lines "FIRST …" to "LAST …", about 100 bytes each. */
static inline void
s_put_numbers (const char *name, const char *mode, unsigned first, unsigned last)
{
    FILE *file = fopen (s_at (name), mode);
    assert_non_null (file);
    for (unsigned i = first; i <= last; i++) {
        assert_true (fprintf (file, "%u %090u\n", i, i) > 0);
    }
    assert_int_equal (fclose (file), 0);
}

/* The whole file with a NUL behind it; empty when there is none. Free it. */
static inline char *
s_get (const char *name)
{
    zloom_buf_t text = {0};
    FILE *file = fopen (s_at (name), "r");
    if (file) {
        size_t got;
        do {
            got = fread (zloom_buf_reserve (&text, 65536), 1, 65536, file);
            text.size += got;
        } while (got > 0);
        (void) fclose (file);
    }
    (void) zloom_buf_text (&text);
    return (char *) text.data;
}

static inline bool
s_says (const char *name, const char *what)
{
    char *text = s_get (name);
    const bool found = strstr (text, what) != NULL;
    free (text);
    return found;
}

static inline void
s_await_text (const char *name, const char *what)
{
    const int64_t deadline_ns = zloom_clock_now ().mono_ns + PATIENCE_NS;
    while (!s_says (name, what)) {
        if (zloom_clock_now ().mono_ns > deadline_ns) {
            fail_msg ("%s does not say \"%s\"; see %s", name, what, s_directory);
        }
        (void) poll (NULL, 0, 2);
    }
}

static inline off_t
s_size (const char *name)
{
    struct stat file;
    return stat (s_at (name), &file) == 0 ? file.st_size : 0;
}

static inline void
s_await_size (const char *name, off_t size)
{
    const int64_t deadline_ns = zloom_clock_now ().mono_ns + PATIENCE_NS;
    while (s_size (name) < size) {
        if (zloom_clock_now ().mono_ns > deadline_ns) {
            fail_msg ("%s has %lld bytes, not %lld; see %s", name, (long long) s_size (name),
                      (long long) size, s_directory);
        }
        (void) poll (NULL, 0, 2);
    }
}

/*
 * How often each of the numbers 1 to `last` stands at the start of a line. Every line must be one
 * that s_put_numbers writes. Free it.
 */
static inline unsigned *
s_count_numbers (const char *name, unsigned last, bool in_order)
{
    unsigned *times = zloom_alloc ((last + 1) * sizeof *times);
    char *text = s_get (name);
    unsigned long before = 0;
    for (char *line = text; *line;) {
        char *end = strchr (line, '\n');
        assert_non_null (end);
        char *rest;
        char want[128];
        const unsigned long number = strtoul (line, &rest, 10);
        snprintf (want, sizeof want, "%lu %090lu", number, number);
        *end = 0;
        assert_string_equal (line, want);
        assert_in_range (number, 1, last);
        if (in_order) {
            assert_int_equal (number, before + 1);
            before = number;
        }
        times[number]++;
        line = end + 1;
    }
    free (text);
    return times;
}

/* ---- a folder for each test --------------------------------------------------------------- */

static inline int
s_setup (void **state)
{
    (void) state;
    char directory[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (directory));
    s_directory = zloom_strdup (directory);
    return 0;
}

static inline int
s_teardown (void **state)
{
    (void) state;
    assert_true (zloom_folder_remove (s_directory));
    free (s_directory);
    s_directory = NULL;
    return 0;
}

#endif
