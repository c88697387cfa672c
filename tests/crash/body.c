/* SPDX-License-Identifier: MPL-2.0 */
#include "body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES (128u * 1024)

static uint8_t s_body[BODY_BYTES];

zloom_bytes_t
body_make (const char *producer, size_t producer_size, uint64_t n)
{
    const size_t fill = n % 1000 == 999 ? 100000 : (size_t) (n * 37 % 400);
    const int head = snprintf ((char *) s_body, 256, "%.*s %llu ", (int) producer_size, producer,
                               (unsigned long long) n);
    memset (s_body + head, 'a' + (int) (n % 26), fill);
    return zloom_bytes (s_body, (size_t) head + fill);
}

bool
body_read (const zloom_message_t *message, bool effect, history_run_t *run)
{
    const char *text = message->body;
    const char *blank = memchr (
      text, ' ', message->body_size < HISTORY_NAME_BYTES ? message->body_size : HISTORY_NAME_BYTES);
    if (!blank || blank == text) {
        (void) snprintf (run->producer, sizeof run->producer, "?");
        return false;
    }
    const size_t size = (size_t) (blank - text);
    memcpy (run->producer, text, size);
    char digits[24] = "";
    const size_t rest = message->body_size - size - 1;
    memcpy (digits, blank + 1, rest < sizeof digits - 1 ? rest : sizeof digits - 1);
    run->id = strtoull (digits, NULL, 10);
    const zloom_bytes_t expected = body_make (text, size, run->id);
    bool good =
      expected.size == message->body_size && memcmp (expected.data, text, expected.size) == 0;
    if (!effect) {
        good = good && message->id == run->id && message->producer_size == size &&
               memcmp (message->producer, text, size) == 0;
    }
    return good;
}
