/*
 * pkis: where on this machine an easy-rsa PKI may be.
 */
#ifndef SETUP_PKIS_H
#define SETUP_PKIS_H

#include "core/config_list.h"

/* The folders with a CA certificate, absolute and without links: $EASYRSA_PKI, pki in the folder that one is in, those
 * of the distributions, and those that OpenVPN's own instructions name. The list is to be freed. */
void setup_pkis(struct config_list *ret);

#endif
