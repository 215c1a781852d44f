#include "pkcs11/reader_impl.h"

#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* No reader, but changes when one comes or goes (PC/SC Part 10 has no such thing; Windows and pcsc-lite do). */
#define ANY_READER "\\\\?PnP?\\Notification"

struct known {
	char *name;
	DWORD state;    /* as it was told last */
	unsigned since; /* the number of the list in which it came */
};

struct reader_watch {
	SCARDCONTEXT ctx;
	bool open, told;
	struct known known[READER_COUNT_MAX];
	size_t n;
	unsigned lists;
};

struct reader_watch *reader_watch_new(void)
{
	return xcalloc(1, sizeof(struct reader_watch));
}

static void forget(struct reader_watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->known[i].name);
	w->n = 0;
}

static void disconnect(struct reader_watch *w)
{
	if (w->open)
		SCardReleaseContext(w->ctx);
	w->open = false;
	forget(w);
}

void reader_watch_free(struct reader_watch **w)
{
	if (*w == NULL)
		return;
	disconnect(*w);
	free(*w);
	*w = NULL;
}

static const struct known *find(const struct reader_watch *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->known[i].name, name) == 0)
			return &w->known[i];
	}
	return NULL;
}

/* The readers there are, each as it was known, and one that stands for those that are to come. */
static size_t prepare(const struct reader_watch *w, SCARD_READERSTATE *states, const char *names)
{
	size_t n = 0;
	memset(states, 0, (READER_COUNT_MAX + 1) * sizeof *states);
	for (; *names != '\0' && n < READER_COUNT_MAX; names += strlen(names) + 1, n++) {
		const struct known *k = find(w, names);
		states[n].szReader = names;
		states[n].dwCurrentState = k != NULL ? k->state : SCARD_STATE_UNAWARE;
	}
	states[n].szReader = ANY_READER;
	states[n].dwCurrentState = (DWORD)n << 16;
	return n;
}

static bool is_same(const struct reader_watch *w, const SCARD_READERSTATE *states, size_t n)
{
	bool same = n == w->n;
	for (size_t i = 0; same && i < n; i++)
		same = strcmp(w->known[i].name, states[i].szReader) == 0 &&
		       (w->known[i].state & ~(DWORD)SCARD_STATE_CHANGED) ==
			   (states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED);
	return same;
}

static void remember(struct reader_watch *w, const SCARD_READERSTATE *states, size_t n)
{
	struct known now[READER_COUNT_MAX];
	w->lists++;
	for (size_t i = 0; i < n; i++) {
		const struct known *k = find(w, states[i].szReader);
		now[i] = (struct known){.name = xstrdup(states[i].szReader),
					.state = states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED,
					.since = k != NULL ? k->since : w->lists};
	}
	forget(w);
	for (w->n = 0; w->n < n; w->n++)
		w->known[w->n] = now[w->n];
}

/* pcscd counts from 0 again when a reader comes back under its old name, as one on USB does with another token. */
static void tell(const struct reader_watch *w, struct reader *list, const SCARD_READERSTATE *states, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		reader_fill(&list[i], &states[i]);
		list[i].events |= w->known[i].since << 16;
	}
}

/* Waits once, and tells what is there if that is news. */
static LONG wait_once(struct reader_watch *w, DWORD ms, const char *names, struct reader **ret, size_t *ret_n,
		      bool *ret_news)
{
	SCARD_READERSTATE states[READER_COUNT_MAX + 1];
	size_t n = prepare(w, states, names);
	LONG rv = SCardGetStatusChange(w->ctx, w->told ? ms : 0, states, (DWORD)n + 1);
	if (rv == SCARD_E_TIMEOUT)
		rv = SCARD_S_SUCCESS;
	*ret_news = rv == SCARD_S_SUCCESS && !(w->told && is_same(w, states, n));
	if (!*ret_news)
		return rv;
	remember(w, states, n);
	w->told = true;
	*ret = xcalloc(n + 1, sizeof **ret);
	*ret_n = n;
	tell(w, *ret, states, n);
	return rv;
}

static LONG look(struct reader_watch *w, DWORD ms, struct reader **ret, size_t *ret_n, bool *ret_news)
{
	static char none[] = "";
	LPSTR names = none;
	DWORD len = SCARD_AUTOALLOCATE;
	LONG rv = SCardListReaders(w->ctx, NULL, (LPSTR)&names, &len);
	bool some = rv == SCARD_S_SUCCESS;
	if (some || rv == SCARD_E_NO_READERS_AVAILABLE)
		rv = wait_once(w, ms, some ? names : none, ret, ret_n, ret_news);
	if (some)
		SCardFreeMemory(w->ctx, names);
	/* it went between the two calls */
	return rv == SCARD_E_UNKNOWN_READER ? SCARD_S_SUCCESS : rv;
}

int reader_watch_next(struct reader_watch *w, int ms, struct reader **ret, size_t *ret_n, struct err *e)
{
	bool news = false;
	LONG rv = SCARD_S_SUCCESS;
	*ret = NULL;
	*ret_n = 0;
	if (!w->open) {
		w->told = false;
		rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &w->ctx);
		w->open = rv == SCARD_S_SUCCESS;
	}
	do {
		if (rv == SCARD_S_SUCCESS)
			rv = look(w, ms < 0 ? INFINITE : (DWORD)ms, ret, ret_n, &news);
	} while (rv == SCARD_S_SUCCESS && !news && ms < 0);
	if (rv == SCARD_S_SUCCESS)
		return 0;
	disconnect(w);
	return reader_no_service(rv, e);
}
