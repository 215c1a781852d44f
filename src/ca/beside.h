/*
 * beside: a second valid certificate of one name, while the one before it goes
 * on to be valid for a while. The directory is left as `easyrsa renew` leaves
 * it: the newer one is issued/NAME.crt; the older one, with its request and a
 * private key that may be there, is in renewed/, where `easyrsa
 * revoke-renewed` and show-renew find it. There is room for one; when a third
 * one is issued, the oldest is kept in certs_by_serial/ only.
 */
#ifndef CA_BESIDE_H
#define CA_BESIDE_H

#include "ca/pki.h"

/* Whether a serial is in this list, with blanks between; NULL is an empty one. */
bool beside_has(const char *list, const char *serial);

/* Whether one more may be issued: ERR_NAME_TAKEN for a valid one that is not in the list; ERR_CA_PKI if index.txt.attr
 * says that subjects are unique, while one is valid. Changes nothing. */
int beside_check(const struct ca *ca, const char *user, const char *list, struct err *e);

/* The serial of issued/NAME.crt if it is one of the list, "" else. */
void beside_find(const struct ca *ca, const char *user, const char *list, char ret[CA_SERIAL_HEX_MAX]);

/* Puts issued/NAME.crt with this serial aside, and what goes with it. Called under the lock and behind a record; does
 * nothing if that was done before. ERR_CA_FAILED. */
int beside_put_aside(const struct ca *ca, const char *user, const char *serial, struct err *e);

#endif
