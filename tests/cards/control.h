/*
 * control: the UNIX socket over which a test drives a card. One connection is one command: a line of words comes in, a
 * line goes back, "ok" and perhaps more, or "error" and why. commands.c has what can be asked for.
 */
#ifndef CARDS_CONTROL_H
#define CARDS_CONTROL_H

#include <stddef.h>

struct machine;

#define CONTROL_LINE_MAX 1024
#define CONTROL_WORDS_MAX 8

/* Listens on a socket of that name; one that is left over from a dead process gives way. Returns it, or -1 with errno.
 */
int control_open(const char *path);

/* Takes one connection from m->control and carries out its command. */
void control_serve(struct machine *m);

/* Carries out a command of n words. Returns 0 with what is to be said in reply (perhaps nothing), or -1 with why not.
 */
int command_run(struct machine *m, char *const words[], size_t n, char *reply, size_t size);

#endif
