/* SPDX-License-Identifier: MPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/fingerprint.h"

/* The numbers are those of an independent implementation (docs/protocol.md): they never change. */
static void
test_known_numbers (void **state)
{
    const zloom_fingerprint_t orders = {.pattern = zloom_bytes_text ("queue"),
                                        .key = zloom_bytes_text ("/customer_id"),
                                        .confirm = ZLOOM_CONFIRM_DISK};
    const zloom_bytes_t topics[] = {zloom_bytes_text ("order.paid"),
                                    zloom_bytes_text ("order.declined")};
    const zloom_fingerprint_t paid = {.pattern = zloom_bytes_text ("bus"),
                                      .confirm = ZLOOM_CONFIRM_DISK,
                                      .topics = topics,
                                      .topic_count = 2};
    (void) state;
    assert_true (zloom_fingerprint_number (&orders) == UINT64_C (11498516523206153004));
    assert_true (zloom_fingerprint_number (&paid) == UINT64_C (10786828377135067604));
}

static void
test_each_part_counts_and_order_of_topics_does_not (void **state)
{
    const zloom_bytes_t topics[] = {zloom_bytes_text ("a"), zloom_bytes_text ("b")};
    const zloom_bytes_t swapped[] = {zloom_bytes_text ("b"), zloom_bytes_text ("a")};
    zloom_fingerprint_t flow = {
      .pattern = zloom_bytes_text ("bus"), .topics = topics, .topic_count = 2};
    const uint64_t first = zloom_fingerprint_number (&flow);
    (void) state;
    flow.topics = swapped;
    assert_true (zloom_fingerprint_number (&flow) == first);
    flow.topic_count = 1;
    assert_true (zloom_fingerprint_number (&flow) != first);
    flow.topic_count = 2;
    flow.key = zloom_bytes_text ("/k");
    assert_true (zloom_fingerprint_number (&flow) != first);
    flow.key = ZLOOM_BYTES_NULL;
    flow.confirm = ZLOOM_CONFIRM_DISK;
    assert_true (zloom_fingerprint_number (&flow) != first);
    flow.confirm = ZLOOM_CONFIRM_MEMORY;
    flow.partitions = 1;
    assert_true (zloom_fingerprint_number (&flow) != first);
    flow.partitions = 0;
    flow.pattern = zloom_bytes_text ("queue");
    assert_true (zloom_fingerprint_number (&flow) != first);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_known_numbers),
      cmocka_unit_test (test_each_part_counts_and_order_of_topics_does_not),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
