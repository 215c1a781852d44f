/*
 * pinletter_main: the process that draws and prints a letter. It reads its one
 * call from RPC_FD, and ends behind it, as Pango and cairo leave copies of what
 * they draw in memory. It can read neither the CA's key nor the database, and
 * without a print command it writes nowhere but into the folder of letters.
 */
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"
#include "handover/confine.h"
#include "handover/pinletter.h"
#include "handover/pinletter_page.h"
#include "handover/pinletter_text.h"
#include "handover/pinletter_way.h"
#include "handover/pinletter_wire.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct work {
	struct config *cfg;
	struct pinletter_way way;
	struct pinletter_texts *texts;
};

static int bad_call(struct err *e)
{
	return err_set(e, ERR_FAILED, "the process that prints letters got a call that cannot be read");
}

/* Libraries copy the PIN to where we cannot lock it alone. With a limit, the first page above it would be one that
 * cannot be had at all, so it is all or nothing. */
static void lock_memory(void)
{
	struct rlimit limit;
	if (geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY))
		(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

/* A folder that is made later could not be written to; whoever needs it says why it cannot be made. */
static void confine(const struct config *cfg)
{
	const struct config_letter *l = &cfg->letter;
	if (l->folder != NULL)
		(void)file_mkdir(l->folder, 0700, NULL);
	(void)handover_hide(cfg, HIDDEN_ALL & ~HIDDEN_BIT(HIDDEN_BUNDLES));
	if (l->command == NULL && l->folder != NULL)
		(void)handover_confine(l->folder);
}

static int take_config(struct work *w, struct rpc_msg *in, struct err *e)
{
	char path[PATH_MAX];
	struct blob text = BLOB_INIT;
	struct hidden_list hidden = {NULL, 0};
	rpc_get_str(in, path, sizeof path);
	rpc_get_blob(in, &text);
	hidden_get(in, &hidden);
	int ret = in->bad ? bad_call(e) : config_parse(&w->cfg, path, &text, e);
	blob_free(&text);
	if (ret == 0)
		config_hide(w->cfg, &hidden);
	hidden_free(&hidden);
	if (w->cfg != NULL)
		confine(w->cfg);
	return ret;
}

static int prepare(struct work *w, struct err *e)
{
	return pinletter_way_open(&w->way, w->cfg, e) == 0 ? pinletter_texts_load(&w->texts, w->cfg, e) : -1;
}

static void finish(struct work *w)
{
	pinletter_texts_free(&w->texts);
	pinletter_way_close(&w->way);
	config_free(&w->cfg);
}

/* ---- drawing */

struct secrets {
	const struct secret *pin, *puk;
};

/* Boxes tell nobody whose PIN it is: the user stands before such a name. */
static int render_readable(const struct work *w, const struct pinletter_facts *f, const struct pinletter_page *page,
			   size_t text, struct pinletter_parts *parts, struct err *e)
{
	struct pinletter_facts named = *f;
	char *name = xasprintf("%s (%s)", f->user, f->name);
	named.name = name;
	pinletter_parts_free(parts);
	int ret = pinletter_texts_render(parts, w->texts, text, &named, page->puk != NULL, e);
	free(name);
	return ret;
}

/* ret_unreadable NULL: for the check of a template. */
static int draw(const struct work *w, const struct pinletter_facts *f, const struct secrets *s, size_t text,
		bool *ret_unreadable, struct pinletter_sheet *sheet, struct err *e)
{
	struct pinletter_parts parts = {.font = NULL};
	struct pinletter_page page = {.format = w->cfg->letter.format,
				      .file = pinletter_texts_file(w->texts, text),
				      .language = pinletter_texts_languages(w->texts)->text[text],
				      .parts = &parts,
				      .pin = s->pin,
				      .puk = s->puk,
				      .strict = ret_unreadable == NULL};
	int ret = pinletter_texts_render(&parts, w->texts, text, f, s->puk != NULL, e);
	bool unreadable =
	    ret == 0 && ret_unreadable != NULL && f->name != NULL && !pinletter_page_can_show(&page, f->name);
	if (unreadable)
		ret = render_readable(w, f, &page, text, &parts, e);
	if (ret_unreadable != NULL)
		*ret_unreadable = unreadable;
	if (ret == 0)
		ret = pinletter_sheet_open(sheet, e);
	if (ret == 0)
		ret = pinletter_page_draw(&page, sheet, e);
	pinletter_parts_free(&parts);
	return ret;
}

/* ---- the check */

/* As long as they come, without being a joke. */
static const struct pinletter_facts sample = {
    .user = "maximiliane.mustermann-beispielhausen",
    .name = "Maximiliane Mustermann-Beispielhausen",
    .department = "Department of Samples, building 12",
    .token_label = "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL",
    .token_serial = "0123456789ABCDEF",
    .token_model = "mmmmmmmmmmmmmmmm",
    .token_manufacturer = "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM",
    .not_after = 1800000000,
};

static int try_draw(const struct work *w, const struct pinletter_facts *f, const struct secrets *s, size_t text,
		    struct err *e)
{
	struct pinletter_sheet sheet = PINLETTER_SHEET_INIT;
	int ret = draw(w, f, s, text, NULL, &sheet, e);
	pinletter_sheet_close(&sheet);
	return ret;
}

/* With all that a person can have, and with as little. */
static int check_text(const struct work *w, const struct pinletter_name *full, const struct pinletter_name *bare,
		      size_t n, size_t text, struct err *e)
{
	struct pinletter_facts most = sample, least = {.user = "u", .names = bare, .n_names = n};
	struct secret *made_up = secret_new();
	struct secrets both = {made_up, made_up}, pin = {made_up, NULL};
	most.names = full;
	most.n_names = n;
	int ret = secret_set(made_up, "12345678", 8, e);
	if (ret == 0)
		ret = pinletter_texts_check(w->texts, text, &most, e);
	if (ret == 0)
		ret = try_draw(w, &most, &both, text, e);
	if (ret == 0)
		ret = try_draw(w, &least, &pin, text, e);
	secret_free(&made_up);
	return ret;
}

static int check_texts(const struct work *w, char *const *columns, size_t n, struct err *e)
{
	int ret = 0;
	struct pinletter_name *full = xcalloc(n + 1, sizeof *full), *bare = xcalloc(n + 1, sizeof *bare);
	for (size_t i = 0; i < n; i++) {
		full[i] = (struct pinletter_name){columns[i], "as long as an entry in a table is"};
		bare[i] = (struct pinletter_name){columns[i], NULL};
	}
	for (size_t i = 0; ret == 0 && i < pinletter_texts_languages(w->texts)->n; i++)
		ret = check_text(w, full, bare, n, i, e);
	free(full);
	free(bare);
	return ret;
}

static void tell_notes(struct rpc_server *s, const struct recipients *r)
{
	for (size_t i = 0; r != NULL && i < recipients_note_count(r); i++)
		rpc_note(s, "%s", recipients_note(r, i));
}

static void put_languages(struct rpc_msg *out, const struct config_list *languages)
{
	rpc_put_u32(out, (uint32_t)languages->n);
	for (size_t i = 0; i < languages->n; i++)
		rpc_put_str(out, languages->text[i]);
}

static int op_check(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct work w = {.cfg = NULL};
	struct config_list columns = {NULL, 0};
	int ret = take_config(&w, in, e);
	size_t n = rpc_get_u32(in);
	for (size_t i = 0; i < n && !in->bad; i++)
		config_list_add(&columns, rpc_get_strdup(in, PATH_MAX));
	if (ret == 0 && !rpc_msg_done(in))
		ret = bad_call(e);
	if (ret == 0)
		ret = prepare(&w, e);
	if (ret == 0)
		ret = check_texts(&w, columns.text, columns.n, e);
	if (ret == 0)
		tell_notes(s, w.way.recipients);
	if (ret == 0)
		put_languages(out, pinletter_texts_languages(w.texts));
	config_list_free(&columns);
	finish(&w);
	return ret;
}

/* ---- a letter */

static int print(const struct work *w, const struct pinletter_facts *f, const struct secrets *s,
		 struct pinletter_outcome *ret, struct err *e)
{
	struct pinletter_sheet sheet = PINLETTER_SHEET_INIT;
	const struct pinletter_sent sent = {.facts = f, .sheet = &sheet, .pin = s->pin, .puk = s->puk};
	bool unreadable = false;
	int got = config_check_user(f->user, e);
	if (got == 0)
		got = draw(w, f, s, pinletter_texts_find(w->texts, f->language), &unreadable, &sheet, e);
	if (got == 0)
		got = pinletter_way_send(&w->way, &sent, ret, e);
	ret->unreadable = unreadable;
	pinletter_sheet_close(&sheet);
	return got;
}

static int op_print(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct work w = {.cfg = NULL};
	struct pinletter_facts facts = {.user = NULL};
	struct pinletter_outcome outcome = {.file = ""};
	const struct secrets secrets = {in->secrets[0], in->n_secrets > 1 ? in->secrets[1] : NULL};
	(void)s;
	int ret = take_config(&w, in, e);
	pinletter_get_facts(in, &facts);
	if (ret == 0 && (!rpc_msg_done(in) || in->n_secrets == 0))
		ret = bad_call(e);
	if (ret == 0)
		ret = prepare(&w, e);
	if (ret == 0)
		ret = print(&w, &facts, &secrets, &outcome, e);
	if (ret == 0)
		pinletter_put_outcome(out, &outcome);
	pinletter_free_facts(&facts);
	finish(&w);
	return ret;
}

static const struct rpc_op ops[] = {{PINLETTER_CHECK, 0, op_check}, {PINLETTER_PRINT, 2, op_print}};

int pinletter_main(void)
{
	struct err e = ERR_INIT;
	struct rpc_server s = {.fd = RPC_FD, .state = NULL};
	if (process_harden(&e) != 0) {
		fprintf(stderr, "letter: %s\n", e.what);
		return EXIT_FAILURE;
	}
	lock_memory();
	/* a letter that is being printed is finished; the print command has its own limit */
	process_catch_term(0);
	return rpc_serve(&s, ops, sizeof ops / sizeof *ops);
}
