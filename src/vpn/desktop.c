#include "vpn/desktop.h"
#include "core/xalloc.h"
#include "vpn/pinentry.h"
#include "vpn/question.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

struct desktop {
	const char *folder;
	int watch;
	struct question q;
	struct question *done; /* those that were dealt with and are still open: it is for others to answer them */
	size_t n_done;
};

/* What has happened does not matter: the folder is looked at anew. */
static void forget_events(int watch)
{
	char events[4096];
	while (read(watch, events, sizeof events) > 0)
		;
}

static bool not_wanted(void *arg)
{
	struct desktop *d = arg;
	forget_events(d->watch);
	return !question_open(&d->q, d->folder);
}

static void tell(const struct err *e)
{
	fprintf(stderr, "tokenroll-vpn-ask: %s\n  %s\n", e->what, err_advice(e));
}

static bool is_done(void *arg, const char *file)
{
	const struct desktop *d = arg;
	for (size_t i = 0; i < d->n_done; i++) {
		if (strcmp(d->done[i].file, file) == 0)
			return true;
	}
	return false;
}

static void forget_closed(struct desktop *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n_done; i++) {
		if (question_open(&d->done[i], d->folder))
			d->done[kept++] = d->done[i];
	}
	d->n_done = kept;
}

static void add_done(struct desktop *d)
{
	d->done = xrealloc(d->done, d->n_done + 1, sizeof *d->done);
	d->done[d->n_done++] = d->q;
}

static void deal_with(struct desktop *d)
{
	struct err e = ERR_INIT;
	struct secret *s = secret_new();
	int rc = pinentry_ask(s, d->q.message, d->watch, not_wanted, d, &e);
	bool cancelled = rc != 0 && e.code == ERR_INTERRUPTED && question_open(&d->q, d->folder);
	/* without a dialog the question stays, for an agent on a console */
	if (rc == 0 || cancelled) {
		rc = question_answer(&d->q, rc == 0 ? s : NULL, &e);
		/* one that has ended meanwhile takes no answer, and nobody has done anything wrong */
		if (rc != 0 && !question_open(&d->q, d->folder))
			rc = 0;
	}
	if (rc != 0 && e.code != ERR_INTERRUPTED)
		tell(&e);
	secret_free(&s);
	add_done(d);
}

int desktop_serve(const char *folder, struct err *e)
{
	struct desktop d = {.folder = folder, .watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	if (d.watch < 0 || inotify_add_watch(d.watch, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
		return err_errno(e, ERR_SYSTEM, "cannot watch %s, where systemd puts its questions", folder);
	struct pollfd p = {.fd = d.watch, .events = POLLIN};
	for (;;) {
		forget_events(d.watch);
		forget_closed(&d);
		if (question_find(&d.q, folder, is_done, &d))
			deal_with(&d);
		else if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_errno(e, ERR_SYSTEM, "cannot wait for questions");
	}
}
