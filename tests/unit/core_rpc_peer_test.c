/* A child that calls, and its parent, whom nothing of what the child does may hold up. The child is a script beside a
 * copy of this program, because a program looks for the roles there. */
#include "core/clock.h"
#include "core/rpc.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LONGEST_MS 500 /* of a call that must not wait; a loaded machine takes some of it */

static char folder[] = "/tmp/rpc_peer.XXXXXX";

/* The child's script: its socket is descriptor 3. */
static struct rpc_peer *start(const char *script)
{
	char path[64];
	struct err e = ERR_INIT;
	struct rpc_peer *p = NULL;
	snprintf(path, sizeof path, "%s/tokenroll-enroller", folder);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(f), 0);
	char command[100];
	snprintf(command, sizeof command, "chmod +x %s", path);
	assert_int_equal(system(command), 0);
	assert_int_equal(rpc_peer_start(&p, "enroller", true, &e), 0);
	return p;
}

/* What a loop does. Returns what came in the end, and how long one turn took at most; -2 if nothing did within 10 s. */
static int serve(struct rpc_peer *p, struct rpc_msg *call, struct err *e, int64_t *ret_longest)
{
	int64_t end = clock_ms() + 10000;
	*ret_longest = 0;
	while (clock_ms() < end) {
		struct pollfd fd = {.fd = rpc_peer_fd(p), .events = POLLIN};
		if (poll(&fd, 1, 200) <= 0 && !rpc_peer_late(p))
			continue;
		int64_t before = clock_ms();
		int got = rpc_peer_next(p, call, e);
		if (clock_ms() - before > *ret_longest)
			*ret_longest = clock_ms() - before;
		if (got <= 0)
			return got;
	}
	return -2;
}

static void must_end(const char *script, const char *what, const char *native, int64_t least_ms, int64_t most_ms)
{
	struct rpc_msg call = RPC_MSG_INIT;
	struct err e = ERR_INIT;
	int64_t longest, began = clock_ms();
	struct rpc_peer *p = start(script);
	assert_int_equal(serve(p, &call, &e, &longest), -1);
	assert_string_equal(e.what, what);
	assert_string_equal(e.native, native);
	assert_in_range(clock_ms() - began, least_ms, most_ms);
	assert_in_range(longest, 0, LONGEST_MS);
	/* that it is gone is remembered */
	assert_int_equal(rpc_peer_fd(p), -1);
	assert_int_equal(rpc_peer_next(p, &call, &e), -1);
	rpc_msg_free(&call);
	rpc_peer_stop(&p);
}

static void one_that_closes_its_socket_and_does_not_end_is_killed_after_three_seconds(void **state)
{
	(void)state;
	must_end("exec 3>&-; exec sleep 60", "the process that enrolls one token crashed", "signal 9, SIGKILL", 2900,
		 6000);
}

static void one_that_ends_a_moment_later_is_told_by_its_status(void **state)
{
	(void)state;
	must_end("exec 3>&-; sleep 1; exit 9", "the process that enrolls one token ended early, with status 9", "", 900,
		 2900);
}

static void one_that_sends_half_a_call_is_killed_after_three_seconds(void **state)
{
	(void)state;
	must_end("printf '\\000\\000\\000\\144\\000\\020\\000\\000half' >&3; exec sleep 60",
		 "the process that enrolls one token did not answer within 3 s and was ended", "", 2900, 6000);
}

static void one_that_talks_nonsense_is_killed_at_once(void **state)
{
	(void)state;
	must_end("printf '\\377\\377\\377\\377\\377\\377\\377\\377' >&3; exec sleep 60",
		 "the process that enrolls one token sent something that is no message and was ended", "", 0, 2900);
}

static void a_call_that_comes_in_pieces_is_taken_when_it_is_whole(void **state)
{
	(void)state;
	struct rpc_msg call = RPC_MSG_INIT;
	struct err e = ERR_INIT;
	int64_t longest;
	struct rpc_peer *p = start("printf '\\000\\000\\000\\004\\000' >&3; sleep 0.3; printf '\\020\\000\\000ab' >&3;"
				   "sleep 0.3; printf 'cd' >&3; exec sleep 60");
	assert_int_equal(serve(p, &call, &e, &longest), 0);
	assert_int_equal(call.type, 16);
	assert_memory_equal(call.body, "abcd", 4);
	assert_in_range(longest, 0, LONGEST_MS);
	rpc_msg_free(&call);
	rpc_peer_stop(&p);
}

static void one_that_does_not_take_its_answers_holds_up_its_parent_once(void **state)
{
	(void)state;
	struct rpc_msg answer = RPC_MSG_INIT;
	int64_t began = clock_ms();
	struct rpc_peer *p = start("exec sleep 60");
	rpc_put_bytes(&answer, folder, sizeof folder);
	for (int i = 0; i < 10000; i++)
		rpc_peer_answer(p, &answer);
	assert_in_range(clock_ms() - began, 0, 2900);
	rpc_msg_free(&answer);
	rpc_peer_stop(&p);
}

static void one_that_does_not_take_a_call_is_ended_when_its_time_is_over(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct rpc_msg call = RPC_MSG_INIT;
	char piece[4096] = "";
	int64_t began = clock_ms();
	struct rpc_peer *p = start("exec sleep 60");
	rpc_msg_reset(&call, RPC_TYPE_FIRST_CALL);
	for (int i = 0; i < 512; i++)
		rpc_put_bytes(&call, piece, sizeof piece);
	assert_int_equal(rpc_send_within(p, &call, 1000, &e), -1);
	assert_in_range(clock_ms() - began, 1000, 4000);
	assert_non_null(strstr(e.what, "did not answer within 1 s and was ended"));
	rpc_msg_free(&call);
	rpc_peer_stop(&p);
}

static int prepare(const char *program)
{
	char command[256], copy[64];
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(copy, sizeof copy, "%s/test", folder);
	snprintf(command, sizeof command, "cp %s %s", program, copy);
	if (system(command) != 0)
		return 1;
	execl(copy, program, folder, (char *)NULL);
	return 1;
}

static int remove_all(void **state)
{
	char command[64];
	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_closes_its_socket_and_does_not_end_is_killed_after_three_seconds),
	    cmocka_unit_test(one_that_ends_a_moment_later_is_told_by_its_status),
	    cmocka_unit_test(one_that_sends_half_a_call_is_killed_after_three_seconds),
	    cmocka_unit_test(one_that_talks_nonsense_is_killed_at_once),
	    cmocka_unit_test(a_call_that_comes_in_pieces_is_taken_when_it_is_whole),
	    cmocka_unit_test(one_that_does_not_take_its_answers_holds_up_its_parent_once),
	    cmocka_unit_test(one_that_does_not_take_a_call_is_ended_when_its_time_is_over),
	};
	if (argc == 1)
		return prepare(argv[0]);
	memcpy(folder, argv[1], sizeof folder);
	return cmocka_run_group_tests(tests, NULL, remove_all);
}
