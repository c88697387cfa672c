/* SPDX-License-Identifier: MPL-2.0 */
/*
 * process.h - a router in a process of its own, to be killed: the test program starts itself again
 * with "--router DIR", so no live ZeroMQ context is ever forked.
 */
#ifndef ZLOOM_TEST_ROUTER_PROCESS_H
#define ZLOOM_TEST_ROUTER_PROCESS_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nodes/router/router.h"
#include "patterns/node_config.h"
#include "patterns/registry.h"
#include "support/folder.h"
#include "support/process.h"

static const char s_recipe_text[] = "zloom: 1\n"
                                    "name: test\n" ZLOOM_TEST_SMALL "flows:\n"
                                    "  orders:\n"
                                    "    pattern: queue\n"
                                    "    from: external\n"
                                    "    to: external\n"
                                    "    lease: 30s\n"
                                    "    retry: {failures: 3, backoff: [10ms]}\n"
                                    "    dead_letter: orders-dead\n"
                                    "    limit: {messages: 1000000, bytes: 1GiB}\n"
                                    "  done: {pattern: queue, from: external, to: external}\n"
                                    "  events: {pattern: bus, from: external, to: external, "
                                    "confirm: memory}\n"
                                    "  orders-dead: {pattern: queue, to: external}\n";

/* NULL, with the mistakes on stderr. */
static inline zloom_recipe_t *
s_load_recipe (void)
{
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    if (zloom_recipe_load_text ("test.yaml", "/tmp", zloom_bytes_text (s_recipe_text),
                                zloom_registry (), NULL, diags, &recipe) != ZLOOM_OK) {
        zloom_buf_t text = {0};
        zloom_diags_text (diags, false, &text);
        fprintf (stderr, "%s\n", zloom_buf_text (&text));
        zloom_buf_fini (&text);
    }
    zloom_diags_destroy (&diags);
    return recipe;
}

static inline zloom_node_args_t
s_args (const zloom_recipe_t *recipe, const char *directory)
{
    return (zloom_node_args_t){
      .recipe = recipe,
      .node = zloom_recipe_node (recipe, ZLOOM_IMPLICIT_ROUTER),
      .name = ZLOOM_IMPLICIT_ROUTER,
      .state_dir = directory,
      .runtime_dir = directory,
      .ready_fd = -1,
      .stop_fd = -1,
      .drain_ns = 2 * ZLOOM_NS_PER_S,
    };
}

/* What the child does. */
static inline int
s_router_main (const char *directory)
{
    zloom_log_set (ZLOOM_LOG_WARN, zloom_log_stderr, NULL);
    zloom_recipe_t *recipe = s_load_recipe ();
    if (!recipe) {
        return 78;
    }
    zloom_node_args_t args = s_args (recipe, directory);
    args.ready_fd = ZLOOM_READY_FD;
    args.stop_fd = ZLOOM_STOP_FD;
    zloom_err_t err = zloom_router_run (&args);
    if (err != ZLOOM_OK) {
        fprintf (stderr, "%s: %s\n", zloom_err_text (err), zloom_note ());
    }
    zloom_recipe_destroy (&recipe);
    return zloom_node_exit_code (err);
}

/* Start it and wait until it serves. */
static inline zloom_process_t
s_start (const char *directory)
{
    char *argv[] = {"test", "--router", (char *) directory, NULL};
    return zloom_process_start (argv, NULL, true);
}

static inline char *
s_make_directory (void)
{
    char directory[ZLOOM_FOLDER_BYTES];
    assert_true (zloom_folder_make (directory));
    return zloom_strdup (directory);
}

static inline void
s_remove_directory (char **directory)
{
    assert_true (zloom_folder_remove (*directory));
    free (*directory);
    *directory = NULL;
}

#endif
