/* SPDX-License-Identifier: MPL-2.0 */
#include "wire/encode.h"

#include <msgpack.h>

static int
s_write (void *data, const char *bytes, size_t size)
{
    zloom_buf_add ((zloom_buf_t *) data, bytes, size);
    return 0;
}

static msgpack_packer
s_packer (zloom_buf_t *out)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, s_write);
    return packer;
}

void
zloom_encode_nil (zloom_buf_t *out)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_nil (&packer);
}

void
zloom_encode_bool (zloom_buf_t *out, bool value)
{
    msgpack_packer packer = s_packer (out);
    if (value) {
        msgpack_pack_true (&packer);
    } else {
        msgpack_pack_false (&packer);
    }
}

void
zloom_encode_uint (zloom_buf_t *out, uint64_t value)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_uint64 (&packer, value);
}

void
zloom_encode_int (zloom_buf_t *out, int64_t value)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_int64 (&packer, value);
}

void
zloom_encode_float (zloom_buf_t *out, double value)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_double (&packer, value);
}

void
zloom_encode_text (zloom_buf_t *out, zloom_bytes_t text)
{
    msgpack_packer packer = s_packer (out);
    if (!text.data) {
        msgpack_pack_nil (&packer);
        return;
    }
    msgpack_pack_str (&packer, text.size);
    zloom_buf_add_bytes (out, text);
}

void
zloom_encode_string (zloom_buf_t *out, const char *text)
{
    zloom_encode_text (out, zloom_bytes_text (text));
}

void
zloom_encode_bytes (zloom_buf_t *out, zloom_bytes_t bytes)
{
    msgpack_packer packer = s_packer (out);
    if (!bytes.data) {
        msgpack_pack_nil (&packer);
        return;
    }
    msgpack_pack_bin (&packer, bytes.size);
    zloom_buf_add_bytes (out, bytes);
}

void
zloom_encode_raw (zloom_buf_t *out, zloom_bytes_t value)
{
    if (!value.data) {
        zloom_encode_nil (out);
        return;
    }
    zloom_buf_add_bytes (out, value);
}

void
zloom_encode_array (zloom_buf_t *out, size_t count)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_array (&packer, count);
}

void
zloom_encode_map (zloom_buf_t *out, size_t count)
{
    msgpack_packer packer = s_packer (out);
    msgpack_pack_map (&packer, count);
}

void
zloom_encode_code (zloom_buf_t *out, zloom_err_t code)
{
    zloom_encode_string (out, code == ZLOOM_OK ? NULL : zloom_err_name (code));
}
