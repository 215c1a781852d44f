/*
 * rights: whether this user could have a certificate issued, by what is there
 * and by its modes. No key is read, nothing is locked or changed; any process
 * may ask.
 */
#ifndef CA_RIGHTS_H
#define CA_RIGHTS_H

#include "core/config.h"

/* The folders of the PKI are there and can be written, and the key can be read if it is in a file that is here.
 * ERR_CA_PKI. */
int ca_rights_check(const struct config_ca *cfg, struct err *e);

#endif
