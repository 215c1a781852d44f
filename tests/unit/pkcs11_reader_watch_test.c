/* A reader that goes and comes back is another one, even if PC/SC says the same of it as before. The functions of PC/SC
 * are this test's own: no virtual reader goes away without its service. */
#include "pkcs11/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#include <cmocka.h>

#define TOKEN "USB Token 00 00"
#define OTHER "Office Reader 01 00"

/* As multi-strings, each ended by NUL and all of them by another. */
static const char both[] = OTHER "\0" TOKEN "\0", other[] = OTHER "\0";
static const char *names;
static DWORD events; /* of the token's reader, since it came */
static LONG service = SCARD_S_SUCCESS;

LONG SCardEstablishContext(DWORD scope, LPCVOID a, LPCVOID b, LPSCARDCONTEXT ret)
{
	(void)scope, (void)a, (void)b;
	*ret = 1;
	return service;
}

LONG SCardReleaseContext(SCARDCONTEXT ctx)
{
	(void)ctx;
	return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT ctx, LPCSTR groups, LPSTR ret, LPDWORD len)
{
	(void)ctx, (void)groups, (void)len;
	memcpy(ret, &names, sizeof names);
	return service;
}

LONG SCardFreeMemory(SCARDCONTEXT ctx, LPCVOID memory)
{
	(void)ctx, (void)memory;
	return SCARD_S_SUCCESS;
}

/* Returns at once: each call of this test has something to tell, or has little time. */
LONG SCardGetStatusChange(SCARDCONTEXT ctx, DWORD ms, SCARD_READERSTATE *states, DWORD n)
{
	(void)ctx, (void)ms;
	for (DWORD i = 0; i + 1 < n; i++)
		states[i].dwEventState = SCARD_STATE_PRESENT | SCARD_STATE_CHANGED |
					 (strcmp(states[i].szReader, TOKEN) == 0 ? events << 16 : 0);
	return service;
}

/* What is told next of both readers; {0, 0} if nothing is. */
struct told {
	unsigned token, other;
};

static struct told next(struct reader_watch *w)
{
	struct reader *list = NULL;
	size_t n = 0;
	struct told ret = {0, 0};
	assert_int_equal(reader_watch_next(w, 10, &list, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		*(strcmp(list[i].name, TOKEN) == 0 ? &ret.token : &ret.other) = list[i].events;
	free(list);
	return ret;
}

static void a_reader_that_comes_back_has_another_number_of_events(void **state)
{
	(void)state;
	struct reader_watch *w = reader_watch_new();
	names = both;
	events = 1;
	struct told first = next(w);
	assert_int_equal(next(w).token, 0);
	names = other;
	struct told alone = next(w);
	assert_int_equal(alone.token, 0);
	assert_int_equal(alone.other, first.other);
	names = both;
	struct told second = next(w);
	assert_int_not_equal(second.token, first.token);
	assert_int_equal(second.other, first.other);
	reader_watch_free(&w);
}

static void a_card_that_is_changed_has_another_number_of_events(void **state)
{
	(void)state;
	struct reader_watch *w = reader_watch_new();
	names = both;
	events = 1;
	struct told first = next(w);
	events = 3;
	struct told second = next(w);
	assert_int_not_equal(second.token, first.token);
	assert_int_equal(second.other, first.other);
	reader_watch_free(&w);
}

static void after_the_service_was_gone_all_are_other_ones(void **state)
{
	(void)state;
	struct reader_watch *w = reader_watch_new();
	struct reader *list = NULL;
	size_t n = 0;
	struct err e = ERR_INIT;
	names = both;
	events = 1;
	struct told first = next(w);
	service = SCARD_E_NO_SERVICE;
	assert_int_equal(reader_watch_next(w, 10, &list, &n, &e), -1);
	assert_int_equal(e.code, ERR_READERS);
	assert_null(list);
	service = SCARD_S_SUCCESS;
	struct told second = next(w);
	assert_int_not_equal(second.token, first.token);
	assert_int_not_equal(second.other, first.other);
	reader_watch_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reader_that_comes_back_has_another_number_of_events),
	    cmocka_unit_test(a_card_that_is_changed_has_another_number_of_events),
	    cmocka_unit_test(after_the_service_was_gone_all_are_other_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
