#include "core/blob.h"
#include "core/xalloc.h"
#include "pkcs11/reader_impl.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_DESCRIPTION 64 /* bytes (PKCS#11 v2.40, 3.2: CK_SLOT_INFO) */
#define DOTS "..."          /* OpenSC's way to end a name that was cut */

int reader_no_service(LONG rv, struct err *e)
{
	switch (rv) {
	case SCARD_E_NO_SERVICE:
		err_set(e, ERR_READERS, "the smart card service pcscd is not running");
		err_next(e, "start it (systemctl start pcscd.socket), or install the package pcscd");
		break;
	case SCARD_W_SECURITY_VIOLATION:
	case SCARD_F_INTERNAL_ERROR:
		err_set(e, ERR_READERS, "the smart card service pcscd does not let this user in");
		err_next(e, "run it as root, or allow org.debian.pcsc-lite.access_pcsc and .access_card in a polkit "
			    "rule");
		break;
	default:
		err_set(e, ERR_READERS, "the smart card service pcscd cannot be used");
	}
	return err_native(e, "%s", pcsc_stringify_error(rv));
}

void reader_fill(struct reader *r, const SCARD_READERSTATE *s)
{
	snprintf(r->name, sizeof r->name, "%s", s->szReader);
	r->present = (s->dwEventState & SCARD_STATE_PRESENT) != 0;
	r->mute = (s->dwEventState & SCARD_STATE_MUTE) != 0;
	r->exclusive = (s->dwEventState & SCARD_STATE_EXCLUSIVE) != 0;
	r->events = (unsigned)(s->dwEventState >> 16);
	if (r->present && s->cbAtr <= sizeof s->rgbAtr)
		hex_encode(r->atr, sizeof r->atr, s->rgbAtr, s->cbAtr);
}

/* names: each ended by NUL, the last one by another. */
static size_t point_at(SCARD_READERSTATE *states, const char *names)
{
	size_t n = 0;
	for (; *names != '\0' && n < READER_COUNT_MAX; names += strlen(names) + 1)
		states[n++].szReader = names;
	return n;
}

static int read_states(SCARDCONTEXT ctx, const char *names, struct reader **ret, size_t *ret_n, struct err *e)
{
	SCARD_READERSTATE states[READER_COUNT_MAX];
	memset(states, 0, sizeof states);
	size_t n = point_at(states, names);
	LONG rv = n != 0 ? SCardGetStatusChange(ctx, 0, states, (DWORD)n) : SCARD_S_SUCCESS;
	if (rv != SCARD_S_SUCCESS && rv != SCARD_E_TIMEOUT)
		return reader_no_service(rv, e);
	struct reader *list = xcalloc(n, sizeof *list);
	for (size_t i = 0; i < n; i++)
		reader_fill(&list[i], &states[i]);
	*ret = list;
	*ret_n = n;
	return 0;
}

int reader_list(struct reader **ret, size_t *ret_n, struct err *e)
{
	static char none[] = "";
	SCARDCONTEXT ctx;
	LPSTR names = none;
	DWORD len = SCARD_AUTOALLOCATE;
	*ret = NULL;
	*ret_n = 0;
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx);
	if (rv != SCARD_S_SUCCESS)
		return reader_no_service(rv, e);
	rv = SCardListReaders(ctx, NULL, (LPSTR)&names, &len);
	bool some = rv == SCARD_S_SUCCESS;
	int got = some || rv == SCARD_E_NO_READERS_AVAILABLE ? read_states(ctx, some ? names : none, ret, ret_n, e)
							     : reader_no_service(rv, e);
	if (some)
		SCardFreeMemory(ctx, names);
	SCardReleaseContext(ctx);
	return got;
}

static bool wait_empty(SCARDCONTEXT ctx, const char *name, unsigned ms)
{
	SCARD_READERSTATE state = {.szReader = name};
	LONG rv = SCardGetStatusChange(ctx, 0, &state, 1);
	if (rv == SCARD_S_SUCCESS && (state.dwEventState & SCARD_STATE_PRESENT) != 0) {
		state.dwCurrentState = state.dwEventState;
		rv = SCardGetStatusChange(ctx, ms, &state, 1);
	}
	bool read = rv == SCARD_S_SUCCESS || rv == SCARD_E_TIMEOUT;
	return read ? (state.dwEventState & SCARD_STATE_PRESENT) == 0 : rv == SCARD_E_UNKNOWN_READER;
}

bool reader_is_empty(const char *name, unsigned ms)
{
	struct reader *list = NULL;
	size_t n = 0;
	SCARDCONTEXT ctx;
	if (reader_list(&list, &n, NULL) != 0)
		return false;
	const struct reader *r = reader_find(list, n, name);
	bool empty = r == NULL || !r->present;
	if (!empty && SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx) == SCARD_S_SUCCESS) {
		empty = wait_empty(ctx, r->name, ms);
		SCardReleaseContext(ctx);
	}
	free(list);
	return empty;
}

const struct reader *reader_find(const struct reader *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

/* Fields of CK_SLOT_INFO are filled up with blanks, which are not seen any more. */
static bool is_cut(const char *text, const char *name, size_t at)
{
	size_t n = strlen(text);
	return n <= at && strncmp(text, name, n) == 0 && strspn(name + n, " ") >= at - n;
}

static bool is_description_of(const char *text, const char *name)
{
	size_t n = strlen(text), kept = SLOT_DESCRIPTION - strlen(DOTS);
	if (strlen(name) <= SLOT_DESCRIPTION)
		return strcmp(text, name) == 0;
	return is_cut(text, name, SLOT_DESCRIPTION) ||
	       (n == SLOT_DESCRIPTION && strncmp(text, name, kept) == 0 && strcmp(text + kept, DOTS) == 0);
}

/* The only reader with a card that it is for. */
static const struct reader *find_described(const struct reader *list, size_t n, const char *text)
{
	const struct reader *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].present || !is_description_of(text, list[i].name))
			continue;
		if (found != NULL)
			return NULL;
		found = &list[i];
	}
	return found;
}

void reader_complete(char name[READER_NAME_MAX], const char *known)
{
	struct reader *list = NULL;
	size_t n = 0;
	if (is_description_of(name, known)) {
		snprintf(name, READER_NAME_MAX, "%s", known);
		return;
	}
	if (strlen(name) < SLOT_DESCRIPTION - strlen(DOTS) || reader_list(&list, &n, NULL) != 0)
		return;
	const struct reader *r = find_described(list, n, name);
	if (r != NULL)
		snprintf(name, READER_NAME_MAX, "%s", r->name);
	free(list);
}

bool reader_is_ambiguous(const struct reader *list, size_t n, const struct reader *r)
{
	const size_t kept = SLOT_DESCRIPTION - strlen(DOTS);
	for (size_t i = 0; i < n; i++) {
		bool both_cut = strlen(list[i].name) > SLOT_DESCRIPTION && strlen(r->name) > SLOT_DESCRIPTION;
		if (&list[i] != r && list[i].present && both_cut && strncmp(list[i].name, r->name, kept) == 0)
			return true;
	}
	return false;
}
