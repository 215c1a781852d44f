#include "pkcs11/reader.h"
#include "core/blob.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <winscard.h>

/* bytes of a PKCS#11 slot's description, which PC/SC names are cut to */
#define SLOT_DESCRIPTION 64
#define READERS_MAX 64 /* pcscd knows 16 */

static int no_service(LONG rv, struct err *e)
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

static void fill(struct reader *r, const SCARD_READERSTATE *s)
{
	snprintf(r->name, sizeof r->name, "%s", s->szReader);
	r->present = (s->dwEventState & SCARD_STATE_PRESENT) != 0;
	r->mute = (s->dwEventState & SCARD_STATE_MUTE) != 0;
	r->exclusive = (s->dwEventState & SCARD_STATE_EXCLUSIVE) != 0;
	if (r->present && s->cbAtr <= sizeof s->rgbAtr)
		hex_encode(r->atr, sizeof r->atr, s->rgbAtr, s->cbAtr);
}

/* names: each ended by NUL, the last one by another. */
static size_t point_at(SCARD_READERSTATE *states, const char *names)
{
	size_t n = 0;
	for (; *names != '\0' && n < READERS_MAX; names += strlen(names) + 1)
		states[n++].szReader = names;
	return n;
}

static int read_states(SCARDCONTEXT ctx, const char *names, struct reader **ret, size_t *ret_n, struct err *e)
{
	SCARD_READERSTATE states[READERS_MAX];
	memset(states, 0, sizeof states);
	size_t n = point_at(states, names);
	LONG rv = n != 0 ? SCardGetStatusChange(ctx, 0, states, (DWORD)n) : SCARD_S_SUCCESS;
	if (rv != SCARD_S_SUCCESS && rv != SCARD_E_TIMEOUT)
		return no_service(rv, e);
	struct reader *list = xcalloc(n, sizeof *list);
	for (size_t i = 0; i < n; i++)
		fill(&list[i], &states[i]);
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
		return no_service(rv, e);
	rv = SCardListReaders(ctx, NULL, (LPSTR)&names, &len);
	bool some = rv == SCARD_S_SUCCESS;
	int got = some || rv == SCARD_E_NO_READERS_AVAILABLE ? read_states(ctx, some ? names : none, ret, ret_n, e)
							     : no_service(rv, e);
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
	bool cut = strlen(name) == SLOT_DESCRIPTION;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0 || (cut && strncmp(list[i].name, name, SLOT_DESCRIPTION) == 0))
			return &list[i];
	}
	return NULL;
}
