/*
 * question: the questions that programs put to systemd's password agents, as
 * files in /run/systemd/ask-password (systemd.io/PASSWORD_AGENTS). Of those,
 * ours: what tokenroll-vpn asks (agent.h).
 */
#ifndef VPN_QUESTION_H
#define VPN_QUESTION_H

#include "core/err.h"
#include "core/secret.h"

#include <limits.h>
#include <stdbool.h>

#define QUESTION_ID "tokenroll-vpn" /* Id= in the file */

struct question {
	char file[NAME_MAX + 1]; /* ask.XXXXXX */
	char message[512];
	char socket[108]; /* where the answer goes */
	bool echo;
};

/* One that is open in the folder, but not the one in the file but; false if there is none. */
bool question_find(struct question *ret, const char *folder, const char *but);

/* Whether it is still open. */
bool question_open(const struct question *q, const char *folder);

/*
 * Sends the answer, or with NULL that there will be none: through pkexec and systemd-reply-password, because only
 * root's is taken; polkit has a rule that lets members of the group tokenroll do that. ERR_FAILED.
 */
int question_answer(const struct question *q, const struct secret *answer, struct err *e);

#endif
