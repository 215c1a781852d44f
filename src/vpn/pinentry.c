#include "vpn/pinentry.h"
#include "core/clean.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 1000
#define END_MS 2000

struct pinentry {
	pid_t pid;
	int in, out; /* its */
	int stop_fd;
	pinentry_stop_fn *stop;
	void *arg;
};

static _Noreturn void become_pinentry(int in, int out, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent || dup2(in, 0) < 0 ||
	    dup2(out, 1) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	execlp("pinentry", "pinentry", (char *)NULL);
	_exit(127);
}

static int start(struct pinentry *p, struct err *e)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for pinentry");
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for pinentry");
	}
	pid_t parent = getpid();
	p->pid = fork();
	if (p->pid == 0)
		become_pinentry(in[0], out[1], parent);
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	return p->pid < 0 ? err_errno(e, ERR_SYSTEM, "cannot start pinentry") : 0;
}

static void end(struct pinentry *p)
{
	close(p->in);
	close(p->out);
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGTERM);
	struct pollfd ended = {.fd = pidfd_open(p->pid, 0), .events = POLLIN};
	if (ended.fd < 0 || poll(&ended, 1, END_MS) <= 0)
		kill(p->pid, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Waits for a line; false if the dialog is not wanted any more. */
static bool wait_line(const struct pinentry *p)
{
	struct pollfd fds[] = {
	    {.fd = p->out, .events = POLLIN},
	    {.fd = p->stop_fd, .events = POLLIN},
	};
	for (;;) {
		int n = poll(fds, 2, STOP_MS);
		if (n < 0 && errno != EINTR)
			return false;
		if ((n == 0 || (n > 0 && fds[1].revents != 0)) && p->stop(p->arg))
			return false;
		if (n > 0 && fds[0].revents != 0)
			return true;
	}
}

/* why: what pinentry says; NULL if there is none that could say something */
static int no_dialog(const char *why, struct err *e)
{
	if (why == NULL)
		err_set(e, ERR_FAILED, "there is no dialog to ask for the PIN");
	else
		err_set(e, ERR_FAILED, "no dialog could be shown to ask for the PIN: pinentry says \"%s\"", why);
	return err_next(e, "install pinentry-gnome3, pinentry-qt or another one that suits the desktop; the question "
			   "stays: systemd-tty-ask-password-agent as root asks it on a terminal");
}

/* code and text of a line "ERR code text". The low half of the code is libgpg-error's: what the person did is one of
 * these, all else is of the dialog, e.g. that it has no terminal. */
static int on_error(const char *said, struct err *e)
{
	enum { CANCELED = 99, NOT_CONFIRMED = 114, FULLY_CANCELED = 198 };
	char *text = NULL, shown[256];
	unsigned long code = strtoul(said, &text, 10) & 0xffff;
	if (code == CANCELED || code == NOT_CONFIRMED || code == FULLY_CANCELED)
		return err_set(e, ERR_INTERRUPTED, "the dialog was cancelled");
	clean_text(shown, sizeof shown, text + strspn(text, " "));
	return no_dialog(shown, e);
}

/* %XX is a byte. */
static void decode(struct secret *s, size_t from)
{
	size_t to = 0;
	unsigned byte = 0;
	for (size_t at = from; at < s->len; at++) {
		if (s->bytes[at] == '%' && at + 2 < s->len && sscanf(s->bytes + at + 1, "%2x", &byte) == 1) {
			s->bytes[to++] = (char)byte;
			at += 2;
		} else {
			s->bytes[to++] = s->bytes[at];
		}
	}
	explicit_bzero(s->bytes + to, s->len - to);
	s->len = to;
}

/* The lines up to OK or ERR; what a line "D ..." has is the answer. */
static int read_reply(const struct pinentry *p, struct secret *ret, struct err *e)
{
	struct secret *line = secret_new();
	int rc = 1;
	secret_clear(ret);
	while (rc > 0) {
		if (!wait_line(p))
			rc = err_set(e, ERR_INTERRUPTED, "the question is not asked any more");
		else if (secret_read_fd(line, p->out, NULL) != 0)
			rc = no_dialog(NULL, e);
		else if (strncmp(line->bytes, "ERR ", 4) == 0)
			rc = on_error(line->bytes + 4, e);
		else if (strncmp(line->bytes, "OK", 2) == 0)
			rc = 0;
		else if (strncmp(line->bytes, "D ", 2) == 0) {
			decode(line, 2);
			rc = secret_set(ret, line->bytes, line->len, e) == 0 ? 1 : -1;
		}
	}
	secret_free(&line);
	return rc;
}

/* Sends "command text", with what would end the line escaped. */
static int command(const struct pinentry *p, const char *command, const char *text, struct secret *ret, struct err *e)
{
	char line[1024];
	size_t n = (size_t)snprintf(line, sizeof line, "%s", command);
	if (text != NULL)
		line[n++] = ' ';
	for (; text != NULL && *text != '\0' && n + 5 < sizeof line; text++) {
		if (*text == '%' || *text == '\n' || *text == '\r')
			n += (size_t)snprintf(line + n, sizeof line - n, "%%%02X", (unsigned char)*text);
		else
			line[n++] = *text;
	}
	line[n++] = '\n';
	if (file_write_all(p->in, line, n) != 0)
		return no_dialog(NULL, e);
	return read_reply(p, ret, e);
}

int pinentry_ask(struct secret *ret, const char *text, int stop_fd, pinentry_stop_fn *stop, void *arg, struct err *e)
{
	struct pinentry p = {.pid = -1, .in = -1, .out = -1, .stop_fd = stop_fd, .stop = stop, .arg = arg};
	if (start(&p, e) != 0)
		return -1;
	int rc = read_reply(&p, ret, e); /* its greeting */
	if (rc == 0)
		rc = command(&p, "SETTITLE", "VPN", ret, e);
	if (rc == 0)
		rc = command(&p, "SETDESC", text, ret, e);
	if (rc == 0)
		rc = command(&p, "GETPIN", NULL, ret, e);
	end(&p);
	return rc;
}
