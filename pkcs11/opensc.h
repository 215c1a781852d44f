/*
 * opensc: OpenSC's module gets a configuration of ours around the system's
 * (opensc.conf(5)), so that it talks to one reader only, sees more readers
 * than its first four, and has what a profile wants of it. Worker process
 * only, before the module is initialized; other modules do not notice it.
 */
#ifndef PKCS11_OPENSC_H
#define PKCS11_OPENSC_H

#include "core/err.h"
#include "pkcs11/profile.h"

#include <stdbool.h>

/*
 * What is known of the cards before OpenSC has seen them, one word and its values a line: "ignore READER" for one that
 * is another module's, "driver ATR DRIVER" for a card whose driver need not be found out.
 */
#define OPENSC_CARDS_MAX 8192
#define OPENSC_IGNORE "ignore "
#define OPENSC_DRIVER "driver "

/* Whether this is OpenSC's module, by the name of its file. */
bool opensc_is_module(const char *path);

/*
 * Sets OPENSC_CONF to a file in memory, that lasts as long as the process. only_reader: its PC/SC name, all others are
 * ignored, as far as OpenSC can tell their names from it (it compares parts of names); NULL ignores none. cards as
 * above, "" for nothing. p is that of the card in only_reader, or NULL. What the system's file says stays in force,
 * except for the blocks that are replaced: "pkcs11", and "framework pkcs15" if the profile has values for it. Where
 * PC/SC cannot be used nothing is ignored, and the module will say so itself.
 */
int opensc_configure(const char *only_reader, const char *cards, const struct profile *p, struct err *e);

#endif
