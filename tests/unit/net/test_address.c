/* SPDX-License-Identifier: MPL-2.0 */
#include "net/address.h"
#include "unit/net/place.h"

static zloom_keypair_t s_keys;

static int
s_setup (void **state)
{
    if (s_make_place (state) != 0 || zloom_keypair_new (&s_keys) != ZLOOM_OK) {
        return -1;
    }
    return zloom_keypair_write (&s_keys, s_at ("", "/my key")) == ZLOOM_OK ? 0 : -1;
}

static int
s_teardown (void **state)
{
    (void) unlink (s_at ("", "/my key.secret"));
    (void) unlink (s_at ("", "/my key.public"));
    return s_clear_place (state);
}

static void
test_an_endpoint_alone_has_no_keys (void **state)
{
    (void) state;
    static const char *const plain[] = {"ipc:///run/zloom/with a blank/router.sock",
                                        "tcp://127.0.0.1:5555", "inproc://router", ""};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        zloom_address_t address;
        assert_int_equal (zloom_address_parse (plain[i], &address), ZLOOM_OK);
        assert_false (address.keyed);
        assert_string_equal (address.endpoint, plain[i]);
        assert_false (zloom_address_is_far (plain[i]));
        assert_int_equal (zloom_address_shown (plain[i]), strlen (plain[i]));
    }
}

static void
test_with_keys_it_is_read_as_it_was_written (void **state)
{
    (void) state;
    char text[ZLOOM_ADDRESS_BYTES];
    assert_int_equal (zloom_address_format ("tcp://10.0.0.1:7600", s_keys.public_key,
                                            s_at ("", "/my key.secret"), text),
                      ZLOOM_OK);
    assert_true (zloom_address_is_far (text));
    assert_int_equal (zloom_address_shown (text), strlen ("tcp://10.0.0.1:7600"));
    assert_null (strstr (text, s_keys.secret_key));
    zloom_address_t address;
    assert_int_equal (zloom_address_parse (text, &address), ZLOOM_OK);
    assert_true (address.keyed);
    assert_string_equal (address.endpoint, "tcp://10.0.0.1:7600");
    assert_string_equal (address.curve.server, s_keys.public_key);
    assert_string_equal (address.curve.own.secret_key, s_keys.secret_key);
    zloom_keypair_wipe (&address.curve.own);
}

static void
test_what_is_wrong_with_it_is_told (void **state)
{
    (void) state;
    const struct {
        const char *server;
        const char *file;
        zloom_err_t err;
    } bad[] = {
      {"short", "/k.secret", ZLOOM_INVALID},
      {"#####67890123456789012345678901234567890", "/k.secret", ZLOOM_INVALID},
      {"0123456789012345678901234567890123456'\"~", "/k.secret", ZLOOM_INVALID},
      {s_keys.public_key, "", ZLOOM_INVALID},
      {s_keys.public_key, "/no/such.secret", ZLOOM_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[ZLOOM_ADDRESS_BYTES];
        assert_int_equal (
          zloom_address_format ("tcp://10.0.0.1:7600", bad[i].server, bad[i].file, text), ZLOOM_OK);
        zloom_address_t address;
        assert_int_equal (zloom_address_parse (text, &address), bad[i].err);
        assert_false (address.keyed);
    }
    char file[ZLOOM_ADDRESS_BYTES];
    memset (file, 'x', sizeof file - 1);
    file[sizeof file - 1] = 0;
    char text[ZLOOM_ADDRESS_BYTES];
    assert_int_equal (zloom_address_format ("tcp://h:1", s_keys.public_key, file, text),
                      ZLOOM_TOO_BIG);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_an_endpoint_alone_has_no_keys),
      cmocka_unit_test_setup_teardown (test_with_keys_it_is_read_as_it_was_written, s_setup,
                                       s_teardown),
      cmocka_unit_test_setup_teardown (test_what_is_wrong_with_it_is_told, s_setup, s_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
