/* SPDX-License-Identifier: MPL-2.0 */
#include "net/keypair.h"
#include "unit/net/place.h"

static int
s_clear (void **state)
{
    (void) unlink (s_at ("", "/k.secret"));
    (void) unlink (s_at ("", "/k.public"));
    return s_clear_place (state);
}

static void
s_put (const char *path, const char *text, mode_t mode)
{
    (void) unlink (path);
    const int fd = open (path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true (fd >= 0);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
    assert_int_equal (fchmod (fd, mode), 0);
    close (fd);
}

static void
test_what_was_written_is_read (void **state)
{
    (void) state;
    zloom_keypair_t made;
    assert_int_equal (zloom_keypair_new (&made), ZLOOM_OK);
    assert_int_equal (strlen (made.public_key), ZLOOM_KEY_CHARS);
    assert_string_not_equal (made.public_key, made.secret_key);
    assert_int_equal (zloom_keypair_write (&made, s_at ("", "/k")), ZLOOM_OK);
    zloom_keypair_t read;
    assert_int_equal (zloom_keypair_read (s_at ("", "/k.secret"), &read), ZLOOM_OK);
    assert_string_equal (read.secret_key, made.secret_key);
    assert_string_equal (read.public_key, made.public_key);
    char key[ZLOOM_KEY_CHARS + 1];
    assert_int_equal (zloom_key_read_public (s_at ("", "/k.public"), key), ZLOOM_OK);
    assert_string_equal (key, made.public_key);
    struct stat info;
    assert_int_equal (stat (s_at ("", "/k.secret"), &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    assert_int_equal (stat (s_at ("", "/k.public"), &info), 0);
    assert_int_equal (info.st_mode & 0777, 0644);
}

static void
test_keys_that_are_there_are_left (void **state)
{
    (void) state;
    zloom_keypair_t made;
    assert_int_equal (zloom_keypair_new (&made), ZLOOM_OK);
    s_put (s_at ("", "/k.public"), "old\n", 0644);
    assert_int_equal (zloom_keypair_write (&made, s_at ("", "/k")), ZLOOM_EXISTS);
    assert_int_not_equal (access (s_at ("", "/k.secret"), F_OK), 0);
    assert_int_equal (unlink (s_at ("", "/k.public")), 0);
    s_put (s_at ("", "/k.secret"), "old\n", 0600);
    assert_int_equal (zloom_keypair_write (&made, s_at ("", "/k")), ZLOOM_EXISTS);
    assert_int_not_equal (access (s_at ("", "/k.public"), F_OK), 0);
}

static void
test_a_secret_that_others_may_read_is_refused (void **state)
{
    (void) state;
    static const mode_t modes[] = {0644, 0640, 0604, 0620, 0601};
    zloom_keypair_t made;
    assert_int_equal (zloom_keypair_new (&made), ZLOOM_OK);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        s_put (s_at ("", "/k.secret"), made.secret_key, modes[i]);
        zloom_keypair_t read;
        memset (&read, 'x', sizeof read);
        assert_int_equal (zloom_keypair_read (s_at ("", "/k.secret"), &read), ZLOOM_FORBIDDEN);
        assert_non_null (strstr (zloom_note (), "chmod 600"));
        assert_null (strstr (zloom_note (), made.secret_key));
        assert_int_equal (read.secret_key[0], 0);
    }
    s_put (s_at ("", "/k.secret"), made.secret_key, 0400);
    zloom_keypair_t read;
    assert_int_equal (zloom_keypair_read (s_at ("", "/k.secret"), &read), ZLOOM_OK);
}

static void
test_what_is_no_key_is_not_taken_for_one (void **state)
{
    (void) state;
    static const char *const bad[] = {
      "",
      "short",
      "0123456789012345678901234567890123456789x", /* 41 */
      "012345678901234567890123456789012345678",   /* 39 */
      "0123456789012345678901234567890123456'\"~", /* letters that Z85 has not */
      "#####6789012345678901234567890123456789",   /* five of its last letter are over 32 bits */
    };
    uint8_t bytes[ZLOOM_KEY_BYTES];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (zloom_key_decode (bad[i], bytes) != ZLOOM_INVALID) {
            fail_msg ("%s was taken for a key", bad[i]);
        }
        s_put (s_at ("", "/k.secret"), bad[i], 0600);
        zloom_keypair_t read;
        assert_int_equal (zloom_keypair_read (s_at ("", "/k.secret"), &read), ZLOOM_INVALID);
        assert_non_null (strstr (zloom_note (), "k.secret"));
    }
    assert_int_equal (zloom_key_decode (NULL, bytes), ZLOOM_INVALID);
    zloom_keypair_t read;
    assert_int_equal (zloom_keypair_read (s_at ("", "/none.secret"), &read), ZLOOM_NOT_FOUND);
    assert_int_equal (zloom_keypair_read (s_at ("", ""), &read), ZLOOM_FORBIDDEN);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown (test_what_was_written_is_read, s_make_place, s_clear),
      cmocka_unit_test_setup_teardown (test_keys_that_are_there_are_left, s_make_place, s_clear),
      cmocka_unit_test_setup_teardown (test_a_secret_that_others_may_read_is_refused, s_make_place,
                                       s_clear),
      cmocka_unit_test_setup_teardown (test_what_is_no_key_is_not_taken_for_one, s_make_place,
                                       s_clear),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
