/*
 * profile: reads a rendered .ovpn as OpenVPN will, and refuses what OpenVPN
 * would refuse, ignore or misread on the employee's computer.
 */
#ifndef HANDOVER_PROFILE_H
#define HANDOVER_PROFILE_H

#include "core/blob.h"
#include "core/err.h"

#include <stdbool.h>

/* Bytes of a line without its end: OpenVPN 2.6 reads it into 256 and refuses it when they are full. */
#define PROFILE_LINE_MAX 254

/*
 * Checks one profile; file is for messages, id is the pkcs11-id that it has to name. ERR_TEMPLATE with file and
 * line for: key, cert and pkcs12, as options and as inline blocks; a line over PROFILE_LINE_MAX outside inline blocks
 * (there OpenVPN reads in pieces); a quotation or a block that is not closed; a backslash that OpenVPN does not
 * take; a second pkcs11-providers line; and no pkcs11-id, or not this one.
 */
int profile_check(const char *file, const struct blob *text, const char *id, struct err *e);

/* Whether a text, a template or rendered, is a client's profile: it has a line client, tls-client or remote. */
bool profile_is_client(const struct blob *text);

/* The key that a profile names, and where it is looked for: "" or none where it does not say so. */
struct profile_named {
	char id[PROFILE_LINE_MAX + 1];         /* pkcs11-id */
	char modules[8][PROFILE_LINE_MAX + 1]; /* pkcs11-providers */
	size_t n;
};

void profile_named(const struct blob *text, struct profile_named *ret);

/* The same text with CR LF, or with LF, at the end of each line. */
void profile_line_ends(struct blob *text, bool crlf);

#endif
