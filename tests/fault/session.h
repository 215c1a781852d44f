/*
 * session: a token opened and logged into for the tools here, by dlopen and nothing else, so that what they say of a
 * token does not depend on the code under test.
 */
#ifndef FAULT_SESSION_H
#define FAULT_SESSION_H

#include <p11-kit/pkcs11.h>

struct session {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE handle;
};

/* Opens a read-write session on the token with this serial number; the PIN is the file's first line. Whatever goes
 * wrong ends the program with a message and status 1. */
void session_open(struct session *ret, const char *module, const char *serial, const char *pin_file);
void session_close(struct session *s);

/* Ends the program unless rv is CKR_OK. */
void must(CK_RV rv, const char *call);

#endif
