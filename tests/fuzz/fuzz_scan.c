/* SPDX-License-Identifier: MPL-2.0 */
/* Bounded msgpack scan against msgpack-c: what the scan passes, the library unpacks alike. */
#include <msgpack.h>

#include "fuzz.h"
#include "wire/cursor.h"
#include "wire/scan.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const zloom_bytes_t bytes = zloom_bytes (data, size);
    size_t length = 0;
    zloom_cursor_t cursor = zloom_cursor (bytes);
    const zloom_bytes_t raw = zloom_cursor_raw (&cursor);
    const zloom_err_t err = zloom_scan_value (bytes, 10000, &length);
    if (err != ZLOOM_OK) {
        zloom_assert (zloom_scan_whole (bytes, 10000) == err);
        return 0;
    }
    zloom_assert (length > 0 && length <= size);
    zloom_assert (raw.data == data && raw.size == length);
    msgpack_unpacked unpacked;
    size_t offset = 0;
    msgpack_unpacked_init (&unpacked);
    const msgpack_unpack_return result =
      msgpack_unpack_next (&unpacked, (const char *) data, size, &offset);
    zloom_assert (result == MSGPACK_UNPACK_SUCCESS || result == MSGPACK_UNPACK_EXTRA_BYTES);
    zloom_assert (offset == length);
    msgpack_unpacked_destroy (&unpacked);
    return 0;
}
