/* SPDX-License-Identifier: MPL-2.0 */
#include "net/endpoint.h"
#include "unit/net/place.h"

static void
test_known_ones_pass (void **state)
{
    (void) state;
    static const char *const good[] = {"ipc:///run/zloom/router.sock",
                                       "tcp://127.0.0.1:5555",
                                       "tcp://127.1.2.3:0",
                                       "tcp://[::1]:65535",
                                       "tcp://localhost:*",
                                       "inproc://router"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal (zloom_endpoint_check (good[i]), ZLOOM_OK);
    }
}

static void
test_others_are_refused_with_a_reason (void **state)
{
    (void) state;
    static const struct {
        const char *endpoint;
        zloom_err_t err;
        const char *note;
    } bad[] = {
      {NULL, ZLOOM_INVALID, "ipc://PATH"},
      {"", ZLOOM_INVALID, "ipc://PATH"},
      {"ipc://", ZLOOM_INVALID, "absolute"},
      {"ipc://relative.sock", ZLOOM_INVALID, "absolute"},
      {"ipc://@abstract", ZLOOM_INVALID, "absolute"},
      {"ipc://*", ZLOOM_INVALID, "absolute"},
      {"ipc:///run/zloom/", ZLOOM_INVALID, "directory"},
      {"tcp://127.0.0.1", ZLOOM_INVALID, "port"},
      {"tcp://127.0.0.1:", ZLOOM_INVALID, "port"},
      {"tcp://127.0.0.1:65536", ZLOOM_INVALID, "port"},
      {"tcp://127.0.0.1:-1", ZLOOM_INVALID, "port"},
      {"tcp://127.0.0.1:80x", ZLOOM_INVALID, "port"},
      {"tcp://0.0.0.0:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"tcp://*:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"tcp://10.0.0.1:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"tcp://127.example.org:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"tcp://127.0.0.1.evil:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"tcp://eth0;127.0.0.1:5555", ZLOOM_FORBIDDEN, "beyond this host"},
      {"ws://127.0.0.1:80", ZLOOM_UNSUPPORTED, "only ipc"},
      {"pgm://x", ZLOOM_UNSUPPORTED, "only ipc"},
      {"inproc://", ZLOOM_INVALID, "inproc"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal (zloom_endpoint_check (bad[i].endpoint), bad[i].err);
        if (!strstr (zloom_note (), bad[i].note)) {
            fail_msg ("%s: \"%s\" does not say \"%s\"", bad[i].endpoint, zloom_note (),
                      bad[i].note);
        }
    }
}

static void
test_with_keys_tcp_goes_anywhere (void **state)
{
    (void) state;
    static const char *const good[] = {"tcp://10.0.0.1:5555", "tcp://*:5555", "tcp://hub.lan:1",
                                       "tcp://[fd00::1]:7600", "tcp://127.0.0.1:5555"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal (zloom_endpoint_check_keyed (good[i]), ZLOOM_OK);
    }
    static const char *const bad[] = {"tcp://10.0.0.1", "tcp://:5555", "tcp://10.0.0.1:65536"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal (zloom_endpoint_check_keyed (bad[i]), ZLOOM_INVALID);
    }
    assert_int_equal (zloom_endpoint_check_keyed ("ipc://relative"), ZLOOM_INVALID);
    assert_true (zloom_endpoint_is_tcp ("tcp://10.0.0.1:5555"));
    assert_false (zloom_endpoint_is_tcp ("ipc:///tcp/a.sock"));
}

static void
test_an_ipc_path_has_at_most_107_bytes (void **state)
{
    (void) state;
    char endpoint[160] = "ipc:///";
    memset (endpoint + 7, 'a', 106);
    endpoint[7 + 106] = 0;
    assert_int_equal (zloom_endpoint_check (endpoint), ZLOOM_OK);
    endpoint[7 + 106] = 'a';
    endpoint[7 + 107] = 0;
    assert_int_equal (zloom_endpoint_check (endpoint), ZLOOM_TOO_BIG);
    char room[128];
    assert_int_equal (zloom_endpoint_ipc (endpoint + 6, "router", room, sizeof room),
                      ZLOOM_TOO_BIG);
    assert_non_null (strstr (zloom_note (), "runtime"));
    assert_int_equal (zloom_endpoint_ipc ("/run/x", "router", room, sizeof room), ZLOOM_OK);
    assert_string_equal (room, "ipc:///run/x/router.sock");
    assert_string_equal (zloom_endpoint_path (room), "/run/x/router.sock");
    assert_null (zloom_endpoint_path ("tcp://127.0.0.1:1"));
}

static void
test_directories_are_made_private (void **state)
{
    (void) state;
    const char *deep = s_at ("", "/deep/er");
    assert_int_equal (zloom_private_directory (deep), ZLOOM_OK);
    struct stat info;
    assert_int_equal (stat (deep, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0700);
    assert_int_equal (zloom_private_directory (deep), ZLOOM_OK);
    assert_int_equal (chmod (deep, 0755), 0);
    assert_int_equal (zloom_private_directory (deep), ZLOOM_FORBIDDEN);
    assert_non_null (strstr (zloom_note (), "chmod 700"));
}

static void
test_what_is_no_directory_of_ours_is_refused (void **state)
{
    (void) state;
    const char *path = s_at ("", "/a.sock");
    assert_int_equal (symlink ("/tmp", path), 0);
    assert_int_equal (zloom_private_directory (path), ZLOOM_FORBIDDEN);
    assert_int_equal (zloom_private_directory ("relative"), ZLOOM_INVALID);
    assert_int_equal (zloom_private_directory ("/proc/version/x"), ZLOOM_SYSTEM);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known_ones_pass),
      cmocka_unit_test (test_others_are_refused_with_a_reason),
      cmocka_unit_test (test_with_keys_tcp_goes_anywhere),
      cmocka_unit_test (test_an_ipc_path_has_at_most_107_bytes),
      cmocka_unit_test_setup_teardown (test_directories_are_made_private, s_make_place,
                                       s_clear_place),
      cmocka_unit_test_setup_teardown (test_what_is_no_directory_of_ours_is_refused, s_make_place,
                                       s_clear_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
