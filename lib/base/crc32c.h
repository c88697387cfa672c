/* SPDX-License-Identifier: MPL-2.0 */
/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 B.4); SSE4.2 where the processor has it. Any thread. */
#ifndef ZLOOM_BASE_CRC32C_H
#define ZLOOM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of `size` bytes, continuing from `crc` (0 to start): crc32c (crc32c (0, a), b) = ab. */
uint32_t zloom_crc32c (uint32_t crc, const void *data, size_t size);
/* The same without special instructions: what other processors get. */
uint32_t zloom_crc32c_portable (uint32_t crc, const void *data, size_t size);

#endif
