/*
 * tokenroll-vpn-watch: waits until the token that a VPN's profile names is
 * pulled, and tells tokenroll-vpn, which has started it, by SIGTERM. udev and
 * systemd know when a USB device is pulled, but not which of several is the
 * VPN's, and nothing of a card in a reader.
 *
 * A program of its own: PC/SC's way of waiting is a call that lasts. The module
 * is asked where the token is, and then it is PC/SC that tells, so that nobody
 * disturbs OpenVPN. The module is a vendor's code, which may crash or hang just
 * when a token is pulled, so it is loaded by a second process of this program.
 *
 * usage: tokenroll-vpn-watch PROFILE        exit status 1: there is nothing to watch
 *        tokenroll-vpn-watch PROFILE find   the second process: tells where the token is
 */
#include "core/clean.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"
#include "handover/profile.h"
#include "pkcs11/ovpnid.h"
#include "pkcs11/reader.h"
#include "pkcs11/token.h"

#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_S 1
#define AGAIN_TRIES 5
/* For all that the module is asked until a token counts as there or as gone. */
#define SEARCH_MS 30000

/* Where the token is, as the second process writes it. */
struct place {
	char reader[READER_NAME_MAX], label[33];
};

enum seen { SEEN_IN, SEEN_OUT, SEEN_NOTHING /* PC/SC cannot be used */ };

struct watch {
	const char *profile;
	struct place place;
	struct reader_watch *readers;
	struct reader *list; /* as they were told last */
	size_t n;
	bool usable;  /* PC/SC is */
	int64_t ms;   /* that the module has left */
	struct err e; /* why the token was not found, or PC/SC is not usable */
};

/* Whether a key's id names this token: but for the key's own part at the end. */
static bool is_named(const struct p11_token_info *t, const char *id)
{
	static const struct blob none = BLOB_INIT;
	char prefix[PROFILE_LINE_MAX + 1];
	return !t->unreadable && ovpnid_write(prefix, sizeof prefix, t, &none) == 0 &&
	       strncmp(id, prefix, strlen(prefix)) == 0;
}

static bool find_in(const struct p11_module *m, const char *id, struct p11_token_info *ret)
{
	struct p11_token_info *list = NULL;
	size_t n = 0;
	bool found = false;
	if (p11_token_list(m, &list, &n, NULL) != 0)
		return false;
	for (size_t i = 0; !found && i < n; i++) {
		if ((found = is_named(&list[i], id)))
			*ret = list[i];
	}
	free(list);
	return found;
}

/* The token as one of the modules shows it, the first that does. */
static bool find_token(const struct profile_named *key, struct p11_token_info *ret)
{
	bool found = false;
	for (size_t i = 0; !found && i < key->n; i++) {
		struct p11_module *m = NULL;
		if (p11_module_load(&m, key->modules[i], NULL) == 0 && p11_module_initialize(m, NULL) == 0)
			found = find_in(m, key->id, ret);
		p11_module_free(&m);
	}
	return found;
}

static int read_profile(const char *profile, struct profile_named *ret, struct err *e)
{
	struct blob text = BLOB_INIT;
	*ret = (struct profile_named){.n = 0};
	int rc = file_read(profile, FILE_MAX_DEFAULT, &text, e);
	if (rc == 0)
		profile_named(&text, ret);
	blob_free(&text);
	/* where OpenVPN is when it looks for a module */
	char *copy = xstrdup(profile);
	(void)!chdir(dirname(copy));
	free(copy);
	if (rc == 0 && ret->id[0] == '\0')
		rc = err_set(e, ERR_CONFIG, "the profile itself has no pkcs11-id");
	else if (rc == 0 && ret->n == 0)
		rc = err_set(e, ERR_CONFIG, "the profile itself has no pkcs11-providers");
	return rc;
}

/* The second process. What it says last on stderr is why there is no place. */
static int find(const char *profile)
{
	struct err e = ERR_INIT;
	struct profile_named key;
	struct p11_token_info token;
	struct place p = {.reader = ""};
	if (read_profile(profile, &key, &e) == 0 && !find_token(&key, &token))
		err_set(&e, ERR_NO_TOKEN, "the modules of pkcs11-providers show no token that pkcs11-id names");
	if (e.code != ERR_NONE) {
		fprintf(stderr, "%s\n", e.what);
		return 1;
	}
	snprintf(p.reader, sizeof p.reader, "%s", token.reader);
	clean_text(p.label, sizeof p.label, token.label);
	return file_write_all(STDOUT_FILENO, &p, sizeof p) == 0 ? 0 : 1;
}

/* Asks the module, which has the time that is left of w->ms. */
static bool find_place(struct watch *w)
{
	const char *const argv[] = {"/proc/self/exe", w->profile, "find", NULL};
	struct blob out = BLOB_INIT;
	int64_t begin = clock_ms();
	bool found = w->ms > 0 && process_run(argv, NULL, &out, (int)w->ms, &w->e) == 0 && out.len >= sizeof w->place;
	/* before it there may be what the module has to say */
	if (found)
		memcpy(&w->place, out.data + out.len - sizeof w->place, sizeof w->place);
	blob_free(&out);
	w->ms -= clock_ms() - begin;
	return found;
}

/* Takes news of readers, for which it waits for ms milliseconds, or for ever if that is -1. */
static void refresh(struct watch *w, int ms)
{
	struct reader *list = NULL;
	size_t n = 0;
	w->usable = reader_watch_next(w->readers, ms, &list, &n, &w->e) == 0;
	if (w->usable && list == NULL)
		return;
	free(w->list);
	w->list = list;
	w->n = n;
}

/* Whether there is a card in the token's reader, and which: another number is another one. */
static enum seen look(const struct watch *w, unsigned *ret_events)
{
	const struct reader *r = reader_find(w->list, w->n, w->place.reader);
	bool in = r != NULL && r->present;
	*ret_events = in ? r->events : 0;
	if (!w->usable)
		return SEEN_NOTHING;
	return in ? SEEN_IN : SEEN_OUT;
}

/* Waits until the card that is in the token's reader was pulled, with its reader or without, or pcscd has ended. */
static void wait_change(struct watch *w)
{
	unsigned before = 0, events = 0;
	enum seen seen = look(w, &before);
	for (events = before; seen == SEEN_IN && events == before; seen = look(w, &events))
		refresh(w, -1);
}

static bool is_any_card(const struct watch *w)
{
	size_t i = 0;
	while (i < w->n && !w->list[i].present)
		i++;
	return i < w->n;
}

/* Looks for the token anew. PC/SC says first whether it is worth it to ask the module. */
static enum seen seek(struct watch *w)
{
	unsigned events = 0;
	refresh(w, 0);
	if (!w->usable)
		return SEEN_NOTHING;
	if (!is_any_card(w))
		return SEEN_OUT;
	bool found = find_place(w);
	refresh(w, 0);
	enum seen seen = look(w, &events);
	return seen == SEEN_IN && !found ? SEEN_OUT : seen;
}

/* Whether it is there none the less: a computer that wakes up, or a pcscd that is started anew, is a moment without.
 * While PC/SC cannot be used nothing is known of the token, and the VPN stays. */
static bool is_back(struct watch *w)
{
	static const struct timespec pause = {AGAIN_S, 0};
	enum seen seen = SEEN_NOTHING;
	w->ms = SEARCH_MS;
	for (int tries = 0; seen != SEEN_IN && tries < AGAIN_TRIES; tries += seen == SEEN_OUT) {
		nanosleep(&pause, NULL);
		seen = seek(w);
		/* a module may have waited for pcscd, too */
		if (seen == SEEN_NOTHING)
			w->ms = SEARCH_MS;
	}
	return seen == SEEN_IN;
}

static int not_watched(const char *why)
{
	fprintf(stderr, "tokenroll-vpn: the token is not watched: %s\n", why);
	return 1;
}

/* Finds the token. Its reader is looked for before and after that: it may be pulled meanwhile. */
static int begin(struct watch *w)
{
	unsigned events = 0;
	char why[sizeof w->e.native];
	refresh(w, 0);
	w->ms = SEARCH_MS;
	if (!find_place(w)) {
		clean_text(why, sizeof why, w->e.native);
		return not_watched(why[0] != '\0' ? why : "the module that shows it crashed, or did not answer");
	}
	bool seen = look(w, &events) == SEEN_IN;
	refresh(w, 0);
	if (!w->usable)
		return not_watched(w->e.what);
	if (!seen && look(w, &events) != SEEN_IN)
		return not_watched("its module has it from elsewhere than pcscd");
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	pid_t vpn = getppid();
	process_fill_descriptors();
	if (argc < 2 || argc > 3 || process_harden(&e) != 0)
		return 1;
	/* without what modules have put there for the end of a process, and which may crash */
	if (argc == 3)
		_exit(find(argv[1]));
	struct watch w = {.profile = argv[1], .readers = reader_watch_new()};
	if (begin(&w) != 0)
		return 1;
	fprintf(stderr, "tokenroll-vpn: the VPN ends when the token \"%s\" is pulled: %s\n", w.place.label,
		w.place.reader);
	do
		wait_change(&w);
	while (is_back(&w));
	fprintf(stderr, "tokenroll-vpn: the token \"%s\" was pulled\n", w.place.label);
	if (getppid() == vpn)
		kill(vpn, SIGTERM);
	return 0;
}
