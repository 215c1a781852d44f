#include "handover/pinletter_way.h"

#include "core/clean.h"
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEARCHED "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct recipients_kind kind = {
    .what = "certificate",
    .key = "recipient in section [letter]",
    .how = "tokenroll(8), \"Recovery certificates\"",
    .old = "",
};

/* ---- checked before the first letter */

static bool is_in_path(const char *name)
{
	char *list = xstrdup(SEARCHED), *rest = list;
	bool found = false;
	for (char *folder; !found && (folder = strsep(&rest, ":")) != NULL;) {
		char *path = xasprintf("%s/%s", folder, name);
		found = access(path, X_OK) == 0;
		free(path);
	}
	free(list);
	return found;
}

static int open_command(struct pinletter_way *w, struct err *e)
{
	if (words_split(&w->command, w->cfg->letter.command, e) != 0)
		return -1;
	if (w->command.n == 0)
		return err_set(e, ERR_CONFIG, "[letter] command has no words in it");
	const char *program = w->command.list[0];
	if (strchr(program, '/') != NULL ? access(program, X_OK) == 0 : is_in_path(program))
		return 0;
	err_set(e, ERR_CONFIG, "letters cannot be printed: there is no program %s to run as [letter] command says",
		program);
	return err_next(e, "install it (lp is in the package cups-client), or name another one; nothing is printed");
}

static int no_folder(struct err *e)
{
	if (e != NULL)
		e->code = ERR_PRINTER;
	err_prefix(e, "letters cannot be put into the folder of [letter]");
	return e != NULL && e->next[0] != '\0'
		   ? -1
		   : err_next(e, "see that folder in section [letter] is one that can be written to, then print again");
}

static int open_folder(struct pinletter_way *w, struct err *e)
{
	const struct config_letter *l = &w->cfg->letter;
	if (recipients_load(&w->recipients, &kind, l->recipients.text, l->recipients.n, e) != 0)
		return -1;
	if (file_mkdir(l->folder, 0700, e) != 0)
		return no_folder(e);
	if (access(l->folder, W_OK | X_OK) != 0) {
		err_errno(e, ERR_PRINTER, "cannot write to %s", l->folder);
		return no_folder(e);
	}
	return 0;
}

static int no_way(const struct config *cfg, struct err *e)
{
	err_set(e, ERR_CONFIG, "%s: letters cannot be printed: section [letter] has neither command nor folder",
		cfg->path);
	return err_next(e, "set command there, e.g. command = lp, or folder and recipient, for letters that are "
			   "encrypted and printed elsewhere");
}

int pinletter_way_open(struct pinletter_way *ret, const struct config *cfg, struct err *e)
{
	struct pinletter_way w = {.cfg = cfg};
	int got = cfg->letter.command != NULL || cfg->letter.folder != NULL ? 0 : no_way(cfg, e);
	if (got == 0 && cfg->letter.command != NULL)
		got = open_command(&w, e);
	if (got == 0 && cfg->letter.folder != NULL)
		got = open_folder(&w, e);
	if (got != 0)
		pinletter_way_close(&w);
	else
		*ret = w;
	return got;
}

void pinletter_way_close(struct pinletter_way *w)
{
	words_free(&w->command);
	recipients_free(&w->recipients);
}

/* ---- the print command */

/* Its last line, if that is text: a program that writes pages has said nothing. */
static void last_line(char *ret, size_t size, const struct blob *output)
{
	const char *text = (const char *)output->data;
	size_t len = output->len;
	ret[0] = '\0';
	while (len > 0 && strchr("\r\n", text[len - 1]) != NULL)
		len--;
	const char *lf = len > 0 ? memrchr(text, '\n', len) : NULL, *from = lf != NULL ? lf + 1 : text;
	char *line = xasprintf("%.*s", (int)(text + len - from), from), *clean = clean_dup(line);
	if (strcmp(line, clean) == 0)
		snprintf(ret, size, "%s", clean);
	free(clean);
	free(line);
}

static bool tells(const char *text, const struct secret *s)
{
	return s != NULL && s->len != 0 && strstr(text, s->bytes) != NULL;
}

static int not_printed(const struct pinletter_sent *s, const struct err *why, const struct blob *output, struct err *e)
{
	char said[ERR_NATIVE_SIZE];
	clean_text(said, sizeof said, why->native);
	if (said[0] == '\0' && output->len != 0)
		last_line(said, sizeof said, output);
	err_set(e, ERR_PRINTER, "the letter for %s is not printed: [letter] command: %s", s->facts->user, why->what);
	if (!tells(said, s->pin) && !tells(said, s->puk))
		err_native(e, "%s", said);
	return -1;
}

static int run_command(const struct pinletter_way *w, const struct pinletter_sent *s, struct err *e)
{
	struct err why = ERR_INIT;
	struct blob output = BLOB_INIT;
	char *user = xasprintf("TOKENROLL_USER=%s", s->facts->user);
	const char *const env[] = {"PATH=" SEARCHED, user, NULL};
	const struct process_hook h = {.argv = (const char *const *)w->command.list,
				       .env = env,
				       .in = s->sheet->fd,
				       .umask = 077,
				       .timeout_ms = (int)w->cfg->letter.timeout * 1000};
	int ret = process_run_hook(&h, &output, &why);
	if (ret != 0)
		not_printed(s, &why, &output, e);
	blob_free(&output);
	free(user);
	return ret;
}

/* ---- the folder */

static void name_file(char ret[PATH_MAX], const struct pinletter_way *w, const struct pinletter_facts *f)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const struct config_letter *l = &w->cfg->letter;
	char *serial = xstrdup(f->token_serial != NULL ? f->token_serial : "");
	for (char *c = serial; *c != '\0'; c++)
		*c = strchr(plain, *c) != NULL ? *c : '_';
	snprintf(ret, PATH_MAX, "%s/%s%s%s.%s.p7m", l->folder, f->user, serial[0] != '\0' ? "-" : "", serial,
		 l->format == CONFIG_LETTER_PS ? "ps" : "pdf");
	free(serial);
}

static int put_file(const struct pinletter_way *w, const struct pinletter_sent *s, char ret_file[PATH_MAX],
		    struct err *e)
{
	struct blob sealed = BLOB_INIT;
	if (recipients_seal(&sealed, w->recipients, s->sheet->data, s->sheet->len, ERR_CONFIG, e) != 0) {
		err_prefix(e, "the letter for %s cannot be encrypted", s->facts->user);
		return err_next(e, "name another certificate as recipient in section [letter]");
	}
	name_file(ret_file, w, s->facts);
	int ret = file_write(ret_file, sealed.data, sealed.len, 0600, e);
	blob_free(&sealed);
	return ret == 0 ? 0 : no_folder(e);
}

int pinletter_way_send(const struct pinletter_way *w, const struct pinletter_sent *s, struct pinletter_outcome *ret,
		       struct err *e)
{
	struct pinletter_outcome o = {.state = PINLETTER_PRINTED};
	bool printed = w->command.n != 0 && run_command(w, s, &o.why) == 0;
	if (!printed && w->recipients == NULL) {
		if (e != NULL)
			*e = o.why;
		return -1;
	}
	if (!printed) {
		o.state = w->command.n != 0 ? PINLETTER_WAITS : PINLETTER_FILED;
		if (put_file(w, s, o.file, e) != 0)
			return o.why.code != ERR_NONE ? err_prefix(e, "%s; and", o.why.what) : -1;
	}
	*ret = o;
	return 0;
}
