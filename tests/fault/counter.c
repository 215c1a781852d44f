#include "counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LINE_FORMAT "%-24s%12lu\n"
#define LINE_LEN 37
#define NUMBER_AT 24

static void give_up(const char *path)
{
	fprintf(stderr, "faulty: cannot count in %s: %s\n", path, strerror(errno));
	abort();
}

static const char *line_name(const struct counter *c, int line)
{
	if (line == COUNTER_TOTAL)
		return "total";
	return line == COUNTER_FIRED ? "fired" : c->names[line - COUNTER_FUNCTIONS];
}

static void write_line(const struct counter *c, int fd, int line, unsigned long n)
{
	char text[LINE_LEN + 1];

	snprintf(text, sizeof(text), LINE_FORMAT, line_name(c, line), n);
	if (pwrite(fd, text, LINE_LEN, (off_t)line * LINE_LEN) != LINE_LEN)
		give_up(c->path);
}

static unsigned long add_to_line(const struct counter *c, int fd, int line)
{
	char text[LINE_LEN + 1] = "";
	unsigned long n;

	if (pread(fd, text, LINE_LEN, (off_t)line * LINE_LEN) != LINE_LEN)
		give_up(c->path);
	n = strtoul(text + NUMBER_AT, NULL, 10) + 1;
	write_line(c, fd, line, n);
	return n;
}

/* Opened for each call: a lock by flock belongs to the open file, which a forked child would share. */
static int open_locked(const struct counter *c)
{
	int fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		give_up(c->path);
	while (flock(fd, LOCK_EX) == -1)
		if (errno != EINTR)
			give_up(c->path);
	if (lseek(fd, 0, SEEK_END) == 0)
		for (int line = 0; line < COUNTER_FUNCTIONS + (int)c->n; line++)
			write_line(c, fd, line, 0);
	return fd;
}

void counter_add(struct counter *c, int first, int second, unsigned long *ret_first, unsigned long *ret_second)
{
	int fd;

	if (!c->path) {
		*ret_first = ++c->own[first];
		*ret_second = second == -1 ? 0 : ++c->own[second];
		return;
	}
	fd = open_locked(c);
	*ret_first = add_to_line(c, fd, first);
	*ret_second = second == -1 ? 0 : add_to_line(c, fd, second);
	close(fd);
}
