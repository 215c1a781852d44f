/*
 * tlskey: the control channel's keys of OpenVPN, as they go into a profile.
 * The values are secrets of the company, not of a person: whoever has one can
 * talk to the server's port, but not log in.
 */
#ifndef HANDOVER_TLSKEY_H
#define HANDOVER_TLSKEY_H

#include "core/err.h"

#include <stdbool.h>

/* Whether a [template] name is tls_auth, tls_crypt or tls_crypt_v2. */
bool tlskey_is_name(const char *name);

/* The PEM block for the profile from the text of the key file at path: for tls_auth and tls_crypt the static key
 * itself, for tls_crypt_v2 a new client key made with the server key by `openvpn --genkey`. ERR_CONFIG for a file
 * of another kind, ERR_SYSTEM when openvpn can't be run. The caller frees *ret. */
int tlskey_value(const char *name, const char *path, const char *text, char **ret, struct err *e);

/* Makes a static key for tls-crypt by `openvpn --genkey secret` and writes it to path, 0600. ERR_SYSTEM when openvpn
 * can't be run or the file can't be written. */
int tlskey_make(const char *path, struct err *e);

#endif
