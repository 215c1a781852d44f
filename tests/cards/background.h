/*
 * background: a program that goes on in the background once it is ready, and ends together with another process.
 */
#ifndef CARDS_BACKGROUND_H
#define CARDS_BACKGROUND_H

#include <sys/types.h>

/* Forks. In the child: a session of its own, standard input from /dev/null, output and errors to the end of a file,
 * every other descriptor closed (a test runner waits for those who hold its own); returns the descriptor for
 * background_ready. In the parent: waits until the child has called that or died, and exits with what it said. Returns
 * -1 with errno if that cannot be done. */
int background_start(const char *log);

/* Lets the parent say that (NULL: nothing; status not 0: on stderr) and exit with that status. Closes ready. */
void background_ready(int ready, int status, const char *words);

/* Holds a lock on a file, which is made if need be, for as long as this process lives. Returns 0, or -1 with errno:
 * EAGAIN if another process holds it. */
int background_lock(const char *path);

/* The process that holds it; 0: none does. */
pid_t background_holder(const char *path);

/* A descriptor that becomes readable when the process ends. Returns -1 with errno, ESRCH if it has ended already. */
int background_watch(pid_t pid);

/* Reads a process's number; 0 if it is none. */
pid_t background_pid(const char *text);

#endif
