/* Writes a line to a port and prints the line that comes back.
 *
 *     hello PORT [LINE]        hello /dev/virtio-ports/org.portunus.echo.0 hi
 *
 * Exit status: 0; 1 where the port cannot be used; 2 for a wrong call.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *line = argc > 2 ? argv[2] : "hello";
	ssize_t length;
	char byte;
	int port;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: hello PORT [LINE]\n");
		return 2;
	}
	/* One process at a time has a port: for another, this is EBUSY. */
	port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (port < 0)
		err(1, "%s", argv[1]);
	if (dprintf(port, "%s\n", line) < 0)
		err(1, "writing to %s", argv[1]);
	while ((length = read(port, &byte, 1)) == 1) {
		putchar(byte);
		if (byte == '\n')
			return 0;
	}
	if (length < 0)
		err(1, "reading from %s", argv[1]);
	/* Linux reads 0 bytes while the host has its end closed. */
	errx(1, "%s: the host closed the port", argv[1]);
}
