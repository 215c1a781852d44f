/*
 * Drives a virtual card:
 *
 *     cardctl SOCKET COMMAND [WORD...]
 *
 * Says what the card answers. Exit status 0: done, 1: refused (why is on stderr), 2: usage, or no card is there.
 *
 *     insert, pull               put it into its reader, take it out
 *     status                     words NAME=VALUE: type, pid, inserted, apdus, planned, and what the type says
 *     count, reset-count         APDUs so far, and start again at 0
 *     log FILE, log off          add one line for each APDU to FILE: number, meaning, command, answer, time
 *     delay MS, delay-key MS     for each APDU, and more for one that makes a key
 *     touch [late]               touched, or left alone for too long, while status says touch-wanted=1
 *     touch-after MS             always touched so long after it asks for it; 0: only by "touch"
 *     export NAME FILE           into FILE: contents (a line for each key and file), secrets (each with its name); of a
 *                                piv also attestation-root (PEM)
 *     pull-at K [after]          pulled at the K-th APDU from now on (1: the next), before or after executing it
 *     answer-at K SW [after]     that APDU gets this status word (6A84); with after it was executed none the less
 *     answer-at K garbage        it is executed, and answered with noise and 9000
 *     answer-at K truncated      it is executed, and half of the answer is lost
 *     forget                     nothing is planned any more, and nothing delayed
 *     quit                       the process ends; the file keeps the card
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_SIZE 2048

static int connect_to(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(name.sun_path))
		return -1;
	memcpy(name.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (const struct sockaddr *)&name, sizeof(name)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Sends a line and reads the reply to its end. Returns its length, without the line's end; 0 if there was none. */
static size_t ask(int fd, const char *line, char *reply, size_t size)
{
	size_t n = 0;
	ssize_t got;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == -1)
		return 0;
	while (n < size - 1 && (got = recv(fd, reply + n, size - 1 - n, 0)) > 0)
		n += (size_t)got;
	reply[n] = 0;
	return strcspn(reply, "\n");
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_SIZE] = "", reply[LINE_MAX_SIZE];
	size_t used = 0, n;
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: cardctl SOCKET COMMAND [WORD...]\n");
		return 2;
	}
	for (int i = 2; i < argc && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", argv[i], i + 1 < argc ? " " : "\n");
	fd = used < sizeof(line) ? connect_to(argv[1]) : -1;
	if (fd == -1) {
		fprintf(stderr, "cardctl: no card listens on %s\n", argv[1]);
		return 2;
	}
	n = ask(fd, line, reply, sizeof(reply));
	close(fd);
	reply[n] = 0;
	if (n >= 2 && memcmp(reply, "ok", 2) == 0)
		return reply[2] ? puts(reply + 3) == EOF : 0;
	fprintf(stderr, "cardctl: %s\n", n > 6 ? reply + 6 : "the card has not answered");
	return n > 0 ? 1 : 2;
}
