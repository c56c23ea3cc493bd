/* Measures a port that echoes.
 *
 *     measure PORT SIZE COUNT BYTES
 *
 * First COUNT round trips: SIZE bytes are written, and read back before the
 * next are. Then a stream of BYTES in writes of SIZE, read back meanwhile by a
 * thread of its own. Linux takes at most 32 KiB of a write at once. Prints one
 * line: the median and the 99th percentile of a round trip in nanoseconds, and
 * the stream's bytes in a second.
 *
 * Exit status: 0; 1 where the port fails; 2 for a wrong call. SIGALRM ends it
 * when nothing comes back for a minute.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60

struct stream {
	int port;
	size_t size, total;
};

static uint8_t sent[32768], received[65536];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void write_all(int port, size_t size)
{
	size_t written = 0;

	while (written < size) {
		ssize_t count = write(port, sent + written, size - written);

		if (count < 0)
			err(1, "write");
		written += (size_t)count;
	}
}

static void read_all(int port, size_t size)
{
	size_t had = 0;

	while (had < size) {
		size_t left = size - had;
		ssize_t count;

		alarm(PATIENCE_S);
		count = read(port, received, left < sizeof received ? left : sizeof received);
		if (count < 0)
			err(1, "read");
		if (count == 0)
			errx(1, "the host closed the port");
		had += (size_t)count;
	}
}

static void *send_stream(void *argument)
{
	struct stream *stream = argument;

	for (size_t done = 0; done < stream->total; done += stream->size)
		write_all(stream->port, stream->size);
	return NULL;
}

static int by_size(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
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
	struct stream stream = { 0 };
	size_t count = 0;
	uint64_t *trips, start, taken;
	pthread_t sender;

	if (argc == 5) {
		stream.size = number(argv[2]);
		count = number(argv[3]);
		stream.total = number(argv[4]);
	}
	if (stream.size == 0 || stream.size > sizeof sent || count == 0 ||
	    stream.total == 0) {
		fprintf(stderr, "usage: measure PORT SIZE COUNT BYTES\n");
		return 2;
	}
	stream.total -= stream.total % stream.size;
	stream.port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (stream.port < 0)
		err(1, "%s", argv[1]);
	trips = calloc(count, sizeof *trips);
	if (!trips)
		err(1, "no memory");

	for (size_t i = 0; i < count; i++) {
		start = now_ns();
		write_all(stream.port, stream.size);
		read_all(stream.port, stream.size);
		trips[i] = now_ns() - start;
	}
	qsort(trips, count, sizeof *trips, by_size);

	start = now_ns();
	if (pthread_create(&sender, NULL, send_stream, &stream) != 0)
		errx(1, "no thread");
	read_all(stream.port, stream.total);
	pthread_join(sender, NULL);
	taken = now_ns() - start;

	printf("measured %s %zu p50_ns %" PRIu64 " p99_ns %" PRIu64
	       " bytes_per_s %.0f\n",
	       argv[1], stream.size, trips[count / 2], trips[count * 99 / 100],
	       (double)stream.total * 1e9 / (double)taken);
	return 0;
}
