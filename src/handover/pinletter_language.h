/*
 * pinletter_language: which of the languages that there are templates for a
 * person's letter is in.
 */
#ifndef HANDOVER_PINLETTER_LANGUAGE_H
#define HANDOVER_PINLETTER_LANGUAGE_H

#include "core/config_list.h"

/* The place in the list of a language that is written as in a table ("de") or a locale ("de_DE.UTF-8", "de-AT"); in
 * either case of the letters. -1 if there is none for it. */
int pinletter_language_find(const struct config_list *languages, const char *language);

#endif
