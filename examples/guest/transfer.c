/* Sends bytes to a port, reads what comes back meanwhile, and compares.
 *
 *     transfer PORT SIZE [COUNT]
 *
 * COUNT writes (1 unless said otherwise) of SIZE bytes each. Linux takes at most
 * 32 KiB of a write at once, and says so by its result. The host must echo.
 * Prints bytes and CRC-32 of either direction.
 *
 * Exit status: 0; 1 where what came back differs; 2 for a wrong call. SIGALRM
 * ends it when nothing comes back for a minute.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"

struct transfer {
	int port;
	size_t size, count;
	uint32_t sent_crc;
};

/* Writes all there is to write. A thread of its own, so that both directions
 * run at once: a host that echoes holds only so much for who does not read. */
static void *send_all(void *argument)
{
	struct transfer *transfer = argument;
	uint8_t *bytes = malloc(transfer->size);
	uint32_t seed = 1;

	if (!bytes)
		err(1, "%zu bytes of memory", transfer->size);
	for (size_t i = 0; i < transfer->count; i++) {
		size_t written = 0;

		generate(&seed, bytes, transfer->size);
		transfer->sent_crc = crc32(transfer->sent_crc, bytes, transfer->size);
		while (written < transfer->size) {
			ssize_t count = write(transfer->port, bytes + written,
					      transfer->size - written);

			if (count < 0)
				err(1, "write");
			written += (size_t)count;
		}
	}
	free(bytes);
	return NULL;
}

/* A number above 0, or 0. */
static size_t number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	return *end == '\0' ? (size_t)value : 0;
}

int main(int argc, char **argv)
{
	struct transfer transfer = { .count = 1 };
	uint32_t received_crc = 0;
	static uint8_t bytes[65536];
	size_t total, received = 0;
	pthread_t sender;

	if (argc == 3 || argc == 4)
		transfer.size = number(argv[2]);
	if (argc == 4)
		transfer.count = number(argv[3]);
	if (transfer.size == 0 || transfer.count == 0) {
		fprintf(stderr, "usage: transfer PORT SIZE [COUNT]\n");
		return 2;
	}
	transfer.port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (transfer.port < 0)
		err(1, "%s", argv[1]);
	crc32(0, NULL, 0); /* makes its table, before there are two threads */
	if (pthread_create(&sender, NULL, send_all, &transfer) != 0)
		errx(1, "no thread");

	total = transfer.size * transfer.count;
	while (received < total) {
		ssize_t count;

		alarm(60);
		count = read(transfer.port, bytes, sizeof bytes);
		if (count < 0)
			err(1, "read");
		if (count == 0)
			errx(1, "the host closed the port after %zu bytes", received);
		received_crc = crc32(received_crc, bytes, (size_t)count);
		received += (size_t)count;
	}
	pthread_join(sender, NULL);
	printf("sent %zu bytes, crc %08" PRIx32 "\n", total, transfer.sent_crc);
	printf("received %zu bytes, crc %08" PRIx32 "\n", received, received_crc);
	if (received != total || received_crc != transfer.sent_crc)
		errx(1, "what came back is not what was sent");
	return 0;
}
