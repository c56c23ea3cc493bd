/* Uses every port at once, in both directions: sends bytes to each, reads what
 * comes back, and compares.
 *
 *     all BYTES
 *
 * BYTES go to each port; a console (/dev/hvc0 and so on, in raw mode) gets a
 * part, in small pieces, since a console has no back-pressure: what its host
 * cannot take is lost. The host must echo. One process with one poll loop.
 *
 * Prints a line for each port and then how far they overlapped: on how many
 * ports bytes were on their way at one moment, and how many had already got
 * bytes back when the first one was done.
 *
 * Exit status: 0; 1 where what came back differs, or where not all ports were in
 * use at once; 2 for a wrong call.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "bytes.h"

enum {
	PATIENCE_MS = 60000,
	MAX_PORTS = 512,
	PIECE = 16384,
	/* A console's, in all and on their way. Its driver moves 16 at a time. */
	CONSOLE_BYTES = 16384,
	CONSOLE_WINDOW = 512,
};

struct port {
	char name[256];
	size_t total, window;
	size_t sent, received;
	uint32_t seed, sent_crc, received_crc;
	/* Generated, and from `begin` on not yet written. */
	uint8_t piece[PIECE];
	size_t begin, end;
};

static struct port ports[MAX_PORTS];
static struct pollfd polls[MAX_PORTS];
static int count;

/* Opens the console that comes next, raw: every byte as it is. */
static int open_console(void)
{
	static int number;
	char path[32];
	struct termios mode;
	int console;

	snprintf(path, sizeof path, "/dev/hvc%d", number++);
	console = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (console < 0 || tcgetattr(console, &mode) < 0)
		err(1, "%s", path);
	cfmakeraw(&mode);
	if (tcsetattr(console, TCSAFLUSH, &mode) < 0)
		err(1, "%s", path);
	return console;
}

static void open_ports(size_t bytes)
{
	DIR *folder = opendir("/dev/virtio-ports");
	const struct dirent *entry;

	if (!folder)
		err(1, "/dev/virtio-ports");
	while ((entry = readdir(folder))) {
		struct port *port = &ports[count];
		int file;

		if (entry->d_name[0] == '.')
			continue;
		if (count == MAX_PORTS)
			errx(1, "more than %d ports", MAX_PORTS);
		snprintf(port->name, sizeof port->name, "%s", entry->d_name);
		port->total = bytes;
		port->window = SIZE_MAX;
		file = openat(dirfd(folder), entry->d_name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (file < 0 && errno == ENXIO) {
			/* A console: Linux gives it to its tty alone. */
			file = open_console();
			port->total = bytes < CONSOLE_BYTES ? bytes : CONSOLE_BYTES;
			port->window = CONSOLE_WINDOW;
		}
		if (file < 0)
			err(1, "%s", entry->d_name);
		port->seed = (uint32_t)count + 1;
		polls[count].fd = file;
		count++;
	}
	closedir(folder);
}

/* How much of the port's piece may be written now; generates the next piece. */
static size_t sendable(struct port *port)
{
	size_t room = port->window - (port->sent - port->received);
	size_t left = port->total - port->sent;

	if (port->begin == port->end && left > 0) {
		port->begin = 0;
		port->end = left < PIECE ? left : PIECE;
		generate(&port->seed, port->piece, port->end);
	}
	left = port->end - port->begin;
	return left < room ? left : room;
}

static void send_some(struct port *port, int file)
{
	ssize_t written = write(file, port->piece + port->begin, sendable(port));

	if (written < 0 && errno != EAGAIN)
		err(1, "writing to %s", port->name);
	if (written <= 0)
		return;
	port->sent_crc = crc32(port->sent_crc, port->piece + port->begin, (size_t)written);
	port->begin += (size_t)written;
	port->sent += (size_t)written;
}

static void receive_some(struct port *port, int file)
{
	uint8_t bytes[PIECE];
	ssize_t length = read(file, bytes, sizeof bytes);

	if (length < 0 && errno != EAGAIN)
		err(1, "reading from %s", port->name);
	if (length == 0)
		errx(1, "%s: the host closed the port", port->name);
	if (length < 0)
		return;
	port->received_crc = crc32(port->received_crc, bytes, (size_t)length);
	port->received += (size_t)length;
	if (port->received > port->sent)
		errx(1, "%s: more came back than was sent", port->name);
}

int main(int argc, char **argv)
{
	int done = 0, most_on_their_way = 0, in_use_at_first_end = 0, wrong = 0;
	size_t bytes = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;

	if (bytes == 0) {
		fprintf(stderr, "usage: all BYTES\n");
		return 2;
	}
	open_ports(bytes);
	while (done < count) {
		int on_their_way = 0, in_use = 0, was_done = done;

		for (int i = 0; i < count; i++) {
			int wants_room = sendable(&ports[i]) > 0;

			polls[i].events = (short)(POLLIN | (wants_room ? POLLOUT : 0));
		}
		if (poll(polls, (nfds_t)count, PATIENCE_MS) <= 0)
			errx(1, "%d of %d ports do not go on", count - done, count);
		done = 0;
		for (int i = 0; i < count; i++) {
			if (polls[i].revents & POLLHUP)
				errx(1, "%s: the host closed the port", ports[i].name);
			if (polls[i].revents & POLLOUT)
				send_some(&ports[i], polls[i].fd);
			on_their_way += ports[i].sent > ports[i].received;
		}
		for (int i = 0; i < count; i++) {
			if (polls[i].revents & POLLIN)
				receive_some(&ports[i], polls[i].fd);
			in_use += ports[i].received > 0;
			done += ports[i].received == ports[i].total;
		}
		if (on_their_way > most_on_their_way)
			most_on_their_way = on_their_way;
		if (was_done == 0 && done > 0)
			in_use_at_first_end = in_use;
	}
	for (int i = 0; i < count; i++) {
		struct port *port = &ports[i];

		printf("%s: %zu bytes, sent crc %08" PRIx32 ", received crc %08" PRIx32 "\n",
		       port->name, port->received, port->sent_crc, port->received_crc);
		wrong += port->sent_crc != port->received_crc;
	}
	printf("%d ports, %d with bytes on their way at once, %d in use when the first was done\n",
	       count, most_on_their_way, in_use_at_first_end);
	return wrong > 0 || most_on_their_way < count || in_use_at_first_end < count;
}
