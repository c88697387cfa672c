/* SPDX-License-Identifier: MPL-2.0 */
/* harness.c - see harness.h. */
#include "harness.h"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_BYTES (256u * 1024)
/* A child that takes longer hangs. */
#define SECONDS_MOST 60u

enum { EXIT_SAME = 0, EXIT_CLEAN = 10, EXIT_ERROR = 11, EXIT_BROKEN = 12, EXIT_LIBRARY = 13 };

/* ---- the child ------------------------------------------------------------------------------- */

static const harness_t *s_harness;
static int s_results; /* where subject_say writes */

void
subject_say (zloom_bytes_t bytes)
{
    size_t at = 0;
    while (at < bytes.size) {
        const ssize_t n = write (s_results, bytes.data + at, bytes.size - at);
        if (n <= 0) {
            _exit (EXIT_BROKEN);
        }
        at += (size_t) n;
    }
}

void
subject_arm (void)
{
    s_harness->count (true);
}

void
subject_calm (void)
{
    s_harness->count (false);
}

/* Who ended the process: a library, or our own code, which goes on to end as it would have. */
static void
s_on_crash (int signal)
{
    static void *frames[32];
    const int count = backtrace (frames, 32);
    Dl_info own;
    (void) dladdr ((void *) (uintptr_t) s_on_crash, &own);
    for (int i = 1; i < count; i++) {
        Dl_info info;
        if (dladdr (frames[i], &info) == 0 || strstr (info.dli_fname, "libc.so")) {
            continue;
        }
        if (info.dli_fbase == own.dli_fbase) {
            break;
        }
        fprintf (stderr, "signal %d in %s: %s\n", signal, info.dli_fname,
                 info.dli_sname ? info.dli_sname : "?");
        _exit (EXIT_LIBRARY);
    }
    raise (signal);
}

static void __attribute__ ((noreturn))
s_child (const subject_t *subject, const char *folder, long nth, int results, int said)
{
    const struct rlimit no_core = {0, 0};
    (void) setrlimit (RLIMIT_CORE, &no_core);
    (void) dup2 (said, STDERR_FILENO);
    (void) alarm (SECONDS_MOST);
    const struct sigaction crash = {.sa_handler = s_on_crash, .sa_flags = (int) SA_RESETHAND};
    void *frame;
    (void) backtrace (&frame, 1); /* it loads what it needs at the first call */
    (void) sigaction (SIGSEGV, &crash, NULL);
    (void) sigaction (SIGABRT, &crash, NULL);
    s_results = results;
    s_harness->arm (nth);
    const zloom_err_t err = subject->run (folder);
    subject_calm ();
    if (err != ZLOOM_OK) {
        const char *note = zloom_note ();
        fprintf (stderr, "error: %s: %s\n", zloom_err_name (err), note);
        _exit (note[0] ? EXIT_ERROR : EXIT_BROKEN);
    }
    _exit (s_harness->met () ? EXIT_SAME : EXIT_CLEAN);
}

/* ---- the parent ------------------------------------------------------------------------------ */

typedef struct {
    int status;
    char results[TEXT_BYTES];
    size_t result_bytes;
    char said[TEXT_BYTES];
} outcome_t;

static char s_root[64];

static void
s_remove (const char *path)
{
    DIR *folder = opendir (path);
    struct dirent *entry;
    while (folder && (entry = readdir (folder))) {
        char name[1024];
        if (entry->d_name[0] != '.') {
            snprintf (name, sizeof name, "%s/%s", path, entry->d_name);
            if (unlink (name) != 0) {
                s_remove (name);
            }
        }
    }
    if (folder) {
        closedir (folder);
    }
    (void) rmdir (path);
}

/* What was written to a file, as a text that ends with NUL. */
static size_t
s_read_back (FILE *file, char *text)
{
    rewind (file);
    const size_t size = fread (text, 1, TEXT_BYTES - 1, file);
    text[size] = 0;
    return size;
}

static void
s_run (const subject_t *subject, const char *folder, long nth, outcome_t *outcome)
{
    FILE *results = tmpfile ();
    FILE *said = tmpfile ();
    if (!results || !said) {
        perror ("tmpfile");
        exit (EXIT_FAILURE);
    }
    const pid_t pid = fork ();
    if (pid == 0) {
        s_child (subject, folder, nth, fileno (results), fileno (said));
    }
    if (pid < 0 || waitpid (pid, &outcome->status, 0) != pid) {
        perror ("fork");
        exit (EXIT_FAILURE);
    }
    outcome->result_bytes = s_read_back (results, outcome->results);
    (void) s_read_back (said, outcome->said);
    fclose (results);
    fclose (said);
}

/* In a process of its own: it may have threads, and this one has to go on forking. */
static bool
s_is_whole (const subject_t *subject, const char *folder)
{
    if (!subject->whole) {
        return true;
    }
    int status = 0;
    const pid_t pid = fork ();
    if (pid == 0) {
        (void) alarm (SECONDS_MOST);
        const bool whole = subject->whole (folder);
        if (!whole) {
            fprintf (stderr, "not whole: %s\n", zloom_note ());
        }
        _exit (whole ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return pid > 0 && waitpid (pid, &status, 0) == pid && status == 0;
}

static bool
s_says_memory (const char *said)
{
    return strstr (said, "zloom: out of memory: ") != NULL;
}

static bool
s_is_good (const outcome_t *clean, const outcome_t *outcome)
{
    if (WIFSIGNALED (outcome->status)) {
        return s_harness->may_end && WTERMSIG (outcome->status) == SIGABRT &&
               s_says_memory (outcome->said);
    }
    switch (WEXITSTATUS (outcome->status)) {
    case EXIT_SAME:
    case EXIT_CLEAN:
        return outcome->result_bytes == clean->result_bytes &&
               memcmp (outcome->results, clean->results, clean->result_bytes) == 0;
    case EXIT_ERROR:
        return true;
    case EXIT_LIBRARY:
        return s_harness->may_end;
    default:
        return false;
    }
}

static int
s_loop (const subject_t *subject, long from)
{
    static outcome_t clean;
    static outcome_t outcome;
    long errors = 0, aborts = 0, same = 0, foreign = 0, bad = 0, nth = from;
    char folder[128];
    snprintf (folder, sizeof folder, "%s/clean", s_root);
    (void) mkdir (folder, 0700);
    s_run (subject, folder, -1, &clean);
    if (WEXITSTATUS (clean.status) != EXIT_CLEAN || clean.result_bytes == 0) {
        fprintf (stderr, "%s: the clean run: status %d, %zu bytes, %s\n", subject->name,
                 clean.status, clean.result_bytes, clean.said);
        return EXIT_FAILURE;
    }
    for (bool met = true; met && bad < 10; nth++) {
        snprintf (folder, sizeof folder, "%s/%ld", s_root, nth);
        (void) mkdir (folder, 0700);
        s_run (subject, folder, nth, &outcome);
        met = !WIFEXITED (outcome.status) || WEXITSTATUS (outcome.status) != EXIT_CLEAN;
        if (!s_is_good (&clean, &outcome) || !s_is_whole (subject, folder)) {
            fprintf (stderr, "%s: call %ld: status 0x%x, %zu bytes of results, said: %s\n",
                     subject->name, nth, (unsigned) outcome.status, outcome.result_bytes,
                     outcome.said);
            bad++;
        }
        aborts += WIFSIGNALED (outcome.status);
        errors += WIFEXITED (outcome.status) && WEXITSTATUS (outcome.status) == EXIT_ERROR;
        same += WIFEXITED (outcome.status) && WEXITSTATUS (outcome.status) == EXIT_SAME;
        foreign += WIFEXITED (outcome.status) && WEXITSTATUS (outcome.status) == EXIT_LIBRARY;
        s_remove (folder);
    }
    printf ("%s: %ld calls failed: %ld aborts with a message, %ld errors, %ld that changed "
            "nothing, %ld ends by a library, %ld bad\n",
            subject->name, nth - from - 1, aborts, errors, same, foreign, bad);
    /* A loop that never met a call would show nothing. */
    return bad > 0 || nth - from < 3 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
harness_main (const harness_t *harness, int argc, char **argv)
{
    const long from = argc > 2 ? strtol (argv[2], NULL, 10) : 1;
    int result = 2;
    s_harness = harness;
    /* In memory if there is such a place: nothing here is about how fast the disk is. */
    snprintf (s_root, sizeof s_root, "%s/zloom-faults-XXXXXX",
              access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp (s_root)) {
        perror (s_root);
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; argc > 1 && i < *harness->subject_count; i++) {
        if (strcmp (harness->subjects[i].name, argv[1]) == 0) {
            result = s_loop (&harness->subjects[i], from);
        }
    }
    s_remove (s_root);
    if (result == 2) {
        fprintf (stderr, "usage: %s SUBJECT [FIRST]\n", argv[0]);
    }
    return result;
}
