/*
 * What pcscd sees in its readers:
 *
 *     readers list                         one line each: number, present or empty, name
 *     readers name K                       the name of reader K, from 0
 *     readers wait K present|empty [S]     returns when it is so; fails after S seconds (10)
 *     readers hold K                       has its card for itself until stdin ends, as GnuPG's scdaemon does; says so
 *     readers send K HEX...                sends these APDUs as they are, and prints a line of HEX for each answer
 *     readers send K -                     those that come on stdin, one a line, so that one can depend on an answer
 */
#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

#define NAMES_MAX (16 * 128)
#define APDU_MAX (4 + 3 + 65535 + 2)

static int failed(const char *what, LONG code)
{
	fprintf(stderr, "readers: %s: %s\n", what, pcsc_stringify_error(code));
	return 1;
}

/* The name of reader number k in a list of names; NULL if there are not so many. */
static const char *name_of(const char *names, unsigned long k)
{
	while (*names && k--)
		names += strlen(names) + 1;
	return *names ? names : NULL;
}

static bool is_present(DWORD state)
{
	return (state & SCARD_STATE_PRESENT) && !(state & SCARD_STATE_MUTE);
}

static int list(SCARDCONTEXT context, const char *names)
{
	const char *name;

	for (unsigned long k = 0; (name = name_of(names, k)); k++) {
		SCARD_READERSTATE state = {.szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE};
		LONG rc = SCardGetStatusChange(context, 0, &state, 1);

		if (rc != SCARD_S_SUCCESS)
			return failed(name, rc);
		printf("%lu\t%s\t%s\n", k, is_present(state.dwEventState) ? "present" : "empty", name);
	}
	return 0;
}

static int wait_for(SCARDCONTEXT context, const char *name, bool present, long seconds)
{
	SCARD_READERSTATE state = {.szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE};
	time_t until = time(NULL) + seconds;

	while (time(NULL) <= until) {
		LONG rc = SCardGetStatusChange(context, 1000, &state, 1);

		if (rc != SCARD_S_SUCCESS && rc != (LONG)SCARD_E_TIMEOUT)
			return failed(name, rc);
		if (is_present(state.dwEventState) == present)
			return 0;
		state.dwCurrentState = state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	}
	fprintf(stderr, "readers: %s is not %s after %ld seconds\n", name, present ? "present" : "empty", seconds);
	return 1;
}

static int send_one(SCARDHANDLE card, const char *hex)
{
	static uint8_t answer[MAX_BUFFER_SIZE_EXTENDED];
	uint8_t apdu[APDU_MAX];
	DWORD answer_n = sizeof(answer);
	size_t n;
	LONG rc;

	if (bytes_from_hex(apdu, sizeof(apdu), &n, hex) == -1) {
		fprintf(stderr, "readers: this is no APDU in hexadecimal digits: %s\n", hex);
		return 2;
	}
	rc = SCardTransmit(card, SCARD_PCI_T1, apdu, n, NULL, answer, &answer_n);
	if (rc != SCARD_S_SUCCESS)
		return failed("cannot send", rc);
	for (DWORD i = 0; i < answer_n; i++)
		printf("%02X", answer[i]);
	return puts("") == EOF;
}

/* What comes on stdin, answer by answer. */
static int send_lines(SCARDHANDLE card)
{
	static char line[2 * APDU_MAX + 2];
	int status = 0;

	while (status == 0 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		status = send_one(card, line);
		fflush(stdout);
	}
	return status;
}

static int send_all(SCARDCONTEXT context, const char *name, int n, char **apdus)
{
	SCARDHANDLE card;
	DWORD protocol;
	LONG rc = SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card, &protocol);
	int status = 0;

	if (rc != SCARD_S_SUCCESS)
		return failed(name, rc);
	if (n == 1 && strcmp(apdus[0], "-") == 0)
		status = send_lines(card);
	else
		for (int i = 0; i < n && status == 0; i++)
			status = send_one(card, apdus[i]);
	SCardDisconnect(card, SCARD_RESET_CARD);
	return status;
}

static int hold(SCARDCONTEXT context, const char *name)
{
	SCARDHANDLE card;
	DWORD protocol;
	LONG rc = SCardConnect(context, name, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1, &card, &protocol);

	if (rc != SCARD_S_SUCCESS)
		return failed(name, rc);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	SCardDisconnect(card, SCARD_LEAVE_CARD);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: readers list | name K | wait K present|empty [SECONDS] | hold K | send K HEX...|-\n");
	return 2;
}

static int run(SCARDCONTEXT context, const char *names, int argc, char **argv)
{
	const char *name = argc > 2 ? name_of(names, strtoul(argv[2], NULL, 10)) : NULL;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(context, names);
	if (argc < 3)
		return usage();
	if (!name) {
		fprintf(stderr, "readers: there is no reader %s\n", argv[2]);
		return 1;
	}
	if (strcmp(argv[1], "name") == 0)
		return puts(name) == EOF;
	if (strcmp(argv[1], "hold") == 0)
		return hold(context, name);
	if (strcmp(argv[1], "send") == 0)
		return send_all(context, name, argc - 3, argv + 3);
	if (strcmp(argv[1], "wait") != 0 || argc < 4)
		return usage();
	return wait_for(context, name, strcmp(argv[3], "present") == 0, argc > 4 ? strtol(argv[4], NULL, 10) : 10);
}

int main(int argc, char **argv)
{
	char names[NAMES_MAX + 1] = "";
	SCARDCONTEXT context;
	DWORD size = NAMES_MAX;
	LONG rc = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
	int status;

	if (rc != SCARD_S_SUCCESS)
		return failed("cannot reach pcscd", rc);
	rc = SCardListReaders(context, NULL, names, &size);
	status = rc == SCARD_S_SUCCESS ? run(context, names, argc, argv) : failed("cannot list the readers", rc);
	SCardReleaseContext(context);
	return status;
}
