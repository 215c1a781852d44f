#include "handover/handover.h"
#include "core/xalloc.h"
#include "handover/bundle.h"
#include "handover/mail.h"
#include "handover/owned.h"
#include "handover/render.h"
#include "handover/stage.h"

#include <stdlib.h>

/* Stands for a certificate where only the shape of a profile is checked. */
static const char sample_ca[] = "-----BEGIN CERTIFICATE-----\n"
				"MAA=\n"
				"-----END CERTIFICATE-----\n";

/* As long as a token with a full label in plain letters makes it; what a label in another script adds is known
 * only when the token is there. */
static const char sample_id[] = "www\\x2ECardContact\\x2Ede/PKCS\\x2315\\x20emulated/0123456789ABCDEF/"
				"LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL/0123456789ABCDEF0123456789ABCDEF";

static const char *const usual_modules[PLATFORM_COUNT] = {
    [PLATFORM_LINUX] = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    [PLATFORM_WINDOWS] = "C:/Program Files/OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll",
    [PLATFORM_MACOS] = "/Library/OpenSC/lib/opensc-pkcs11.so",
};

static struct handover_facts sample_facts(const struct config *cfg, const char *user)
{
	struct handover_facts f = {
	    .user = user,
	    .token_manufacturer = "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM",
	    .token_model = "mmmmmmmmmmmmmmmm",
	    .token_serial = "0123456789ABCDEF",
	    .token_label = "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL",
	    .key_type = "rsa:4096",
	    .cert_serial = "0123456789ABCDEF0123456789ABCDEF01234567",
	    .issued = 1700000000,
	    .not_after = 1800000000,
	    .ca_pem = sample_ca,
	};
	for (enum config_platform p = 0; p < PLATFORM_COUNT; p++) {
		f.clients[p].module = cfg->vpn.client_module[p] != NULL ? cfg->vpn.client_module[p] : usual_modules[p];
		f.clients[p].pkcs11_id = sample_id;
	}
	return f;
}

int handover_check(const struct config *cfg, const char *user, struct files *ret, struct err *e)
{
	struct handover_facts f = sample_facts(cfg, user);
	struct files files = {NULL, 0};
	if (render_all(&files, cfg, &f, e) != 0)
		return -1;
	if (ret != NULL)
		*ret = files;
	else
		files_free(&files);
	return mail_check(cfg, e);
}

struct handover_draft {
	char *dir, *user;
	char *archives[2];
	struct files files;
	struct stage *stage;
};

/* Moves the names out of files. */
static void fill_result(struct handover_result *ret, struct handover_draft *d)
{
	ret->folder = xasprintf("%s/%s", d->dir, d->user);
	ret->tar_gz = xasprintf("%s.tar.gz", ret->folder);
	ret->zip = xasprintf("%s.zip", ret->folder);
	ret->files = xcalloc(d->files.n + 1, sizeof *ret->files);
	ret->n_files = d->files.n;
	for (size_t i = 0; i < d->files.n; i++) {
		ret->files[i] = d->files.v[i].name;
		d->files.v[i].name = NULL;
	}
}

static int write_archives(const struct handover_draft *d, const struct handover_facts *f, struct err *e)
{
	static const enum bundle_format formats[2] = {BUNDLE_TAR_GZ, BUNDLE_ZIP};
	for (size_t i = 0; i < 2; i++) {
		char *path = stage_path(d->stage, d->archives[i]);
		int ret = bundle_write(path, formats[i], f->user, &d->files, f->issued, e);
		free(path);
		if (ret != 0)
			return -1;
	}
	return 0;
}

int handover_draft_make(struct handover_draft **ret, const struct config *cfg, const struct handover_facts *f,
			struct err *e)
{
	if (config_check_user(f->user, e) != 0)
		return -1;
	struct handover_draft *d = xcalloc(1, sizeof *d);
	*d = (struct handover_draft){.dir = xstrdup(cfg->bundle.dir),
				     .user = xstrdup(f->user),
				     .archives = {xasprintf("%s.tar.gz", f->user), xasprintf("%s.zip", f->user)}};
	if (render_all(&d->files, cfg, f, e) != 0 || stage_open(&d->stage, d->dir, d->user, e) != 0 ||
	    stage_write(d->stage, &d->files, e) != 0 || write_archives(d, f, e) != 0 || stage_sync(d->stage, e) != 0) {
		handover_draft_free(&d);
		return -1;
	}
	*ret = d;
	return 0;
}

int handover_draft_put(struct handover_draft *d, struct handover_result *ret, struct err *e)
{
	struct owned *owned = NULL;
	const char *const names[2] = {d->archives[0], d->archives[1]};
	int status = -1;
	/* as late as can be: it is about to be replaced */
	if (owned_begin(&owned, d->stage, d->dir, d->user, &d->files, names, e) == 0 &&
	    stage_commit(d->stage, names, 2, e) == 0) {
		owned_end(owned, d->stage);
		fill_result(ret, d);
		status = 0;
	}
	owned_free(&owned);
	return status;
}

void handover_draft_free(struct handover_draft **d)
{
	if (*d == NULL)
		return;
	stage_close(&(*d)->stage);
	files_free(&(*d)->files);
	free((*d)->archives[0]);
	free((*d)->archives[1]);
	free((*d)->dir);
	free((*d)->user);
	free(*d);
	*d = NULL;
}

int handover_make(const struct config *cfg, const struct handover_facts *f, struct handover_result *ret, struct err *e)
{
	struct handover_draft *d = NULL;
	int status = handover_draft_make(&d, cfg, f, e);
	if (status == 0)
		status = handover_draft_put(d, ret, e);
	handover_draft_free(&d);
	return status;
}
