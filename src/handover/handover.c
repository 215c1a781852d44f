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
	if (mail_check(cfg, e) != 0 || render_all(&files, cfg, &f, e) != 0)
		return -1;
	if (ret != NULL)
		*ret = files;
	else
		files_free(&files);
	return 0;
}

/* Moves the names out of files. */
static void fill_result(struct handover_result *ret, const struct config *cfg, const char *user, struct files *files)
{
	ret->folder = xasprintf("%s/%s", cfg->bundle.dir, user);
	ret->tar_gz = xasprintf("%s.tar.gz", ret->folder);
	ret->zip = xasprintf("%s.zip", ret->folder);
	ret->files = xcalloc(files->n + 1, sizeof *ret->files);
	ret->n_files = files->n;
	for (size_t i = 0; i < files->n; i++) {
		ret->files[i] = files->v[i].name;
		files->v[i].name = NULL;
	}
}

static int write_archives(const struct stage *s, const char *const names[2], const struct files *files,
			  const struct handover_facts *f, struct err *e)
{
	static const enum bundle_format formats[2] = {BUNDLE_TAR_GZ, BUNDLE_ZIP};
	for (size_t i = 0; i < 2; i++) {
		char *path = stage_path(s, names[i]);
		int ret = bundle_write(path, formats[i], f->user, files, f->issued, e);
		free(path);
		if (ret != 0)
			return -1;
	}
	return 0;
}

int handover_make(const struct config *cfg, const struct handover_facts *f, struct handover_result *ret, struct err *e)
{
	struct files files = {NULL, 0};
	struct stage *stage = NULL;
	struct owned *owned = NULL;
	int status = -1;
	char *archives[2] = {xasprintf("%s.tar.gz", f->user), xasprintf("%s.zip", f->user)};
	const char *const names[2] = {archives[0], archives[1]};
	if (config_check_user(f->user, e) != 0 || render_all(&files, cfg, f, e) != 0)
		goto out;
	if (stage_open(&stage, cfg->bundle.dir, f->user, e) != 0 || stage_write(stage, &files, e) != 0 ||
	    write_archives(stage, names, &files, f, e) != 0)
		goto out;
	/* as late as can be: it is about to be replaced */
	if (owned_begin(&owned, stage, cfg->bundle.dir, f->user, &files, names, e) != 0 ||
	    stage_commit(stage, names, 2, e) != 0)
		goto out;
	owned_end(owned, stage);
	fill_result(ret, cfg, f->user, &files);
	status = 0;
out:
	owned_free(&owned);
	stage_close(&stage);
	files_free(&files);
	free(archives[0]);
	free(archives[1]);
	return status;
}
