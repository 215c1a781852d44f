/*
 * credentials: where the parent gets PINs and passphrases: a file, a
 * descriptor, or the person at the terminal; nowhere else.
 */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include "ca/signer.h"
#include "core/config.h"
#include "core/secret.h"
#include "options.h"

/* The PIN from --pin-file or --pin-fd, else asked with this text. ERR_SECRET_NEEDED says how to give it. */
int credentials_pin(const struct options *o, const char *text, struct secret *ret, struct err *e);

/* The SO PIN from --so-pin-file, else asked with this text. ERR_SECRET_NEEDED. */
int credentials_so_pin(const struct options *o, const char *text, struct secret *ret, struct err *e);

/* A secret from the file that an option names, else asked; what is what it is called, option how it can be given. */
int credentials_other(const char *file, const char *option, const char *what, const char *text, struct secret *ret,
		      struct err *e);

/* Whether --pin-file or --pin-fd was given. */
bool credentials_has_pin(const struct options *o);

/* The CA key's passphrase or its HSM's PIN from --ca-pass-file or --ca-pass-fd, else asked. From a file there is one
 * attempt, at the terminal three; after that ERR_CA_PASSPHRASE. attempt counts from 0. The last try of a PIN is agreed
 * to by --last-try or at the terminal, ERR_PIN_LAST_TRY; where nobody types the PIN, *ret stays empty. */
int credentials_ca(const struct options *o, const struct ca_info *ca, unsigned attempt, struct secret *ret,
		   struct err *e);

/* All files and descriptors that secrets come from, by the options and by [ca] key, become what cfg has to be hidden
 * from the processes that run code of others. */
void credentials_hide(struct config *cfg, const struct options *o);

#endif
