/*
 * session: whether an easy-rsa is at work that knows no lock.
 *
 * Before 3.2.3, easy-rsa (through openssl) reads index.txt and serial, and
 * some time later writes them anew from its memory. Nothing tells from
 * outside when it does, but while it runs it has a temporary folder in
 * EASYRSA_TEMP_DIR: easy-rsa-PID.XXXXXX up to 3.0.9, eight hex digits from
 * 3.1.0 on; and it makes a file in it right before it calls openssl. A folder
 * that nothing happened in for a minute is left from a crash.
 */
#ifndef CA_SESSION_H
#define CA_SESSION_H

#include "ca/pki.h"

/* Whether there is such a folder. */
bool session_running(const char *temp_dir);

/* Waits until there is none, at most ten seconds, with a note where that lasts. Returns whether there is none. */
bool session_wait(const struct ca *ca);

#endif
