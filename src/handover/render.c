#include "handover/render.h"
#include "core/share.h"
#include "core/xalloc.h"
#include "handover/extras.h"
#include "handover/names.h"
#include "handover/privkey.h"
#include "handover/profile.h"
#include "handover/template.h"
#include "handover/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_SUFFIX ".ovpn"

struct render {
	const struct config *cfg;
	const struct handover_facts *facts;
	char *folder;
	struct names *names[PLATFORM_COUNT + 1]; /* the last: for files that are the same on every system */
	struct files out;
};

static char *replaced(const struct render *r, const char *text, size_t len)
{
	struct blob out = BLOB_INIT;
	template_replace(&out, text, len, r->cfg->bundle.legacy_placeholder, r->facts->user);
	return (char *)out.data;
}

/* The name of a profile without "-linux.ovpn". */
static char *profile_stem(const struct render *r, const char *name)
{
	size_t len = strlen(name) - strlen(PROFILE_SUFFIX);
	const char *slash = strrchr(name, '/');
	size_t folder = slash != NULL ? (size_t)(slash - name) + 1 : 0;
	if (len - folder == strlen("client") && memcmp(name + folder, "client", len - folder) == 0) {
		char *parent = replaced(r, name, folder), *ret = xasprintf("%s%s", parent, r->facts->user);
		free(parent);
		return ret;
	}
	return replaced(r, name, len);
}

static char *profile_name(const struct render *r, const char *name, enum config_platform p)
{
	if (!text_has_suffix(name, PROFILE_SUFFIX))
		return replaced(r, name, strlen(name));
	char *stem = profile_stem(r, name), *ret = xasprintf("%s-%s" PROFILE_SUFFIX, stem, config_platform_name(p));
	free(stem);
	return ret;
}

static int add_output(struct render *r, const char *source, char *name, struct blob *data, struct err *e)
{
	if (privkey_is_in(data)) {
		err_set(e, ERR_TEMPLATE, "%s/%s: there is a private key in what becomes %s", r->folder, source, name);
		err_next(
		    e,
		    "take it out of the template, or out of the file that the template includes; the user's key is on "
		    "the token, and no other may leave this machine in a bundle");
		free(name);
		return -1;
	}
	files_add(&r->out, name, data);
	return 0;
}

static int render_profile(struct render *r, const struct template *t, const char *name, enum config_platform p,
			  struct err *e)
{
	struct blob text = BLOB_INIT;
	char *path = xasprintf("%s/%s (%s)", r->folder, name, config_platform_name(p));
	int ret = template_render(t, r->names[p], TEMPLATE_TEXT, r->cfg->bundle.legacy_placeholder, &text, e);
	if (ret != 0)
		goto out;
	/* OpenVPN reads both; with CR LF an old Notepad shows lines when support has to look into the profile */
	profile_line_ends(&text, p == PLATFORM_WINDOWS);
	ret = profile_check(path, &text, r->facts->clients[p].pkcs11_id, e);
	if (ret != 0)
		goto out;
	ret = add_output(r, name, profile_name(r, name, p), &text, e);
out:
	free(path);
	blob_free(&text);
	return ret;
}

static int render_common(struct render *r, const struct template *t, const char *name, struct err *e)
{
	enum template_form form = template_form_of(t, name);
	struct blob text = BLOB_INIT;
	if (template_render(t, r->names[PLATFORM_COUNT], form, r->cfg->bundle.legacy_placeholder, &text, e) != 0)
		return -1;
	int ret = add_output(r, name, replaced(r, name, strlen(name)), &text, e);
	blob_free(&text);
	return ret;
}

static int render_binary(struct render *r, struct file_item *source, bool profile, struct err *e)
{
	if (profile) {
		err_set(e, ERR_TEMPLATE, "%s/%s is not a text file", r->folder, source->name);
		return err_next(e, "save it as UTF-8; OpenVPN does not read UTF-16");
	}
	return add_output(r, source->name, replaced(r, source->name, strlen(source->name)), &source->data, e);
}

/* A profile for openvpn's service on Linux, as older scripts hand out: one that can be read by nothing else. */
static bool is_service_profile(const struct file_item *source)
{
	return text_has_suffix(source->name, ".conf") && profile_is_client(&source->data);
}

static int render_text(struct render *r, const struct template *t, const struct file_item *source, struct err *e)
{
	if (is_service_profile(source))
		return render_profile(r, t, source->name, PLATFORM_LINUX, e);
	if (!text_has_suffix(source->name, PROFILE_SUFFIX))
		return render_common(r, t, source->name, e);
	for (enum config_platform p = 0; p < PLATFORM_COUNT; p++) {
		if (render_profile(r, t, source->name, p, e) != 0)
			return -1;
	}
	return 0;
}

static int render_one(struct render *r, struct file_item *source, struct err *e)
{
	if (memchr(source->data.data, '\0', source->data.len) != NULL)
		return render_binary(r, source, text_has_suffix(source->name, PROFILE_SUFFIX), e);
	struct template *t = NULL;
	char *path = xasprintf("%s/%s", r->folder, source->name);
	int ret = template_parse(&t, path, source->data.data, source->data.len, e);
	if (ret == 0)
		ret = render_text(r, t, source, e);
	template_free(&t);
	free(path);
	return ret;
}

/* Two templates may come to one name, e.g. client.ovpn and change_me.ovpn. */
static int check_outputs(const struct render *r, bool has_profile, struct err *e)
{
	for (size_t i = 1; i < r->out.n; i++) {
		if (strcmp(r->out.v[i - 1].name, r->out.v[i].name) != 0)
			continue;
		err_set(e, ERR_TEMPLATE, "two templates in %s become %s", r->folder, r->out.v[i].name);
		return err_next(e, "remove or rename one of them");
	}
	if (has_profile)
		return 0;
	err_set(e, ERR_TEMPLATE, "the template folder %s has no %s file, so there would be no profile", r->folder,
		PROFILE_SUFFIX);
	char *shipped = share_path("templates");
	err_next(e, "copy client.ovpn from %s there, or set templates under [vpn]", shipped);
	free(shipped);
	return -1;
}

static int render_files(struct render *r, struct files *sources, struct err *e)
{
	bool has_profile = false;
	for (size_t i = 0; i < sources->n; i++) {
		has_profile = has_profile || text_has_suffix(sources->v[i].name, PROFILE_SUFFIX);
		if (render_one(r, &sources->v[i], e) != 0)
			return -1;
	}
	files_sort(&r->out);
	return check_outputs(r, has_profile, e);
}

int render_all(struct files *ret, const struct config *cfg, const struct handover_facts *f, struct err *e)
{
	struct render r = {.cfg = cfg, .facts = f, .folder = files_template_folder(cfg)};
	struct files sources = {NULL, 0};
	struct extras extras = {.v = NULL};
	int status = -1;
	if (files_read_folder(&sources, r.folder, e) != 0 || extras_load(&extras, cfg, e) != 0)
		goto out;
	for (int target = 0; target <= PLATFORM_COUNT; target++) {
		if (names_new(&r.names[target], &extras, f, (enum config_platform)target, e) != 0)
			goto out;
	}
	if (render_files(&r, &sources, e) != 0)
		goto out;
	*ret = r.out;
	r.out = (struct files){NULL, 0};
	status = 0;
out:
	for (int target = 0; target <= PLATFORM_COUNT; target++)
		names_free(&r.names[target]);
	files_free(&r.out);
	extras_free(&extras);
	files_free(&sources);
	free(r.folder);
	return status;
}
