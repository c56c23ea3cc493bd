/* Checks how a port behaves, against a host that echoes.
 *
 *     check open PORT          one process at a time: a second open is EBUSY
 *     check blocking PORT      read and write wait, and a signal interrupts them
 *     check nonblocking PORT   read and write say EAGAIN; poll tells when to go on
 *     check sigio PORT         SIGIO comes with the data
 *     check disconnect PORT    SIGIO and POLLHUP when the host closes, and again
 *                              SIGIO when it opens; prints `connected` first and
 *                              `disconnected` between, for the host to act
 *
 * Exit status: 0; 1 with a line for the first thing that is not so; 2 for a
 * wrong call. Nothing waits longer than PATIENCE_S.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	PATIENCE_S = 30,
	/* More than the rings and buffers of any host hold: 256 writes of 32 KiB. */
	TOO_MUCH = 64 << 20,
	/* A host that takes nothing for so long has no room left. */
	SETTLED_MS = 500,
};

static const char line[] = "a line\n";
static const ssize_t line_length = sizeof line - 1;

static void check(int is_so, const char *what)
{
	if (!is_so)
		err(1, "not so: %s", what);
	printf("ok: %s\n", what);
}

static int open_port(const char *path, int flags)
{
	int port = open(path, O_RDWR | O_CLOEXEC | flags);

	if (port < 0)
		err(1, "%s", path);
	return port;
}

/* What poll says of the port after at most `wait_ms`. */
static short events_of(int port, short wanted, int wait_ms)
{
	struct pollfd poller = { .fd = port, .events = wanted };

	if (poll(&poller, 1, wait_ms) < 0)
		err(1, "poll");
	return poller.revents;
}

/* Reads until `length` bytes came back. */
static void read_all(int port, size_t length)
{
	static char bytes[65536];

	while (length > 0) {
		ssize_t count;

		if (!(events_of(port, POLLIN, PATIENCE_S * 1000) & POLLIN))
			errx(1, "%zu bytes did not come back", length);
		count = read(port, bytes, length < sizeof bytes ? length : sizeof bytes);
		if (count <= 0)
			err(1, "read");
		length -= (size_t)count;
	}
}

/* Writes until `write` fails, which it must; answers how much it took. */
static size_t write_until_it_fails(int port)
{
	static const char bytes[32768];
	size_t written = 0;
	ssize_t count;

	while ((count = write(port, bytes, sizeof bytes)) >= 0) {
		written += (size_t)count;
		if (written > TOO_MUCH)
			errx(1, "%zu bytes were written and none was read", written);
	}
	return written;
}

static void check_open(const char *path)
{
	int port = open_port(path, 0);

	check(open(path, O_RDWR) < 0 && errno == EBUSY, "a second open is EBUSY");
	check(open(path, O_RDONLY) < 0 && errno == EBUSY, "also to read alone");
	close(port);
	port = open_port(path, 0);
	check(write(port, line, line_length) == line_length, "closed, it opens again");
	read_all(port, line_length);
	close(port);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void check_blocking(const char *path)
{
	/* Without SA_RESTART: a call that waits is interrupted. It comes again and
	 * again, since one may come while the call does not wait. */
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval alarms = { { 0, 200000 }, { 0, 200000 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	int port = open_port(path, 0);
	size_t written;
	char byte;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &alarms, NULL);
	check(read(port, &byte, 1) < 0 && errno == EINTR, "read waits for data");
	written = write_until_it_fails(port);
	check(errno == EINTR, "write waits for room");
	setitimer(ITIMER_REAL, &none, NULL);
	read_all(port, written);
	check(1, "all that was written came back");
	close(port);
}

static void check_nonblocking(const char *path)
{
	int port = open_port(path, O_NONBLOCK);
	size_t written;
	char byte;

	check(read(port, &byte, 1) < 0 && errno == EAGAIN, "read without data is EAGAIN");
	check(events_of(port, POLLIN | POLLOUT, 0) == POLLOUT, "poll says POLLOUT alone");
	written = write_until_it_fails(port);
	check(errno == EAGAIN, "write without room is EAGAIN");
	/* The host may be filling queues of its own meanwhile: they have an end. */
	while (events_of(port, POLLOUT, SETTLED_MS) & POLLOUT) {
		written += write_until_it_fails(port);
		if (written > TOO_MUCH)
			errx(1, "%zu bytes were written and none was read", written);
	}
	check(1, "poll says no POLLOUT");
	check(events_of(port, POLLIN, PATIENCE_S * 1000) == POLLIN, "poll waits for POLLIN");
	read_all(port, written);
	check(events_of(port, POLLOUT, PATIENCE_S * 1000) == POLLOUT, "and for POLLOUT");
	check(read(port, &byte, 1) < 0 && errno == EAGAIN, "no byte more came back");
	close(port);
}

/* Opens the port so that its SIGIO comes to us; it stays pending until asked for. */
static int open_with_sigio(const char *path)
{
	int port = open_port(path, O_NONBLOCK);
	sigset_t sigio;

	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	sigprocmask(SIG_BLOCK, &sigio, NULL);
	if (fcntl(port, F_SETOWN, getpid()) < 0)
		err(1, "F_SETOWN");
	if (fcntl(port, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
		err(1, "O_ASYNC");
	return port;
}

static int sigio_comes(void)
{
	struct timespec patience = { .tv_sec = PATIENCE_S };
	sigset_t sigio;

	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	return sigtimedwait(&sigio, NULL, &patience) == SIGIO;
}

static void check_sigio(const char *path)
{
	int port = open_with_sigio(path);
	char byte;

	check(read(port, &byte, 1) < 0 && errno == EAGAIN, "there is no data yet");
	check(write(port, line, line_length) == line_length, "a line is written");
	check(sigio_comes(), "SIGIO comes");
	check(events_of(port, POLLIN, 0) & POLLIN, "with data");
	read_all(port, line_length);
	close(port);
}

static void check_disconnect(const char *path)
{
	int port = open_with_sigio(path);
	char byte;

	check(!(events_of(port, POLLIN, 0) & POLLHUP), "connected");
	fflush(stdout);
	check(sigio_comes(), "SIGIO comes when the host closes");
	check(events_of(port, POLLIN, 0) & POLLHUP, "poll says POLLHUP");
	check(read(port, &byte, 1) == 0, "read says end of file");
	check(write(port, line, line_length) < 0 && errno == EAGAIN, "write is EAGAIN");
	check(1, "disconnected");
	fflush(stdout);
	check(sigio_comes(), "SIGIO comes when the host opens");
	check(!(events_of(port, POLLIN, 0) & POLLHUP), "poll says no POLLHUP");
	check(write(port, line, line_length) == line_length, "a line is written");
	read_all(port, line_length);
	check(1, "and comes back");
	close(port);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *path);
	} checks[] = {
		{ "open", check_open },
		{ "blocking", check_blocking },
		{ "nonblocking", check_nonblocking },
		{ "sigio", check_sigio },
		{ "disconnect", check_disconnect },
	};

	for (size_t i = 0; argc == 3 && i < sizeof checks / sizeof checks[0]; i++)
		if (strcmp(argv[1], checks[i].name) == 0) {
			checks[i].run(argv[2]);
			return 0;
		}
	fprintf(stderr, "usage: check open|blocking|nonblocking|sigio|disconnect PORT\n");
	return 2;
}
