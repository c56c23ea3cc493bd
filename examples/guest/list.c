/* Lists the virtio-serial ports of this machine: id, name, device.
 *
 *     list
 *
 * The name is what the host's configuration calls the port; udev makes
 * /dev/virtio-ports/NAME for it. A console has a line too, but programs reach it
 * by /dev/hvc0.
 *
 * Exit status: 0, or 1 where the machine has no port.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#define PORTS "/sys/class/virtio-ports"

static int is_port(const struct dirent *entry)
{
	return strncmp(entry->d_name, "vport", 5) == 0;
}

/* Reads the port's name into `name`; it is empty where the host gave none. */
static void read_name(const char *device, char *name, int size)
{
	char path[sizeof PORTS + 256 + sizeof "/name"];
	FILE *file;

	snprintf(path, sizeof path, PORTS "/%s/name", device);
	file = fopen(path, "re");
	if (!file || !fgets(name, size, file))
		name[0] = '\0';
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
}

int main(void)
{
	struct dirent **ports;
	int count = scandir(PORTS, &ports, is_port, versionsort);

	if (count <= 0)
		errx(1, "no virtio-serial ports in " PORTS);
	for (int i = 0; i < count; i++) {
		unsigned device, id;
		char name[256];

		if (sscanf(ports[i]->d_name, "vport%up%u", &device, &id) != 2)
			errx(1, "%s is not named as a port", ports[i]->d_name);
		read_name(ports[i]->d_name, name, sizeof name);
		printf("%u %s /dev/%s\n", id, *name ? name : "-", ports[i]->d_name);
	}
	return 0;
}
