/*
 * tokenroll-vpn-reply: hands an answer to systemd, or that there will be none,
 * as root: tokenroll-vpn-ask starts it with pkexec, and polkit has a rule that
 * lets members of the group tokenroll do that at the computer. It looks at
 * whose question it is, so that they can answer or cancel none but the VPN's:
 * not the one for the passphrase of a disk, say.
 *
 * usage: tokenroll-vpn-reply 0|1 ask.XXXXXX   1: the answer is on stdin
 */
#include "core/process.h"
#include "vpn/question.h"

#include <string.h>
#include <unistd.h>

/* Debian 12's systemd has it in the one folder, later ones in the other, and on most systems both are the same. */
static const char *reply_program(void)
{
	static const char *const paths[] = {"/usr/lib/systemd/systemd-reply-password",
					    "/lib/systemd/systemd-reply-password"};
	return access(paths[0], X_OK) == 0 ? paths[0] : paths[1];
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct question q;
	process_fill_descriptors();
	if (argc != 3 || (strcmp(argv[1], "0") != 0 && strcmp(argv[1], "1") != 0)) {
		fputs("usage: tokenroll-vpn-reply 0|1 ask.XXXXXX\n", stderr);
		return 2;
	}
	if (process_harden(&e) != 0 || question_read(&q, QUESTION_FOLDER, argv[2], &e) != 0) {
		fprintf(stderr, "tokenroll-vpn-reply: %s\n", e.what);
		return 1;
	}
	execl(reply_program(), reply_program(), argv[1], q.socket, (char *)NULL);
	fputs("tokenroll-vpn-reply: systemd-reply-password cannot be run\n", stderr);
	return 1;
}
