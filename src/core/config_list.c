#include "core/config_list.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

void config_list_add(struct config_list *l, char *text)
{
	l->text = xrealloc(l->text, l->n + 1, sizeof *l->text);
	l->text[l->n++] = text;
}

void config_list_free(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->text[i]);
	free(l->text);
	*l = (struct config_list){NULL, 0};
}

bool config_list_is_variable(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
	return n != 0 && text[n] == '=' && !(*text >= '0' && *text <= '9');
}
