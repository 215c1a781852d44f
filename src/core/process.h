/*
 * process: what each of our processes gives up before it does anything, and
 * running other programs without a shell.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include "core/blob.h"
#include "core/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * To be called first of all: opens /dev/null for each of stdin, stdout and stderr that the caller has closed, so that
 * no database or socket gets its number and is written into. Writing to a stdout that was closed still fails.
 */
void process_fill_descriptors(void);

/* No core files, no ptrace by others of the same user, no new privileges; umask 077; SIGPIPE ignored. */
int process_harden(struct err *e);

/* The folder that this program's file is in; ret has room for PATH_MAX bytes. */
int process_folder(char *ret, struct err *e);

/* SIGINT, SIGTERM and SIGHUP set a flag from here on; the third of them ends the process. */
void process_catch_signals(void);
/* For a process whose parent decides when to stop: SIGTERM is noted, and ends no system call in its middle; SIGINT and
 * SIGHUP are ignored. grace_s: after how many seconds it ends the process nevertheless, 0 for never. */
void process_catch_term(unsigned grace_s);
/* The signal that asked us to stop, or 0. */
int process_stop_signal(void);
/* Whether we were asked twice: children that are still busy are not waited for any more. */
bool process_stop_urgent(void);

/*
 * Runs argv[0] (searched in PATH) with stdin from /dev/null and at most timeout_ms of time, in this environment and no
 * more, or in ours where env is NULL. Its stdout goes to *ret_out (may be NULL; at most 1 MiB), its stderr's last line
 * into the error's native reason. Fails unless it exits with 0.
 */
int process_run(const char *const argv[], const char *const env[], struct blob *ret_out, int timeout_ms, struct err *e);

/* A program that somebody else has chosen. */
struct process_hook {
	const char *const *argv;
	const char *const *env; /* all of its environment; NULL: ours */
	int in;                 /* its stdin; -1: /dev/null */
	mode_t umask;
	int timeout_ms;
};

/*
 * The same for such a one: in a process group of its own, all of which is ended when the time is up. It is done when it
 * has ended, also if it leaves another program running that has its output. *ret_output is what it wrote, stdout before
 * stderr, also when it fails.
 */
int process_run_hook(const struct process_hook *h, struct blob *ret_output, struct err *e);

/* The same without waiting for it: one that was begun, whether it is over, or out of time, which is to be asked again
 * and again, because that also takes what it writes; and its end, which ends one that is not over. */
struct process_job;
int process_job_begin(struct process_job **ret, const struct process_hook *h, struct err *e);
bool process_job_over(struct process_job *j);
/* Waits until it is, or until a signal asks us to stop: ERR_INTERRUPTED at its end then. One that has come before does
 * not count, because it may be what was asked for on the way to it. */
void process_job_wait(struct process_job *j);
int process_job_end(struct process_job **j, struct blob *ret_output, struct err *e);

#endif
