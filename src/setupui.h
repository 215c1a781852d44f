/*
 * setupui: what `tokenroll setup` knows of a company, asks of the person and
 * shows. What an option gives is not asked; with --yes and without a terminal
 * nothing is.
 */
#ifndef SETUPUI_H
#define SETUPUI_H

#include "setupstate.h"

/* Which PKI; fills s->pki. */
int setupui_pki(struct setup *s, struct err *e);

/* What a new CA is to be called and which server it is for; fills ca_name, key_type, days, server and remote. */
int setupui_new_ca(struct setup *s, struct err *e);

/* The server's name and where it is reached, for a PKI that was there; servers are the names of its server
 * certificates. */
int setupui_server(struct setup *s, const struct config_list *servers, struct err *e);

/* Shows the PKI that was found. */
void setupui_found(struct setup *s);

/* Shows what will be made and asks whether it may be. */
int setupui_agree(struct setup *s, struct err *e);

/* The passphrase of a new CA, or what its HSM or the key that is there wants. attempt counts from 0. */
int setupui_passphrase(struct setup *s, unsigned attempt, struct err *e);

/* The result, on stdout: for people with what comes next, or as a document. */
int setupui_report(const struct setup *s, const struct err *error, struct err *e);

#endif
