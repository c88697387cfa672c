/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The supervisor with real processes: each node is a shell script that writes what it does into a
 * journal of the test. Order of start and stop, restart, a node that is never ready, one that
 * cannot run, the watch's words about the dead, draining when idle.
 */
#include "launch/supervisor.h"

#include "patterns/registry.h"
#include "recipe/diag.h"
#include "support/folder.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char s_recipe_text[] =
  "zloom: 1\n"
  "name: test\n"
  "nodes:\n"
  "  router: {kind: router, restart: {budget: 0}}\n"
  "  in:   {kind: poller, file: {path: /dev/null}}\n"
  "  work: {kind: worker, run: [cat], io: lines, replicas: 2,\n"
  "         restart: {backoff: [10ms], budget: 2, within: 1m}}\n"
  "  out:  {kind: sink, stdout: true}\n"
  "flows:\n"
  "  todo: {pattern: queue, from: in, to: work, dead_letter: dl}\n"
  "  done: {pattern: queue, from: work, to: out, dead_letter: dl}\n"
  "  dl:   {pattern: queue, to: external}\n";

static const char s_edge_text[] =
  "zloom: 1\n"
  "name: test\n"
  "nodes:\n"
  "  router: {kind: router, restart: {budget: 0}}\n"
  "  edge: {kind: forwarder, of: router, restart: {backoff: [10ms], budget: 2, within: 1m}}\n"
  "  out:  {kind: sink, stdout: true}\n"
  "flows:\n"
  "  news: {pattern: bus, from: external, to: {out: {through: edge, durable: false}}}\n";

/* The script is `zloom node RECIPE NAME --replica N …`: $3 is the name, $5 the replica. */
static const char s_script_head[] = "#!/bin/sh\n"
                                    "log () { echo \"$1\" >> $HERE/journal; }\n"
                                    "me=$3.$5\n"
                                    "trap 'log \"stop $me\"; exit 0' TERM\n"
                                    "log \"start $me\"\n"
                                    "ready () { log \"ready $me\"; echo >&3; }\n"
                                    "wait_for_end () { while :; do read x < $HERE/never; done; }\n";

typedef struct {
    char folder[ZLOOM_FOLDER_BYTES];
    char exe[128];
    int stop[2];
    zloom_recipe_t *recipe;
    zloom_paths_t paths;
    const char *until; /* the stopper waits for this text in the journal */
    int times;         /* that often */
    char gone[256];    /* what the watch was told */
    bool idle;
    bool elsewhere; /* the router runs on another host */
    int64_t grace_ns;
} s_fixture_t;

static char *
s_journal (const s_fixture_t *self)
{
    static char text[8192];
    char path[128];
    (void) snprintf (path, sizeof path, "%s/journal", self->folder);
    FILE *in = fopen (path, "re");
    size_t size = in ? fread (text, 1, sizeof text - 1, in) : 0;
    text[size] = 0;
    if (in) {
        (void) fclose (in);
    }
    return text;
}

static int
s_count (const char *text, const char *what)
{
    int count = 0;
    for (const char *at = text; (at = strstr (at, what)); at++) {
        count++;
    }
    return count;
}

static void
s_setup_with (s_fixture_t *self, const char *recipe, const char *script)
{
    *self = (s_fixture_t){.times = 1, .grace_ns = 10 * ZLOOM_NS_PER_S};
    assert_true (zloom_folder_make (self->folder));
    setenv ("HERE", self->folder, 1);
    (void) snprintf (self->exe, sizeof self->exe, "%s/exe", self->folder);
    FILE *out = fopen (self->exe, "we");
    assert_non_null (out);
    fputs (s_script_head, out);
    fputs (script, out);
    (void) fclose (out);
    assert_int_equal (chmod (self->exe, 0700), 0);
    char never[128];
    (void) snprintf (never, sizeof never, "%s/never", self->folder);
    assert_int_equal (mkfifo (never, 0600), 0);
    assert_int_equal (pipe2 (self->stop, O_CLOEXEC | O_NONBLOCK), 0);
    zloom_diags_t *diags = zloom_diags_new ();
    zloom_err_t err = zloom_recipe_load_text ("test.yaml", NULL, zloom_bytes_text (recipe),
                                              zloom_registry (), NULL, diags, &self->recipe);
    if (err != ZLOOM_OK) {
        zloom_buf_t text = {0};
        zloom_diags_text (diags, false, &text);
        fail_msg ("%s", zloom_buf_text (&text));
    }
    zloom_diags_destroy (&diags);
    assert_int_equal (zloom_paths_find ("test", self->folder, &self->paths), ZLOOM_OK);
    assert_int_equal (zloom_paths_make (&self->paths), ZLOOM_OK);
}

static void
s_setup (s_fixture_t *self, const char *script)
{
    s_setup_with (self, s_recipe_text, script);
}

static void
s_teardown (s_fixture_t *self)
{
    zloom_recipe_destroy (&self->recipe);
    close (self->stop[0]);
    close (self->stop[1]);
    assert_true (zloom_folder_remove (self->folder));
}

/* Ask for the stop once the journal says what was waited for, or after ten seconds. */
static void *
s_stopper (void *arg)
{
    s_fixture_t *self = arg;
    for (int i = 0; i < 1000 && s_count (s_journal (self), self->until) < self->times; i++) {
        (void) poll (NULL, 0, 10);
    }
    if (write (self->stop[1], "s", 1) != 1) {
        abort ();
    }
    return NULL;
}

static int
s_watch_fd (void *arg)
{
    (void) arg;
    return -1;
}

static int64_t
s_watch_dispatch (void *arg, int64_t mono_ns)
{
    (void) arg;
    return mono_ns + 10 * ZLOOM_NS_PER_MS;
}

static void
s_watch_ready (void *arg, int64_t mono_ns)
{
    (void) arg;
    (void) mono_ns;
}

static void
s_watch_gone (void *arg, const char *unit, const uint8_t nonce[16], const zloom_child_end_t *end,
              const char *last_words)
{
    s_fixture_t *self = arg;
    uint8_t any = 0;
    for (size_t i = 0; i < 16; i++) {
        any |= nonce[i];
    }
    (void) snprintf (self->gone, sizeof self->gone, "%s exit=%d nonce=%s words=%s", unit, end->exit,
                     any ? "yes" : "no", last_words);
}

static bool
s_watch_idle (void *arg)
{
    return ((s_fixture_t *) arg)->idle;
}

static void
s_watch_rest (void *arg)
{
    (void) arg;
}

static bool
s_not_the_router (void *arg, const char *node)
{
    (void) arg;
    return strcmp (node, "router") != 0;
}

static zloom_err_t
s_run (s_fixture_t *self, bool until_idle)
{
    zloom_watch_t watch = {self,         s_watch_fd,   s_watch_dispatch, s_watch_ready,
                           s_watch_gone, s_watch_idle, s_watch_rest,     NULL,
                           NULL,         NULL};
    const zloom_plan_here_t here = {s_not_the_router, self};
    zloom_supervisor_config_t config = {.recipe = self->recipe,
                                        .here = self->elsewhere ? &here : NULL,
                                        .paths = &self->paths,
                                        .exe = self->exe,
                                        .recipe_path = "/test.yaml",
                                        .ready_fd = -1,
                                        .stop_fd = self->stop[0],
                                        .ready_limit_ns = 1 * ZLOOM_NS_PER_S,
                                        .grace_ns = self->grace_ns,
                                        .until_idle = until_idle,
                                        .adopts = true,
                                        .watch = &watch};
    pthread_t thread = 0;
    if (self->until) {
        assert_int_equal (pthread_create (&thread, NULL, s_stopper, self), 0);
    }
    zloom_err_t err = zloom_supervisor_run (&config);
    if (self->until) {
        pthread_join (thread, NULL);
    }
    return err;
}

/* Whether `a` stands in the journal before `b`. */
static bool
s_before (const char *journal, const char *a, const char *b)
{
    const char *first = strstr (journal, a);
    const char *second = strstr (journal, b);
    return first && second && first < second;
}

static void
supervisor_starts_and_stops_in_order (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "ready; wait_for_end\n");
    self.until = "ready in.1";
    assert_int_equal (s_run (&self, false), ZLOOM_OK);
    const char *journal = s_journal (&self);
    assert_true (s_before (journal, "ready router.1", "start out.1"));
    assert_true (s_before (journal, "ready out.1", "start work.1"));
    assert_true (s_before (journal, "ready out.1", "start work.2"));
    assert_true (s_before (journal, "ready work.1", "start in.1"));
    assert_true (s_before (journal, "ready work.2", "start in.1"));
    assert_true (s_before (journal, "stop in.1", "stop work.1"));
    assert_true (s_before (journal, "stop work.2", "stop out.1"));
    assert_true (s_before (journal, "stop out.1", "stop router.1"));
    s_teardown (&self);
}

static void
supervisor_restarts_and_tells_of_the_dead (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "ready\n"
                    "if [ $me = work.2 ] && [ ! -e $HERE/died ]; then\n"
                    "  : > $HERE/died; echo 'last words' >&2; exit 3\n"
                    "fi\n"
                    "wait_for_end\n");
    self.until = "ready work.2";
    self.times = 2;
    assert_int_equal (s_run (&self, false), ZLOOM_OK);
    assert_string_equal (self.gone, "work.2 exit=3 nonce=yes words=last words\n");
    assert_int_equal (s_count (s_journal (&self), "start work.2"), 2);
    assert_int_equal (s_count (s_journal (&self), "start work.1"), 1);
    s_teardown (&self);
}

static void
supervisor_gives_up_after_the_budget (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "[ $me = work.1 ] && exit 1\nready; wait_for_end\n");
    assert_int_equal (s_run (&self, false), ZLOOM_CHILD);
    assert_non_null (
      strstr (zloom_note (), "node 'work.1' could not be kept running: exit code 1"));
    assert_int_equal (s_count (s_journal (&self), "start work.1"), 3);
    assert_int_equal (s_count (s_journal (&self), "stop router.1"), 1);
    s_teardown (&self);
}

/* Its router, which it is of, has a budget of none. */
static void
supervisor_restarts_an_edge_as_its_own_words_say (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup_with (&self, s_edge_text, "[ $me = edge.1 ] && exit 1\nready; wait_for_end\n");
    assert_int_equal (s_run (&self, false), ZLOOM_CHILD);
    assert_int_equal (s_count (s_journal (&self), "start edge.1"), 3);
    s_teardown (&self);
}

static void
supervisor_tells_a_wrong_recipe_from_a_dying_node (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "[ $me = router.1 ] && exit 78\nready; wait_for_end\n");
    assert_int_equal (s_run (&self, false), ZLOOM_RECIPE);
    assert_int_equal (s_count (s_journal (&self), "start router.1"), 1);
    s_teardown (&self);
}

static void
supervisor_kills_what_never_gets_ready (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "[ $me = router.1 ] && { trap '' TERM; wait_for_end; }\nready\n");
    assert_int_equal (s_run (&self, false), ZLOOM_CHILD);
    assert_non_null (strstr (zloom_note (), "signal 9"));
    assert_int_equal (s_count (s_journal (&self), "start out"), 0);
    s_teardown (&self);
}

/* They have to find it first, and it comes when it comes. */
static void
supervisor_gives_nodes_of_a_router_elsewhere_their_time (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "[ $me = out.1 ] && timeout 1.5 tail -f /dev/null\nready; wait_for_end\n");
    self.elsewhere = true;
    self.until = "ready in.1";
    assert_int_equal (s_run (&self, false), ZLOOM_OK);
    assert_int_equal (s_count (s_journal (&self), "start router.1"), 0);
    assert_int_equal (s_count (s_journal (&self), "start out.1"), 1);
    s_teardown (&self);
}

/* A worker that will not go is killed when its time is over; those after it drain in peace. */
static void
supervisor_kills_what_will_not_stop (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "[ $me = work.1 ] && trap '' TERM\nready; wait_for_end\n");
    self.until = "ready in.1";
    self.grace_ns = 200 * ZLOOM_NS_PER_MS;
    assert_int_equal (s_run (&self, false), ZLOOM_TIMED_OUT);
    assert_non_null (strstr (zloom_note (), "1 nodes had not stopped in time"));
    assert_int_equal (s_count (s_journal (&self), "stop work.2"), 1);
    assert_int_equal (s_count (s_journal (&self), "stop out.1"), 1);
    assert_int_equal (s_count (s_journal (&self), "stop router.1"), 1);
    s_teardown (&self);
}

/* "" when there is no such file. */
static void
s_first_line (const char *folder, const char *name, char line[64])
{
    char path[192];
    (void) snprintf (path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen (path, "re");
    if (!in || !fgets (line, 64, in)) {
        line[0] = 0;
    }
    if (in) {
        (void) fclose (in);
    }
}

/*
 * A worker runs a program, in a group of its own and with a parent-death signal, and that has
 * started another one. When the worker is killed, all of it goes.
 */
static void
supervisor_ends_what_a_killed_node_leaves_behind (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "if [ $me = work.1 ] && [ ! -e $HERE/grandchild ]; then\n"
                    "  setsid setpriv --pdeathsig KILL sh -c 'cat $HERE/never &\n"
                    "    echo $! > $HERE/grandchild; wait' &\n"
                    "  until [ -s $HERE/grandchild ]; do :; done\n"
                    "  ready; kill -9 $$\n"
                    "fi\n"
                    "ready; wait_for_end\n");
    self.until = "ready work.1";
    self.times = 2;
    assert_int_equal (s_run (&self, false), ZLOOM_OK);
    char line[64];
    s_first_line (self.folder, "grandchild", line);
    const long grandchild = strtol (line, NULL, 10);
    assert_true (grandchild > 1);
    char folder[64];
    (void) snprintf (folder, sizeof folder, "/proc/%ld", grandchild);
    s_first_line (folder, "cmdline", line); /* a zombie has none */
    if (line[0]) {
        (void) kill ((pid_t) grandchild, SIGKILL);
        fail_msg ("process %ld is still there: %s", grandchild, line);
    }
    s_teardown (&self);
}

static void
supervisor_drains_when_idle (void **state)
{
    (void) state;
    s_fixture_t self;
    s_setup (&self, "ready\n[ $me = in.1 ] && exit 0\nwait_for_end\n");
    self.idle = true;
    assert_int_equal (s_run (&self, true), ZLOOM_OK);
    assert_int_equal (s_count (s_journal (&self), "start in.1"), 1);
    assert_int_equal (s_count (s_journal (&self), "stop router.1"), 1);
    s_teardown (&self);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (supervisor_starts_and_stops_in_order),
      cmocka_unit_test (supervisor_restarts_and_tells_of_the_dead),
      cmocka_unit_test (supervisor_gives_up_after_the_budget),
      cmocka_unit_test (supervisor_restarts_an_edge_as_its_own_words_say),
      cmocka_unit_test (supervisor_tells_a_wrong_recipe_from_a_dying_node),
      cmocka_unit_test (supervisor_kills_what_never_gets_ready),
      cmocka_unit_test (supervisor_gives_nodes_of_a_router_elsewhere_their_time),
      cmocka_unit_test (supervisor_kills_what_will_not_stop),
      cmocka_unit_test (supervisor_ends_what_a_killed_node_leaves_behind),
      cmocka_unit_test (supervisor_drains_when_idle),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
