/*
 * tokenroll-vpn-watch: waits until the token that a VPN's profile names is
 * pulled, and tells tokenroll-vpn, which has started it, by SIGTERM. udev and
 * systemd know when a USB device is pulled, but not which of several is the
 * VPN's, and nothing of a card in a reader.
 *
 * A program of its own: the module is a vendor's code, and PC/SC's way of
 * waiting is a call that lasts. The module is asked where the token is, and then
 * it is PC/SC that tells, so that nobody disturbs OpenVPN.
 *
 * usage: tokenroll-vpn-watch PROFILE   exit status 1: there is nothing to watch
 */
#include "core/clean.h"
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
#define AGAIN_TRIES 3

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

/* Waits for news of readers: 1 if there is a card in this one, 0 if not, -1 where PC/SC cannot be used. */
static int look(struct reader_watch *w, const char *name, unsigned *ret_events)
{
	struct reader *list = NULL;
	size_t n = 0;
	if (reader_watch_next(w, -1, &list, &n, NULL) != 0)
		return -1;
	const struct reader *r = reader_find(list, n, name);
	int in = r != NULL && r->present;
	*ret_events = in ? r->events : 0;
	free(list);
	return in;
}

/* Waits until the card that is in this reader was pulled, with its reader or without, or pcscd has ended. */
static void wait_change(const char *name)
{
	struct reader_watch *w = reader_watch_new();
	unsigned before = 0, events = 0;
	bool same = look(w, name, &before) == 1;
	while (same)
		same = look(w, name, &events) == 1 && events == before;
	reader_watch_free(&w);
}

static bool is_in(const char *name)
{
	struct reader_watch *w = reader_watch_new();
	unsigned events = 0;
	bool in = look(w, name, &events) == 1;
	reader_watch_free(&w);
	return in;
}

/* Whether it is there none the less: a computer that wakes up, or a pcscd that is started anew, is a moment without. */
static bool find_again(const struct profile_named *key, struct p11_token_info *ret)
{
	static const struct timespec pause = {AGAIN_S, 0};
	for (int i = 0; i < AGAIN_TRIES; i++) {
		nanosleep(&pause, NULL);
		if (find_token(key, ret) && is_in(ret->reader))
			return true;
	}
	return false;
}

static bool read_profile(const char *profile, struct profile_named *ret)
{
	struct blob text = BLOB_INIT;
	*ret = (struct profile_named){.n = 0};
	if (file_read(profile, FILE_MAX_DEFAULT, &text, NULL) == 0)
		profile_named(&text, ret);
	blob_free(&text);
	/* where OpenVPN is when it looks for a module */
	char *copy = xstrdup(profile);
	(void)!chdir(dirname(copy));
	free(copy);
	return ret->id[0] != '\0';
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct profile_named key;
	struct p11_token_info token;
	char label[sizeof token.label];
	pid_t vpn = getppid();
	process_fill_descriptors();
	if (argc != 2 || process_harden(&e) != 0 || !read_profile(argv[1], &key) || !find_token(&key, &token) ||
	    !is_in(token.reader))
		return 1;
	clean_text(label, sizeof label, token.label);
	fprintf(stderr, "tokenroll-vpn: the VPN ends when the token \"%s\" is pulled: %s\n", label, token.reader);
	do
		wait_change(token.reader);
	while (find_again(&key, &token));
	fprintf(stderr, "tokenroll-vpn: the token \"%s\" was pulled\n", label);
	if (getppid() == vpn)
		kill(vpn, SIGTERM);
	return 0;
}
