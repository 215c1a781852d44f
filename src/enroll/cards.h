/*
 * cards: what is known of the cards in the readers before any module has asked
 * them, by their ATR and profile: which module enrolls them, and what OpenSC
 * is told. Runs in the parent.
 */
#ifndef ENROLL_CARDS_H
#define ENROLL_CARDS_H

#include "enroll/worker.h"
#include "pkcs11/profile.h"
#include "pkcs11/reader.h"

/* Whether both are names or paths of one library, which has more than one: libykcs11.so is libykcs11.so.2. */
bool cards_same_library(const char *a, const char *b);

/* The first of a profile's modules that is on this machine, from malloc; NULL if none is. */
char *cards_module_for(const struct profile *p);

/*
 * What OpenSC's module is told of the cards (opensc.h), from malloc; "" for other modules, which would not notice. It
 * leaves alone those that only another module enrolls, which will be started, unless the person in charge has named
 * this one; and, unless it is for one reader only, those whose slots it would not tell apart.
 */
char *cards_describe(const struct reader *readers, size_t n, const struct profiles *profiles,
		     const struct worker_module *m, bool module_given, const char *only);

#endif
