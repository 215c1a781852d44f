#include "control.h"

#include "machine.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int control_open(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd, saved;

	if (strlen(path) >= sizeof(name.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && (unlink(path) == 0 || errno == ENOENT) &&
	    bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	if (fd != -1)
		close(fd);
	errno = saved;
	return -1;
}

/* Reads up to the end of the line. Returns -1 if it is too long or the client gives up or is silent. */
static int read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = recv(fd, line + n, size - n, 0);
		char *end;

		if (got <= 0)
			return -1;
		n += (size_t)got;
		end = memchr(line, '\n', n);
		if (end) {
			*end = 0;
			return 0;
		}
	}
	return -1;
}

static size_t split(char *line, char *words[CONTROL_WORDS_MAX])
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " ", &save); word && n < CONTROL_WORDS_MAX; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	return n;
}

void control_serve(struct machine *m)
{
	const struct timeval patience = {.tv_sec = 2};
	char line[CONTROL_LINE_MAX], said[CONTROL_LINE_MAX] = "", reply[CONTROL_LINE_MAX + 16];
	char *words[CONTROL_WORDS_MAX];
	int fd = accept(m->control, NULL, NULL), rc, n;

	if (fd == -1)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (read_line(fd, line, sizeof(line)) == 0) {
		rc = command_run(m, words, split(line, words), said, sizeof(said));
		n = snprintf(reply, sizeof(reply), "%s%s%s\n", rc == 0 ? "ok" : "error", *said ? " " : "", said);
		if (send(fd, reply, (size_t)n, MSG_NOSIGNAL) == -1)
			perror("control");
	}
	close(fd);
}
