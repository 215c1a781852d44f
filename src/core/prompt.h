/*
 * prompt: questions to the person at the terminal. Only the parent asks.
 */
#ifndef CORE_PROMPT_H
#define CORE_PROMPT_H

#include "core/err.h"
#include "core/secret.h"

#include <stdbool.h>

/* Whether there is somebody to ask: /dev/tty can be opened and stdin and stderr are terminals. */
bool prompt_possible(void);

/* Reads a secret from the terminal without echo. ERR_INTERRUPTED on Ctrl-C, end of file or an empty line. */
int prompt_secret(struct secret *ret, const char *text, struct err *e);

/* The same for one that may be tried as often as one likes: an empty line, or end of file, is a wrong one. */
int prompt_passphrase(struct secret *ret, const char *text, struct err *e);

/* Asks twice, until both are the same; min and max are in bytes. */
int prompt_new_secret(struct secret *ret, const char *text, size_t min, size_t max, struct err *e);

/* A line that is no secret. ERR_INTERRUPTED on Ctrl-C, end of file or an empty line. */
int prompt_line(char *ret, size_t size, const char *text, struct err *e);

/* The same, but an empty line stands for otherwise, if that is not empty. */
int prompt_line_or(char *ret, size_t size, const char *text, const char *otherwise, struct err *e);

/* A number from 1 to n. ERR_INTERRUPTED on Ctrl-C or end of file. */
int prompt_choice(unsigned *ret, const char *text, unsigned n, struct err *e);

/* Yes or no; no on an empty line. */
int prompt_yes(bool *ret, const char *text, struct err *e);

#endif
