#include "vpn/management.h"
#include "core/file.h"
#include "vpn/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make_folder(struct management *m, struct err *e)
{
	const char *under = getenv("RUNTIME_DIRECTORY"); /* systemd.exec(5); with one RuntimeDirectory= it is a path */
	if (under == NULL || *under == '\0')
		under = getenv("TMPDIR");
	int n =
	    snprintf(m->folder, sizeof m->folder, "%s/vpn-XXXXXX", under == NULL || *under == '\0' ? "/tmp" : under);
	if (n < 0 || (size_t)n >= sizeof m->folder || mkdtemp(m->folder) == NULL) {
		err_errno(e, ERR_SYSTEM, "cannot make a folder for OpenVPN's management socket: %s", m->folder);
		m->folder[0] = '\0';
		return -1;
	}
	return 0;
}

int management_listen(struct management *m, struct err *e)
{
	*m = (struct management){.listener = -1, .fd = -1};
	if (make_folder(m, e) != 0)
		return -1;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(m->path, sizeof m->path, "%s/management", m->folder);
	if (strlen(m->path) >= sizeof a.sun_path)
		return err_set(e, ERR_SYSTEM, "the path of OpenVPN's management socket is too long: %s", m->path);
	memcpy(a.sun_path, m->path, strlen(m->path));
	m->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(m->listener, 1) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot listen for OpenVPN on %s", m->path);
	return 0;
}

int management_accept(struct management *m, pid_t pid, struct err *e)
{
	struct ucred peer = {0};
	socklen_t len = sizeof peer;
	m->fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
	if (m->fd < 0 || getsockopt(m->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot talk to OpenVPN");
	if (peer.pid == pid)
		return 0;
	err_set(e, ERR_CONFIG, "OpenVPN has gone into the background, where it cannot be watched");
	return err_next(e, "take the line \"daemon\" out of the profile");
}

/* Moves what is behind the last line to the front. */
static void forget_line(struct management *m)
{
	m->have -= m->used;
	memmove(m->line, m->line + m->used, m->have);
	m->used = 0;
}

/* The whole line at the front, or NULL. */
static char *first_line(struct management *m)
{
	char *end = memchr(m->line, '\n', m->have);
	if (end == NULL)
		return NULL;
	m->used = (size_t)(end - m->line) + 1;
	*end = '\0';
	if (end > m->line && end[-1] == '\r')
		end[-1] = '\0';
	return m->line;
}

int management_read(struct management *m, char **ret, struct err *e)
{
	struct pollfd p = {.fd = m->fd, .events = POLLIN};
	*ret = NULL;
	forget_line(m);
	for (;;) {
		*ret = first_line(m);
		if (*ret != NULL)
			return 0;
		if (m->have == sizeof m->line)
			return err_set(e, ERR_FAILED, "OpenVPN has sent a line of more than %zu bytes", m->have);
		if (!wait_for(&p, 1))
			return 0;
		ssize_t n = read(m->fd, m->line + m->have, sizeof m->line - m->have);
		if (n == 0 || (n < 0 && errno != EINTR))
			return 0;
		m->have += n > 0 ? (size_t)n : 0;
	}
}

void management_send(struct management *m, const char *line)
{
	if (m->fd >= 0 && file_write_all(m->fd, line, strlen(line)) == 0)
		(void)file_write_all(m->fd, "\n", 1);
}

/* Puts a quoted word behind what is in s; false if there is no room. */
static bool add_quoted(struct secret *s, const char *word, size_t n)
{
	size_t at = s->len;
	if (at + 2 * n + 4 > SECRET_MAX)
		return false;
	s->bytes[at++] = ' ';
	s->bytes[at++] = '"';
	for (size_t i = 0; i < n; i++) {
		if (word[i] == '"' || word[i] == '\\')
			s->bytes[at++] = '\\';
		s->bytes[at++] = word[i];
	}
	s->bytes[at++] = '"';
	s->bytes[at] = '\0';
	s->len = at;
	return true;
}

int management_answer(struct management *m, const char *command, const char *what, const struct secret *s,
		      struct err *e)
{
	struct secret *line = secret_new();
	int rc = secret_set(line, command, strlen(command), e);
	if (rc == 0 && (!add_quoted(line, what, strlen(what)) || !add_quoted(line, s->bytes, s->len)))
		rc = err_set(e, ERR_FAILED, "what was typed is too long for OpenVPN");
	if (rc == 0 && file_write_all(m->fd, line->bytes, line->len) == 0)
		(void)file_write_all(m->fd, "\n", 1);
	secret_free(&line);
	return rc;
}

void management_end(struct management *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->listener >= 0)
		close(m->listener);
	m->fd = m->listener = -1;
	if (m->path[0] != '\0')
		unlink(m->path);
	if (m->folder[0] != '\0')
		rmdir(m->folder);
	m->path[0] = m->folder[0] = '\0';
}
