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
#include <stdint.h>
#include <sys/types.h>

#define QUESTION_ID "tokenroll-vpn" /* Id= in the file */
#define QUESTION_FOLDER "/run/systemd/ask-password"

struct question {
	char file[NAME_MAX + 1]; /* ask.XXXXXX */
	char message[512];
	char socket[108]; /* where the answer goes */
	bool echo;
	pid_t pid;          /* who asks; 0: not said */
	uint64_t not_after; /* when it is given up, in microseconds of CLOCK_MONOTONIC; 0: never */
};

/* Tells whether a question is not looked for, by its file's name. */
typedef bool question_skip_fn(void *arg, const char *file);

/* One that is open in the folder, and is not to be skipped; false if there is none. */
bool question_find(struct question *ret, const char *folder, question_skip_fn *skip, void *arg);

/* The one in a file. ERR_FAILED if it is none of ours, or there is no such file in the folder. */
int question_read(struct question *ret, const char *folder, const char *file, struct err *e);

/* Whether it is still open: it was neither answered nor given up, and who asks has not ended without taking it back. */
bool question_open(const struct question *q, const char *folder);

/*
 * Sends the answer, or with NULL that there will be none: through pkexec and tokenroll-vpn-reply, which lies beside
 * this program, because only root's is taken. ERR_FAILED.
 */
int question_answer(const struct question *q, const struct secret *answer, struct err *e);

#endif
