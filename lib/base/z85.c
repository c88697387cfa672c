/* SPDX-License-Identifier: MPL-2.0 */
#include "base/z85.h"

#include <string.h>

#include "base/tag.h"

bool
zloom_z85_decode (const char *text, uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 ".-:+=^!/*?&<>()[]{}@%$#";
    zloom_assert (size % 4 == 0);
    if (strlen (text) != size / 4 * 5) {
        return false;
    }
    for (size_t i = 0; i < size; i += 4) {
        uint64_t value = 0;
        for (size_t j = 0; j < 5; j++) {
            const char *digit = strchr (digits, *text++);
            if (!digit) {
                return false;
            }
            value = value * 85 + (uint64_t) (digit - digits);
        }
        if (value > UINT32_MAX) {
            return false;
        }
        for (size_t j = 0; j < 4; j++) {
            bytes[i + j] = (uint8_t) (value >> (24 - 8 * j));
        }
    }
    return true;
}
