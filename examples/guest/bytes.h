/* Bytes to send and to compare: a seeded generator, and CRC-32 as zlib has it.
 * For the programs that move more than a line. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Fills `bytes` with what follows in the sequence of `state`, which begins with
 * any seed but 0 (Marsaglia's xorshift). */
static inline void generate(uint32_t *state, uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 17;
		*state ^= *state << 5;
		bytes[i] = (uint8_t)(*state >> 24);
	}
}

/* Goes on with a checksum, which begins with 0. */
static inline uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t length)
{
	static uint32_t table[256];

	if (table[1] == 0)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t value = byte;

			for (int bit = 0; bit < 8; bit++)
				value = (value >> 1) ^ (value & 1 ? 0xedb88320 : 0);
			table[byte] = value;
		}
	crc = ~crc;
	for (size_t i = 0; i < length; i++)
		crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
	return ~crc;
}

#endif
