/* SPDX-License-Identifier: MPL-2.0 */
#include "client/report.h"

#include "wire/encode.h"

bool
zloom_report_encode (const zloom_report_t *self, zloom_buf_t *out)
{
    size_t count = 0;
#define COUNT_NUMBER(name, help) count += self->name > 0;
#define COUNT_TEXT(name, help) count += self->name[0] != 0;
    ZLOOM_REPORT_NUMBER_MAP (COUNT_NUMBER)
    ZLOOM_REPORT_TEXT_MAP (COUNT_TEXT)
#undef COUNT_NUMBER
#undef COUNT_TEXT
    if (count == 0) {
        return false;
    }
    zloom_encode_map (out, count);
#define PUT_NUMBER(name, help)               \
    if (self->name > 0) {                    \
        zloom_encode_string (out, #name);    \
        zloom_encode_uint (out, self->name); \
    }
#define PUT_TEXT(name, help)                   \
    if (self->name[0]) {                       \
        zloom_encode_string (out, #name);      \
        zloom_encode_string (out, self->name); \
    }
    ZLOOM_REPORT_NUMBER_MAP (PUT_NUMBER)
    ZLOOM_REPORT_TEXT_MAP (PUT_TEXT)
#undef PUT_NUMBER
#undef PUT_TEXT
    return true;
}
