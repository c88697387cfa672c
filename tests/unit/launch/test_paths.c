/* SPDX-License-Identifier: MPL-2.0 */
/* Where a topology lives, and that one process at a time holds it. */
#include "launch/paths.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/folder.h"

static char s_base[ZLOOM_FOLDER_BYTES];

static int
s_setup (void **state)
{
    (void) state;
    return zloom_folder_make (s_base) ? 0 : -1;
}

static int
s_teardown (void **state)
{
    (void) state;
    return zloom_folder_remove (s_base) ? 0 : -1;
}

static void
paths_follow_the_name_and_xdg (void **state)
{
    (void) state;
    zloom_paths_t paths;
    setenv ("XDG_STATE_HOME", "/s", 1);
    setenv ("XDG_RUNTIME_DIR", "/r", 1);
    assert_int_equal (zloom_paths_find ("orders", NULL, &paths), ZLOOM_OK);
    assert_string_equal (paths.state, "/s/zloom/orders");
    assert_string_equal (paths.runtime, "/r/zloom/orders");
    unsetenv ("XDG_STATE_HOME");
    unsetenv ("XDG_RUNTIME_DIR");
    setenv ("HOME", "/h", 1);
    assert_int_equal (zloom_paths_find ("orders", NULL, &paths), ZLOOM_OK);
    assert_string_equal (paths.state, "/h/.local/state/zloom/orders");
    char runtime[64];
    (void) snprintf (runtime, sizeof runtime, "/tmp/zloom-%u/orders", (unsigned) getuid ());
    assert_string_equal (paths.runtime, runtime);
    unsetenv ("HOME");
    assert_int_equal (zloom_paths_find ("orders", NULL, &paths), ZLOOM_INVALID);
    assert_non_null (strstr (zloom_note (), "--state"));
}

static void
paths_of_a_state_folder_are_absolute (void **state)
{
    (void) state;
    zloom_paths_t paths;
    assert_int_equal (zloom_paths_find ("orders", "/var/x", &paths), ZLOOM_OK);
    assert_string_equal (paths.state, "/var/x");
    assert_string_equal (paths.runtime, "/var/x/run");
    assert_int_equal (chdir ("/"), 0);
    assert_int_equal (zloom_paths_find ("orders", "x", &paths), ZLOOM_OK);
    assert_string_equal (paths.runtime, "/x/run");
}

static void
paths_are_held_by_one_process (void **state)
{
    (void) state;
    zloom_paths_t paths;
    char folder[128];
    (void) snprintf (folder, sizeof folder, "%s/held", s_base);
    assert_int_equal (zloom_paths_find ("orders", folder, &paths), ZLOOM_OK);
    assert_int_equal (zloom_paths_running (&paths), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_paths_make (&paths), ZLOOM_OK);
    struct stat info;
    assert_int_equal (stat (paths.runtime, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0700);
    int lock = -1;
    assert_int_equal (zloom_paths_lock (&paths, &lock), ZLOOM_OK);
    assert_int_equal (zloom_paths_running (&paths), ZLOOM_OK);
    int second = -1;
    assert_int_equal (zloom_paths_lock (&paths, &second), ZLOOM_LOCKED);
    char pid[32];
    (void) snprintf (pid, sizeof pid, "process %d", (int) getpid ());
    assert_non_null (strstr (zloom_note (), pid));
    zloom_endpoints_t endpoints;
    assert_int_equal (zloom_paths_read_endpoints (&paths, &endpoints), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_paths_write_endpoint (&paths, "ipc:///x/router.sock"), ZLOOM_OK);
    assert_int_equal (zloom_paths_read_endpoints (&paths, &endpoints), ZLOOM_OK);
    assert_int_equal (endpoints.count, 1);
    assert_string_equal (endpoints.items[0], "ipc:///x/router.sock");
    assert_int_equal (zloom_paths_write_endpoint (&paths, "ipc:///x/a\nipc:///x/b"), ZLOOM_OK);
    assert_int_equal (zloom_paths_read_endpoints (&paths, &endpoints), ZLOOM_OK);
    assert_int_equal (endpoints.count, 2);
    assert_string_equal (endpoints.items[0], "ipc:///x/a");
    assert_string_equal (endpoints.items[1], "ipc:///x/b");
    close (lock);
    assert_int_equal (zloom_paths_running (&paths), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_paths_read_endpoints (&paths, &endpoints), ZLOOM_NOT_RUNNING);
    assert_int_equal (zloom_paths_lock (&paths, &second), ZLOOM_OK);
    close (second);
}

static void
paths_that_others_may_enter_are_refused (void **state)
{
    (void) state;
    zloom_paths_t paths;
    char folder[128];
    (void) snprintf (folder, sizeof folder, "%s/open", s_base);
    assert_int_equal (zloom_paths_find ("orders", folder, &paths), ZLOOM_OK);
    assert_int_equal (zloom_paths_make (&paths), ZLOOM_OK);
    assert_int_equal (chmod (paths.runtime, 0777), 0);
    assert_int_equal (zloom_paths_make (&paths), ZLOOM_FORBIDDEN);
    assert_non_null (strstr (zloom_note (), paths.runtime));
}

static void
paths_find_the_only_topology (void **state)
{
    (void) state;
    char runtime[128];
    char name[64];
    (void) snprintf (runtime, sizeof runtime, "%s/runtime", s_base);
    setenv ("XDG_RUNTIME_DIR", runtime, 1);
    setenv ("HOME", s_base, 1);
    assert_int_equal (zloom_paths_only (name, sizeof name, ""), ZLOOM_NOT_RUNNING);
    int locks[2];
    const char *const names[] = {"one", "two"};
    for (size_t i = 0; i < 2; i++) {
        zloom_paths_t paths;
        assert_int_equal (zloom_paths_find (names[i], NULL, &paths), ZLOOM_OK);
        assert_int_equal (zloom_paths_make (&paths), ZLOOM_OK);
        assert_int_equal (zloom_paths_lock (&paths, &locks[i]), ZLOOM_OK);
        zloom_err_t err = zloom_paths_only (name, sizeof name, "");
        assert_int_equal (err, i == 0 ? ZLOOM_OK : ZLOOM_INVALID);
    }
    assert_non_null (strstr (zloom_note (), "two"));
    assert_non_null (strstr (zloom_note (), "name one: "));
    close (locks[1]);
    assert_int_equal (zloom_paths_only (name, sizeof name, ""), ZLOOM_OK);
    assert_string_equal (name, "one");
    close (locks[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (paths_follow_the_name_and_xdg),
      cmocka_unit_test (paths_of_a_state_folder_are_absolute),
      cmocka_unit_test (paths_are_held_by_one_process),
      cmocka_unit_test (paths_that_others_may_enter_are_refused),
      cmocka_unit_test (paths_find_the_only_topology),
    };
    return cmocka_run_group_tests (tests, s_setup, s_teardown);
}
