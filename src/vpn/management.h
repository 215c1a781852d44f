/*
 * management: OpenVPN's management interface (doc/management-notes.txt of its
 * source), we being the one that OpenVPN connects to: a Unix socket in a
 * folder that only we can enter, and lines of text.
 */
#ifndef VPN_MANAGEMENT_H
#define VPN_MANAGEMENT_H

#include "core/err.h"
#include "core/secret.h"

#include <limits.h>
#include <sys/types.h>

#define MANAGEMENT_LINE 2048 /* bytes; a longer one is an error */

struct management {
	int listener, fd; /* fd: -1 until OpenVPN has connected */
	char folder[PATH_MAX - 16], path[PATH_MAX];
	char line[MANAGEMENT_LINE];
	size_t have, used; /* bytes in line, and how many of them the last line had */
};

/* Makes the folder, under $RUNTIME_DIRECTORY or else $TMPDIR or /tmp, and listens in it. ERR_SYSTEM. */
int management_listen(struct management *m, struct err *e);

/* Takes the connection of process pid. ERR_CONFIG if another one has connected, as with `daemon` in the profile. */
int management_accept(struct management *m, pid_t pid, struct err *e);

/* The next line, without its end; it is m's, until the next call. Waits for it. *ret is NULL when OpenVPN has closed
 * the connection or a signal has asked us to stop. ERR_FAILED for a line that is too long. */
int management_read(struct management *m, char **ret, struct err *e);

/* Sends a line, which has no end. A connection that was closed is seen at the next management_read. */
void management_send(struct management *m, const char *line);

/* Sends `password "what" "secret"`, or with command "username" that; escaped as OpenVPN's lexer wants it, and wiped.
 * ERR_FAILED if that would be too long. */
int management_answer(struct management *m, const char *command, const char *what, const struct secret *s,
		      struct err *e);

/* Closes all, and removes what management_listen has made. */
void management_end(struct management *m);

#endif
