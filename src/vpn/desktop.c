#include "vpn/desktop.h"
#include "core/clock.h"
#include "core/xalloc.h"
#include "vpn/pinentry.h"
#include "vpn/question.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A locked screen shows no dialog until it is unlocked, of which nobody is told. */
#define AGAIN_MS 5000

/* A question that was dealt with and is still open: it is for others to answer it. */
struct dealt {
	struct question q;
	int64_t again; /* when it is tried again, because no dialog could be shown; 0: it is not */
};

struct desktop {
	const char *folder;
	int watch;
	struct question q;
	struct dealt *done;
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

static struct dealt *find_done(const struct desktop *d, const char *file)
{
	for (size_t i = 0; i < d->n_done; i++) {
		if (strcmp(d->done[i].q.file, file) == 0)
			return &d->done[i];
	}
	return NULL;
}

static bool is_done(void *arg, const char *file)
{
	const struct dealt *known = find_done(arg, file);
	return known != NULL && (known->again == 0 || clock_ms() < known->again);
}

static void forget_closed(struct desktop *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->n_done; i++) {
		if (question_open(&d->done[i].q, d->folder))
			d->done[kept++] = d->done[i];
	}
	d->n_done = kept;
}

/* Milliseconds until one is tried again; -1: none is. */
static int time_left(const struct desktop *d)
{
	int64_t first = 0, now = clock_ms();
	for (size_t i = 0; i < d->n_done; i++) {
		if (d->done[i].again != 0 && (first == 0 || d->done[i].again < first))
			first = d->done[i].again;
	}
	if (first == 0)
		return -1;
	return first > now ? (int)(first - now) : 0;
}

/* Whether it is so for the first time. */
static bool add_done(struct desktop *d, int64_t again)
{
	struct dealt *known = find_done(d, d->q.file);
	bool first = known == NULL;
	if (first) {
		d->done = xrealloc(d->done, d->n_done + 1, sizeof *d->done);
		known = &d->done[d->n_done++];
	}
	*known = (struct dealt){.q = d->q, .again = again};
	return first;
}

static int reply(const struct desktop *d, const struct secret *answer, struct err *e)
{
	int rc = question_answer(&d->q, answer, e);
	/* one that has ended meanwhile takes no answer, and nobody has done anything wrong */
	return rc != 0 && question_open(&d->q, d->folder) ? rc : 0;
}

static void deal_with(struct desktop *d)
{
	struct err e = ERR_INIT;
	struct secret *s = secret_new();
	int rc = pinentry_ask(s, d->q.message, d->watch, not_wanted, d, &e);
	/* without a dialog the question stays, for an agent on a console, and for later */
	bool unseen = rc != 0 && e.code != ERR_INTERRUPTED;
	bool first = add_done(d, unseen ? clock_ms() + AGAIN_MS : 0);
	if (!unseen && question_open(&d->q, d->folder))
		rc = reply(d, rc == 0 ? s : NULL, &e);
	if (rc != 0 && e.code != ERR_INTERRUPTED && (first || !unseen))
		tell(&e);
	secret_free(&s);
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
		else if (poll(&p, 1, time_left(&d)) < 0 && errno != EINTR)
			return err_errno(e, ERR_SYSTEM, "cannot wait for questions");
	}
}
