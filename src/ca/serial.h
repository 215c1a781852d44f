/*
 * serial: the serial number of the next certificate: random, or counted in
 * PKI/serial if the vars say EASYRSA_RAND_SN=no.
 */
#ifndef CA_SERIAL_H
#define CA_SERIAL_H

#include "ca/pki.h"

/*
 * Chooses a number that no row of index.txt has and no file of certs_by_serial. Random: the proposed one, else
 * one derived from it, so that a second try comes to the same. Counted: the next one, which is used up from then
 * on (PKI/serial is written before, serial.old kept), after an easy-rsa that may be about to use it has finished.
 * Called under the lock.
 */
int serial_choose(char ret[CA_SERIAL_HEX_MAX], struct ca *ca, const unsigned char proposed[16], struct err *e);

/* Whether there will be one: the counter can be read, where it counts. Changes nothing. ERR_CA_PKI. */
int serial_check(const struct ca *ca, struct err *e);

/* The first choice for a proposed number, in hex; 3.2 of easy-rsa wants no leading 00. */
void serial_of_proposal(char ret[CA_SERIAL_HEX_MAX], const unsigned char proposed[16]);

#endif
