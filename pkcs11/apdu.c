#include "pkcs11/apdu.h"

#include <openssl/crypto.h>
#include <string.h>
#include <winscard.h>

#define ANSWER_MAX (APDU_DATA_MAX + 2)

/* A card of which this process has the only transaction. */
struct line {
	SCARDCONTEXT ctx;
	SCARDHANDLE card;
	DWORD protocol;
};

static int failed(LONG rv, const char *reader, struct err *e)
{
	bool gone = rv == SCARD_W_REMOVED_CARD || rv == SCARD_E_NO_SMARTCARD || rv == SCARD_E_UNKNOWN_READER ||
		    rv == SCARD_E_READER_UNAVAILABLE;
	err_set(e, gone ? ERR_REMOVED : ERR_TOKEN_FAILED, "the card in '%s' cannot be talked to", reader);
	return err_native(e, "%s", pcsc_stringify_error(rv));
}

static int line_open(struct line *l, const char *reader, struct err *e)
{
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &l->ctx);
	if (rv != SCARD_S_SUCCESS)
		return failed(rv, reader, e);
	rv = SCardConnect(l->ctx, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &l->card,
			  &l->protocol);
	if (rv == SCARD_S_SUCCESS) {
		rv = SCardBeginTransaction(l->card);
		if (rv == SCARD_S_SUCCESS)
			return 0;
		SCardDisconnect(l->card, SCARD_LEAVE_CARD);
	}
	SCardReleaseContext(l->ctx);
	return failed(rv, reader, e);
}

static void line_close(struct line *l)
{
	SCardEndTransaction(l->card, SCARD_LEAVE_CARD);
	SCardDisconnect(l->card, SCARD_LEAVE_CARD);
	SCardReleaseContext(l->ctx);
}

static int transmit(struct line *l, const char *reader, const void *command, size_t len, struct apdu_answer *ret,
		    struct err *e)
{
	unsigned char answer[ANSWER_MAX];
	DWORD got = sizeof answer;
	const SCARD_IO_REQUEST *protocol = l->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
	LONG rv = SCardTransmit(l->card, protocol, command, (DWORD)len, NULL, answer, &got);
	if (rv != SCARD_S_SUCCESS)
		return failed(rv, reader, e);
	if (got < 2 || got > sizeof answer)
		return err_set(e, ERR_TOKEN_FAILED, "the card in '%s' gave an answer without a status word", reader);
	ret->len = got - 2;
	memcpy(ret->data, answer, ret->len);
	ret->sw = (unsigned)answer[got - 2] << 8 | answer[got - 1];
	return 0;
}

/* What the card still has of an answer (ISO/IEC 7816-3, 12.2.1). */
static int fetch_rest(struct line *l, const char *reader, struct apdu_answer *ret, struct err *e)
{
	struct apdu_answer part = {.len = 0};
	while (ret->sw >> 8 == 0x61) {
		const unsigned char more[] = {0x00, 0xC0, 0x00, 0x00, (unsigned char)(ret->sw & 0xFF)};
		if (transmit(l, reader, more, sizeof more, &part, e) != 0)
			return -1;
		if (part.len > sizeof ret->data - ret->len || (part.len == 0 && part.sw >> 8 == 0x61))
			return err_set(e, ERR_TOKEN_FAILED, "the card in '%s' gave an answer without an end", reader);
		memcpy(ret->data + ret->len, part.data, part.len);
		ret->len += part.len;
		ret->sw = part.sw;
	}
	return 0;
}

/* One command with all of its answer; the right Le after 6Cxx. */
static int exchange(struct line *l, const char *reader, struct secret *command, struct apdu_answer *ret, struct err *e)
{
	if (transmit(l, reader, command->bytes, command->len, ret, e) != 0)
		return -1;
	if (ret->sw >> 8 == 0x6C && command->len == 5) {
		command->bytes[4] = (char)(ret->sw & 0xFF);
		return transmit(l, reader, command->bytes, command->len, ret, e);
	}
	return fetch_rest(l, reader, ret, e);
}

int apdu_run(const char *reader, const struct profile_apdus *commands, const struct profile_secrets *secrets,
	     struct apdu_answer *ret, struct err *e)
{
	struct line l;
	if (line_open(&l, reader, e) != 0)
		return -1;
	struct secret *command = secret_new();
	int got = 0;
	ret->sw = 0x9000;
	for (size_t i = 0; got == 0 && ret->sw == 0x9000 && i < commands->n; i++) {
		got = profile_render(&commands->v[i], secrets, command, e);
		if (got == 0)
			got = exchange(&l, reader, command, ret, e);
	}
	secret_free(&command);
	line_close(&l);
	return got;
}

int apdu_tries(unsigned sw)
{
	if (sw == 0x6983)
		return 0;
	return (sw & 0xFFF0) == 0x63C0 ? (int)(sw & 0xF) : -1;
}
