#include "handover/owned_list.h"
#include "core/file.h"
#include "core/xalloc.h"
#include "handover/digest.h"
#include "handover/owned.h"
#include "handover/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX ((size_t)4 << 20)

char *owned_list_name(const char *user)
{
	return xasprintf(".%s.made", user); /* no user name begins with a dot */
}

bool owned_has_text(const struct blob *list, const char *text)
{
	return memmem(list->data, list->len, text, strlen(text)) != NULL;
}

int owned_read_list(struct blob *ret, const char *dir, const char *user, struct err *e)
{
	struct blob text = BLOB_INIT;
	char *name = owned_list_name(user), *path = xasprintf("%s/%s", dir, name);
	int got = file_read(path, LIST_MAX, &text, e);
	bool missing = got != 0 && errno == ENOENT;
	if (got == 0 && text.len != 0) {
		text_append(ret, "\n", 1);
		text_append(ret, text.data, text.len);
	}
	blob_free(&text);
	free(path);
	free(name);
	if (missing)
		err_clear(e);
	return got == 0 || missing ? 0 : err_next(e, "let this user read the file, or remove it");
}

/* The list may have two lines for a file, until a bundle has taken the place of the one before. */
static enum owned_state compare_file(const struct blob *list, const char *dir, const char *name)
{
	char hex[DIGEST_HEX];
	char *path = xasprintf("%s/%s", dir, name);
	bool read = digest_file(hex, path), gone = !read && errno == ENOENT;
	char *line = xasprintf("\n%s  %s\n", hex, name);
	bool same = read && owned_has_text(list, line);
	free(line);
	free(path);
	return gone ? OWNED_MISSING : same ? OWNED_WHOLE : OWNED_CHANGED;
}

enum owned_state owned_compare(const char *dir, const char *user, char **ret_name)
{
	struct blob list = BLOB_INIT;
	enum owned_state ret = OWNED_WHOLE;
	*ret_name = NULL;
	if (owned_read_list(&list, dir, user, NULL) != 0 || list.len == 0)
		return OWNED_WHOLE;
	char *text = xasprintf("%.*s", (int)list.len, (const char *)list.data), *rest = NULL;
	for (char *l = strtok_r(text, "\n", &rest); l != NULL && ret != OWNED_MISSING;
	     l = strtok_r(NULL, "\n", &rest)) {
		const char *name = strlen(l) > DIGEST_HEX + 1 ? l + DIGEST_HEX + 1 : NULL;
		enum owned_state one = name != NULL ? compare_file(&list, dir, name) : OWNED_WHOLE;
		if (one == OWNED_WHOLE || (one == OWNED_CHANGED && ret == OWNED_CHANGED))
			continue;
		free(*ret_name);
		*ret_name = xasprintf("%s", name);
		ret = one;
	}
	free(text);
	blob_free(&list);
	return ret;
}
