/* SPDX-License-Identifier: MPL-2.0 */
/* call_subjects.c - see call_subjects.h. */
#include "call_subjects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "io/program.h"
#include "nodes/poller/reader.h"
#include "nodes/sink/output.h"
#include "patterns/registry.h"
#include "recipe/explain.h"
#include "recipe/recipe.h"

/* An owner who is told that the disk failed waits and asks again; once is enough here. */
#define TRIES 3
#define WAIT_NS (10 * ZLOOM_NS_PER_S)

static size_t
s_read_file (const char *folder, const char *name, char *text, size_t most)
{
    char path[256];
    size_t size = 0;
    snprintf (path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen (path, "r");
    if (file) {
        size = fread (text, 1, most - 1, file);
        fclose (file);
    }
    text[size] = 0;
    return size;
}

static void
s_write_file (const char *folder, const char *name, const char *text, size_t size)
{
    char path[256];
    snprintf (path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen (path, "w");
    if (!file || fwrite (text, 1, size, file) != size || fclose (file) != 0) {
        abort ();
    }
}

/* ---- a sink's file --------------------------------------------------------------------------- */

#define BATCHES 5u
#define BATCH_LINES 3u

static size_t
s_line (char *line, size_t most, unsigned batch, unsigned number)
{
    return (size_t) snprintf (line, most, "batch %u line %u", batch, number);
}

static zloom_err_t
s_write_batch (zloom_output_t *output, unsigned batch)
{
    zloom_err_t err = ZLOOM_FAILED;
    for (int i = 0; i < TRIES && err != ZLOOM_OK; i++) {
        for (unsigned number = 1; number <= BATCH_LINES; number++) {
            char line[64];
            const size_t size = s_line (line, sizeof line, batch, number);
            if (zloom_output_add (output, zloom_bytes (line, size)) != ZLOOM_OK) {
                abort ();
            }
        }
        err = zloom_output_write (output);
        if (err != ZLOOM_OK && zloom_output_pending (output) > 0) {
            return zloom_fail (ZLOOM_FAILED, "a batch that failed was not taken back");
        }
    }
    return err;
}

static zloom_err_t
s_run_output (const char *folder)
{
    char path[256];
    char text[4096];
    zloom_output_t *output = NULL;
    snprintf (path, sizeof path, "%s/out", folder);
    s_write_file (folder, "out", "before\ntorn", 11);
    subject_arm ();
    zloom_err_t err = zloom_output_open (path, true, &output);
    for (unsigned batch = 1; batch <= BATCHES && err == ZLOOM_OK; batch++) {
        err = s_write_batch (output, batch);
        subject_calm ();
        if (err == ZLOOM_OK) {
            char told = (char) batch;
            s_write_file (folder, "told", &told, 1);
        }
        subject_arm ();
    }
    zloom_output_destroy (&output);
    subject_calm ();
    subject_say (zloom_bytes (text, s_read_file (folder, "out", text, sizeof text)));
    return err;
}

/* Each batch once, in order, all that were told of, and nothing torn. */
static bool
s_output_is_whole (const char *folder)
{
    char text[4096];
    char told[2] = {0};
    char want[4096] = "before\n";
    size_t size = s_read_file (folder, "out", text, sizeof text);
    (void) s_read_file (folder, "told", told, sizeof told);
    if (strcmp (text, "before\ntorn") == 0) {
        return told[0] == 0; /* it was not even opened */
    }
    for (unsigned batch = 0; batch <= BATCHES; batch++) {
        for (unsigned number = 1; batch > 0 && number <= BATCH_LINES; number++) {
            char line[64];
            (void) s_line (line, sizeof line, batch, number);
            strncat (want, line, sizeof want - strlen (want) - 1);
            strncat (want, "\n", sizeof want - strlen (want) - 1);
        }
        if (size == strlen (want) && memcmp (text, want, size) == 0) {
            return batch >= (unsigned) told[0];
        }
    }
    zloom_fail (ZLOOM_DAMAGED, "told were %d batches; it holds: %s", told[0], text);
    return false;
}

/* ---- a poller's file ------------------------------------------------------------------------- */

static zloom_err_t
s_run_reader (const char *folder)
{
    char path[256];
    char text[20000];
    size_t size = 0;
    zloom_reader_t *reader = NULL;
    for (unsigned i = 0; i < 60; i++) {
        size += (size_t) snprintf (text + size, sizeof text - size, "line %u %0*u\n", i,
                                   i % 7 == 3 ? 300 : 10, i);
    }
    s_write_file (folder, "in", text, size - 1); /* the last line has no end */
    snprintf (path, sizeof path, "%s/in", folder);
    subject_arm ();
    const zloom_reader_config_t config = {.line_bytes = 200};
    zloom_err_t err = zloom_reader_open (path, &config, &reader);
    int failures = 0;
    while (err == ZLOOM_OK && failures < TRIES) {
        zloom_bytes_t line = ZLOOM_BYTES_NULL;
        const zloom_err_t next = zloom_reader_next (reader, &line);
        if (next == ZLOOM_CLOSED) {
            break;
        }
        if (next != ZLOOM_OK && next != ZLOOM_TOO_BIG) {
            err = ++failures == TRIES ? next : ZLOOM_OK;
            continue;
        }
        char place[64];
        const int length = snprintf (place, sizeof place, "%s %llu %llu ", zloom_err_name (next),
                                     (unsigned long long) zloom_reader_place (reader).offset,
                                     (unsigned long long) zloom_reader_line (reader));
        subject_calm ();
        subject_say (zloom_bytes (place, (size_t) length));
        subject_say (line);
        subject_arm ();
    }
    zloom_reader_destroy (&reader);
    return err;
}

/* ---- a recipe's file ------------------------------------------------------------------------- */

static zloom_err_t
s_run_recipe (const char *folder)
{
    static const char text[] = "zloom: 1\nname: hello\nnodes:\n"
                               "  shout: {kind: worker, run: [tr, a-z, A-Z], io: exec}\n"
                               "flows:\n"
                               "  words: {pattern: queue, from: external, to: shout}\n";
    char path[256];
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_recipe_t *recipe = NULL;
    zloom_buf_t out = {0};
    s_write_file (folder, "r.yaml", text, sizeof text - 1);
    snprintf (path, sizeof path, "%s/r.yaml", folder);
    subject_arm ();
    const zloom_err_t err = zloom_recipe_load (path, zloom_registry (), NULL, diags, &recipe);
    subject_calm ();
    if (err == ZLOOM_OK) {
        (void) zloom_explain_flow (recipe, "words", &out);
    }
    subject_say (zloom_buf_bytes (&out));
    zloom_buf_fini (&out);
    zloom_recipe_destroy (&recipe);
    zloom_diags_destroy (&diags);
    return err;
}

/* ---- a child --------------------------------------------------------------------------------- */

static unsigned
s_open_descriptors (void)
{
    unsigned count = 0;
    DIR *folder = opendir ("/proc/self/fd");
    while (folder && readdir (folder)) {
        count++;
    }
    if (folder) {
        closedir (folder);
    }
    return count;
}

static void
s_keep_output (void *arg, zloom_bytes_t chunk)
{
    zloom_buf_add_bytes (arg, chunk);
}

static void
s_ignore (void *arg, zloom_bytes_t line)
{
    (void) arg;
    (void) line;
}

static zloom_err_t
s_talk (zloom_program_t *program, int epoll_fd, zloom_child_end_t *end)
{
    const int64_t until_ns = zloom_clock_now ().mono_ns + WAIT_NS;
    zloom_program_write (program, zloom_bytes_text ("hello\nchild\n"));
    zloom_program_close_input (program);
    while (!zloom_program_pump (program)) {
        struct epoll_event event;
        (void) epoll_wait (epoll_fd, &event, 1, 100);
        if (zloom_clock_now ().mono_ns > until_ns) {
            return zloom_fail (ZLOOM_TIMED_OUT, "the child never ended");
        }
    }
    zloom_program_end (program, end);
    return ZLOOM_OK;
}

static zloom_err_t
s_run_child (const char *folder)
{
    static const char *const argv[] = {"cat", NULL};
    zloom_buf_t output = {0};
    const zloom_program_config_t config = {.argv = argv,
                                           .cwd = folder,
                                           .input_fd = 0,
                                           .output_fd = 1,
                                           .output = s_keep_output,
                                           .said = s_ignore,
                                           .arg = &output};
    zloom_program_t *program = NULL;
    zloom_child_end_t end = {0};
    const int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    const unsigned before = s_open_descriptors ();
    subject_arm ();
    zloom_err_t err = zloom_program_start (&config, epoll_fd, &program);
    if (err == ZLOOM_OK) {
        err = s_talk (program, epoll_fd, &end);
        zloom_program_destroy (&program);
    }
    subject_calm ();
    if (s_open_descriptors () != before) {
        fprintf (stderr, "descriptors were left open\n");
        abort ();
    }
    if (waitpid (-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        fprintf (stderr, "a child was left behind\n");
        abort ();
    }
    if (err == ZLOOM_OK && (end.signal != 0 || end.exit != 0)) {
        char text[128];
        err = zloom_fail (ZLOOM_FAILED, "%s", zloom_child_end_text (&end, text));
    }
    if (err == ZLOOM_OK) {
        subject_say (zloom_buf_bytes (&output));
    }
    zloom_buf_fini (&output);
    return err;
}

const subject_t call_subjects[] = {
  {"output", s_run_output, s_output_is_whole},
  {"reader", s_run_reader, NULL},
  {"recipe", s_run_recipe, NULL},
  {"child", s_run_child, NULL},
};
const unsigned call_subject_count = sizeof call_subjects / sizeof *call_subjects;
