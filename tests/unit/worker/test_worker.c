/* SPDX-License-Identifier: MPL-2.0 */
/* A worker as an actor where no router is: what it says when it cannot start, and that it stops. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <czmq.h>

#include "nodes/worker/worker.h"
#include "patterns/registry.h"

typedef struct {
    char folder[64];
    zloom_diags_t *diags;
    zloom_recipe_t *recipe;
    zloom_node_args_t args;
} s_case_t;

static void
s_open (s_case_t *self, const char *run)
{
    *self = (s_case_t){.folder = "/tmp/zloom-worker-XXXXXX"};
    assert_non_null (mkdtemp (self->folder));
    zloom_buf_t text = {0};
    zloom_buf_printf (
      &text,
      "zloom: 1\nname: t\n"
      "nodes:\n  work: {kind: worker, run: %s, io: lines}\n"
      "flows:\n  in: {pattern: queue, from: external, to: work, dead_letter: dead}\n"
      "  dead: {pattern: queue, to: external}\n",
      run);
    self->diags = zloom_diags_new ();
    assert_int_equal (zloom_recipe_load_text ("t.yaml", self->folder, zloom_buf_bytes (&text),
                                              zloom_registry (), NULL, self->diags, &self->recipe),
                      ZLOOM_OK);
    zloom_buf_fini (&text);
    self->args = (zloom_node_args_t){.recipe = self->recipe,
                                     .node = zloom_recipe_node (self->recipe, "work"),
                                     .name = "work",
                                     .state_dir = self->folder,
                                     .runtime_dir = self->folder,
                                     .ready_fd = -1,
                                     .stop_fd = -1,
                                     .drain_ns = 1000000000};
}

static void
s_close (s_case_t *self)
{
    zloom_recipe_destroy (&self->recipe);
    zloom_diags_destroy (&self->diags);
    assert_int_equal (rmdir (self->folder), 0);
}

static void
a_script_that_is_not_there_is_told (void **state)
{
    (void) state;
    s_case_t self;
    s_open (&self, "[python3, nowhere.py]");
    zactor_t *actor = zactor_new (zloom_worker_actor, &self.args);
    assert_non_null (actor);
    zmsg_t *told = zmsg_recv (actor);
    assert_non_null (told);
    char *word = zmsg_popstr (told);
    char *code = zmsg_popstr (told);
    char *note = zmsg_popstr (told);
    assert_string_equal (word, "$FAILED");
    assert_string_equal (code, "NO_PROGRAM");
    assert_non_null (strstr (note, "script 'nowhere.py' for python3 is not there"));
    free (word);
    free (code);
    free (note);
    zmsg_destroy (&told);
    zactor_destroy (&actor);
    s_close (&self);
}

/* Options, other programs and scripts with a path of their own are left alone. */
static void
it_stops_while_it_waits_for_a_router (void **state)
{
    (void) state;
    static const char *const runs[] = {"[python3, -c, pass]", "[cat, nowhere.py]",
                                       "[shuffle, nowhere.py]", "[sh, /etc/hostname]"};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        s_case_t self;
        int stop[2];
        s_open (&self, runs[i]);
        assert_int_equal (pipe (stop), 0);
        close (stop[1]);
        self.args.stop_fd = stop[0];
        assert_int_equal (zloom_worker_run (&self.args), ZLOOM_OK);
        close (stop[0]);
        s_close (&self);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (a_script_that_is_not_there_is_told),
      cmocka_unit_test (it_stops_while_it_waits_for_a_router),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
