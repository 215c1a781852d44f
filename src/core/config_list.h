/*
 * config_list: what a key of the configuration that may be given several times
 * has for values. Any process may use it.
 */
#ifndef CORE_CONFIG_LIST_H
#define CORE_CONFIG_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* In the order of the file. Owns its texts. */
struct config_list {
	char **text;
	size_t n;
};

/* Takes text over. */
void config_list_add(struct config_list *l, char *text);
void config_list_free(struct config_list *l);

/* Whether a text is NAME=VALUE with a name that an environment can have (POSIX, 8.1). */
bool config_list_is_variable(const char *text);

#endif
