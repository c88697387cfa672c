/* SPDX-License-Identifier: MPL-2.0 */
/* Lints about the machine: programs, scripts, files, folders, sockets, as this one has them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recipes.h"
#include "support/folder.h"

static char s_dir[ZLOOM_FOLDER_BYTES];

static void
s_make_file (const char *name, mode_t mode)
{
    char *path = zloom_format ("%s/%s", s_dir, name);
    const int fd = open (path, O_CREAT | O_WRONLY, 0600);
    assert_true (fd >= 0);
    close (fd);
    assert_int_equal (chmod (path, mode), 0);
    free (path);
}

static int
s_set_up (void **state)
{
    (void) state;
    assert_true (zloom_folder_make (s_dir));
    s_make_file ("tool", 0700);
    s_make_file ("text", 0600);
    s_make_file ("there.py", 0600);
    char *folder = zloom_format ("%s/folder", s_dir);
    const int made = mkdir (folder, 0700);
    free (folder);
    return made;
}

static int
s_tear_down (void **state)
{
    (void) state;
    return zloom_folder_remove (s_dir) ? 0 : 1;
}

/* How often this code is said of a node, on this machine. */
static size_t
s_say (const char *code, const char *node)
{
    const zloom_recipe_options_t options = {.environment = true};
    const bool in = strstr (node, "poller") != NULL;
    const bool out = strstr (node, "sink") != NULL || strstr (node, "worker") != NULL;
    char *text =
      zloom_format ("zloom: 1\nname: t\nnodes: {n: %s}\nflows: {f: {pattern: queue, from: "
                    "%s, to: %s, dead_letter: d}, d: {pattern: queue, to: external}}\n",
                    node, in ? "n" : "external", out ? "n" : "external");
    loaded_t loaded = loaded_in (s_dir, text, &options);
    const size_t count = loaded_count (&loaded, code);
    const size_t errors = zloom_diags_errors (loaded.diags);
    if (errors > count) {
        zloom_buf_t said = {0};
        zloom_diags_text (loaded.diags, false, &said);
        fail_msg ("%s", zloom_buf_text (&said));
    }
    loaded_fini (&loaded);
    free (text);
    return count;
}

/* By path it is a file that may be executed; by name one of the PATH that the child will have. */
static void
s_programs_are_looked_for (void **state)
{
    (void) state;
    static const struct {
        const char *run;
        size_t said;
    } cases[] = {
      {"[./tool]", 0},
      {"[./text]", 1},   /* it may not be executed */
      {"[./folder]", 1}, /* nor may a folder */
      {"[./nothing]", 1},
      {"[sh]", 0},
      {"[tool]", 1}, /* PATH does not lead here */
      {"[no-such-program-anywhere]", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *node = zloom_format ("{kind: worker, run: %s}", cases[i].run);
        assert_int_equal (s_say ("Z0501", node), cases[i].said);
        free (node);
    }
    char *node =
      zloom_format ("{kind: worker, run: [tool], env: {X: y, PATH: \"/nowhere:%s\"}}", s_dir);
    assert_int_equal (s_say ("Z0501", node), 0);
    free (node);
    node = zloom_format ("{kind: worker, run: [sh], env: {PATH: \"%s\"}}", s_dir);
    assert_int_equal (s_say ("Z0501", node), 1);
    free (node);
    /* An actor's function is the embedding program's matter. */
    assert_int_equal (s_say ("Z0501", "{kind: worker, actor: work}"), 0);
}

/* Without PATH there is the one that execvp would take; an empty part of it is where we stand. */
static void
s_programs_are_looked_for_without_a_path (void **state)
{
    (void) state;
    char *before = zloom_strdup (getenv ("PATH"));
    assert_int_equal (unsetenv ("PATH"), 0);
    assert_int_equal (s_say ("Z0501", "{kind: worker, run: [sh]}"), 0);
    assert_int_equal (s_say ("Z0501", "{kind: worker, run: [tool]}"), 1);
    char *here = getcwd (NULL, 0);
    assert_int_equal (chdir (s_dir), 0);
    assert_int_equal (setenv ("PATH", "/nowhere:", 1), 0);
    assert_int_equal (s_say ("Z0501", "{kind: worker, run: [tool]}"), 0);
    assert_int_equal (chdir (here), 0);
    assert_int_equal (before ? setenv ("PATH", before, 1) : unsetenv ("PATH"), 0);
    free (here);
    free (before);
}

/* What looks like a script is one, unless it is an option or a piece of a program. */
static void
s_scripts_are_looked_for (void **state)
{
    (void) state;
    static const struct {
        const char *run;
        size_t said;
    } cases[] = {
      {"[sh, there.py]", 0},
      {"[sh, gone.py]", 1},
      {"[sh, -x, gone.py, later.py]", 1}, /* the first one is the script, others are its own */
      {"[sh, -gone.py]", 0},
      {"[sh, \"cat gone.py\"]", 0},
      {"[sh, \".py\"]", 0},
      {"[sh, /nowhere/gone.sh]", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *node = zloom_format ("{kind: worker, run: %s}", cases[i].run);
        assert_int_equal (s_say ("Z0506", node), cases[i].said);
        free (node);
    }
    assert_int_equal (s_say ("Z0506", "{kind: worker, run: [sh, there.py], cwd: folder}"), 1);
    char *node = zloom_format ("{kind: worker, run: [sh, %s/there.py], cwd: folder}", s_dir);
    assert_int_equal (s_say ("Z0506", node), 0);
    free (node);
}

static void
s_files_and_folders_are_looked_for (void **state)
{
    (void) state;
    assert_int_equal (s_say ("Z0502", "{kind: poller, file: {path: text}}"), 0);
    assert_int_equal (s_say ("Z0502", "{kind: poller, file: {path: gone}}"), 1);
    assert_int_equal (s_say ("Z0502", "{kind: poller, file: {path: gone, follow: true}}"), 0);
    assert_int_equal (s_say ("Z0504", "{kind: worker, run: [sh], cwd: folder}"), 0);
    assert_int_equal (s_say ("Z0504", "{kind: worker, run: [sh], cwd: gone}"), 1);
    assert_int_equal (s_say ("Z0504", "{kind: worker, run: [sh], cwd: text}"), 1);
    assert_int_equal (s_say ("Z0504", "{kind: sink, file: {path: folder/out}}"), 0);
    assert_int_equal (s_say ("Z0504", "{kind: sink, file: {path: gone/out}}"), 1);
    assert_int_equal (s_say ("Z0504", "{kind: sink, file: {path: text/out}}"), 1);
    assert_int_equal (s_say ("Z0504", "{kind: sink, file: {path: /zloom-test-out}}"),
                      access ("/", W_OK) == 0 ? 0 : 1);
    assert_int_equal (s_say ("Z0504", "{kind: sink, stdout: true}"), 0);
}

static bool
s_long_folder (void *arg, const char *name, char *folder, size_t size)
{
    assert_string_equal (name, "t");
    memset (folder, 'x', 120);
    folder[0] = '/';
    folder[120] = '\0';
    return size > 120 && *(const bool *) arg;
}

/* Only a router that listens on a local socket has a path, and only where that is known. */
static void
s_sockets_have_paths (void **state)
{
    (void) state;
    for (int known = 0; known < 2; known++) {
        for (int tcp = 0; tcp < 2; tcp++) {
            bool answer = known;
            const zloom_recipe_options_t options = {
              .environment = true, .socket_dir = s_long_folder, .socket_arg = &answer};
            char *text =
              zloom_format ("zloom: 1\nname: t\nnodes: {hub: {kind: router%s}}\n"
                            "flows: {f: {pattern: queue, from: external, to: external}}\n",
                            tcp ? ", listen: \"tcp://127.0.0.1:7000\"" : "");
            loaded_t loaded = loaded_with (text, &options);
            assert_int_equal (loaded_count (&loaded, "Z0503"), known && !tcp ? 1 : 0);
            loaded_fini (&loaded);
            free (text);
        }
    }
}

/* Where a router may listen: the text alone tells. */
static void
s_addresses_are_checked (void **state)
{
    (void) state;
    static const struct {
        const char *listen;
        bool good;
    } cases[] = {
      {"ipc", true},
      {"tcp://127.0.0.1:1", true},
      {"tcp://127.0.0.1:65535", true},
      {"tcp://[::1]:7000", true},
      {"tcp://127.0.0.1:0", false},
      {"tcp://127.0.0.1:65536", false},
      {"tcp://127.0.0.1:", false},
      {"tcp://127.0.0.1:+7", false},
      {"tcp://127.0.0.1:x", false},
      {"tcp://127.0.0.1:7x", false},
      {"tcp://127.0.0.1:/7", false},
      {"udp://127.0.0.1:7000", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text =
          zloom_format ("zloom: 1\nname: t\nnodes: {hub: {kind: router, listen: \"%s\"}}\n"
                        "flows: {f: {pattern: queue, from: external, to: external}}\n",
                        cases[i].listen);
        loaded_t loaded = loaded_from (text);
        if ((loaded.err == ZLOOM_OK) != cases[i].good) {
            fail_msg ("listen: %s is %s", cases[i].listen, cases[i].good ? "refused" : "taken");
        }
        loaded_fini (&loaded);
        free (text);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_programs_are_looked_for),
      cmocka_unit_test (s_programs_are_looked_for_without_a_path),
      cmocka_unit_test (s_scripts_are_looked_for),
      cmocka_unit_test (s_files_and_folders_are_looked_for),
      cmocka_unit_test (s_sockets_have_paths),
      cmocka_unit_test (s_addresses_are_checked),
    };
    return cmocka_run_group_tests (tests, s_set_up, s_tear_down);
}
