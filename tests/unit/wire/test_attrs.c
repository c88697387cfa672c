/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/attrs.h"
#include "wire/encode.h"
#include "wire/limits.h"

static void
test_build_and_find (void **state)
{
    zloom_attrs_t attrs = {0};
    zloom_attr_t value;
    (void) state;
    assert_null (zloom_attrs_bytes (&attrs).data);
    zloom_attrs_put_text (&attrs, "source", zloom_bytes_text ("shop"));
    zloom_attrs_put_int (&attrs, "requeued", -2);
    zloom_attrs_put_bytes (&attrs, "digest", zloom_bytes ("\xff\x00", 2));
    const zloom_bytes_t map = zloom_attrs_bytes (&attrs);
    assert_int_equal (zloom_attrs_check (map), ZLOOM_OK);
    assert_true (zloom_attrs_find (map, "source", &value));
    assert_int_equal (value.type, ZLOOM_TYPE_STR);
    assert_memory_equal (value.bytes.data, "shop", 4);
    assert_true (zloom_attrs_find (map, "requeued", &value));
    assert_int_equal (value.type, ZLOOM_TYPE_INT);
    assert_int_equal (value.number, -2);
    assert_true (zloom_attrs_find (map, "digest", &value));
    assert_int_equal (value.type, ZLOOM_TYPE_BIN);
    assert_int_equal (value.bytes.size, 2);
    assert_false (zloom_attrs_find (map, "type", &value));
    assert_false (zloom_attrs_find (ZLOOM_BYTES_NULL, "type", &value));
    zloom_attrs_clear (&attrs);
    assert_null (zloom_attrs_bytes (&attrs).data);
    zloom_attrs_fini (&attrs);
}

static void
test_unknown_kinds_are_carried (void **state)
{
    static const char map[] = "\x84\xa1"
                              "a\x92\x01\x02\xa1"
                              "b\xc3\xa1"
                              "c\xc0\xa1"
                              "d\x07";
    zloom_bytes_t name;
    zloom_attr_t value;
    (void) state;
    const zloom_bytes_t bytes = zloom_bytes (map, sizeof map - 1);
    assert_int_equal (zloom_attrs_check (bytes), ZLOOM_OK);
    zloom_attrs_iter_t iter = zloom_attrs_iter (bytes);
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_int_equal (value.type, ZLOOM_TYPE_ARRAY);
    assert_int_equal (value.bytes.size, 3);
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_int_equal (value.type, ZLOOM_TYPE_BOOL);
    assert_int_equal (value.number, 1);
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_int_equal (value.type, ZLOOM_TYPE_NIL);
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_int_equal (value.number, 7);
    assert_int_equal (name.data[0], 'd');
    assert_false (zloom_attrs_next (&iter, &name, &value));
    iter = zloom_attrs_iter (zloom_bytes (map, 10));
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_true (zloom_attrs_next (&iter, &name, &value));
    assert_false (zloom_attrs_next (&iter, &name, &value));
    assert_false (zloom_attrs_next (&iter, &name, &value));
}

static void
test_limits (void **state)
{
    static char text[ZLOOM_LIMIT_ATTRS_BYTES + 1];
    zloom_attrs_t attrs = {0};
    char name[16];
    (void) state;
    for (unsigned i = 0; i < ZLOOM_LIMIT_ATTRS; i++) {
        snprintf (name, sizeof name, "a%u", i);
        zloom_attrs_put_int (&attrs, name, 1);
    }
    assert_int_equal (zloom_attrs_check (zloom_attrs_bytes (&attrs)), ZLOOM_OK);
    zloom_attrs_put_int (&attrs, "more", 1);
    assert_int_equal (zloom_attrs_check (zloom_attrs_bytes (&attrs)), ZLOOM_TOO_BIG);
    zloom_attrs_clear (&attrs);
    memset (text, 'x', sizeof text - 1);
    zloom_attrs_put_text (&attrs, "a", zloom_bytes (text, ZLOOM_LIMIT_ATTRS_BYTES));
    assert_int_equal (zloom_attrs_check (zloom_attrs_bytes (&attrs)), ZLOOM_TOO_BIG);
    zloom_attrs_clear (&attrs);
    text[ZLOOM_LIMIT_NAME_BYTES + 1] = '\0';
    zloom_attrs_put_int (&attrs, text, 1);
    assert_int_equal (zloom_attrs_check (zloom_attrs_bytes (&attrs)), ZLOOM_TOO_BIG);
    zloom_attrs_fini (&attrs);
    assert_int_equal (zloom_attrs_check (zloom_bytes ("\x81\x01\x02", 3)), ZLOOM_MALFORMED);
    assert_int_equal (zloom_attrs_check (zloom_bytes ("\x80\x01", 2)), ZLOOM_TRAILING);
    assert_int_equal (zloom_attrs_check (zloom_bytes ("\xc0", 1)), ZLOOM_MALFORMED);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_build_and_find),
      cmocka_unit_test (test_unknown_kinds_are_carried),
      cmocka_unit_test (test_limits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
