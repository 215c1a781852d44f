#include "pkcs11/uri.h"

#include "core/xalloc.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "pkcs11:"

bool p11_uri_is(const char *text)
{
	return text != NULL && strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

void p11_uri_clear(struct p11_uri *u)
{
	blob_free(&u->id);
	free(u->module);
	free(u->pin_file);
	memset(u, 0, sizeof *u);
}

static bool is_one_of(const char *name, size_t len, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strlen(*list) == len && strncmp(*list, name, len) == 0)
			return true;
	}
	return false;
}

/* All attributes of one part, up to end, are among those that mean something here. */
static int check_names(const struct p11_uri_use *use, const char *part, const char *end, char separator,
		       const char *const *known, const char *all, struct err *e)
{
	for (const char *at = part; at < end;) {
		const char *stop = memchr(at, separator, (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		size_t len = strcspn(at, "=");
		len = len < (size_t)(stop - at) ? len : (size_t)(stop - at);
		if (len != 0 && !is_one_of(at, len, known)) {
			err_set(e, use->code, "'%.*s' of the URI of %s has no meaning here", len < 40 ? (int)len : 40,
				at, use->what);
			return err_next(e, "use %s", all);
		}
		at = stop + 1;
	}
	return 0;
}

static int check_attributes(const struct p11_uri_use *use, const char *text, struct err *e)
{
	static const char *const in_path[] = {"token",  "serial", "manufacturer", "model", "slot-id",
					      "object", "id",     "type",         NULL};
	static const char *const in_query[] = {"module-path", "module-name", "pin-source", "pin-value", NULL};
	const char *path = text + strlen(SCHEME), *query = strchr(path, '?');
	const char *end = query != NULL ? query : path + strlen(path);
	if (check_names(use, path, end, ';', in_path,
			"token, serial, manufacturer, model, slot-id, object, id and type=private", e) != 0)
		return -1;
	return query == NULL ? 0
			     : check_names(use, query + 1, query + strlen(query), '&', in_query,
					   "module-path, module-name and pin-source after the question mark", e);
}

/* Blanks behind it are no part of it; the field's end is, where there is none. */
static void take_field(char *ret, const unsigned char *field, size_t size)
{
	size_t len = strnlen((const char *)field, size);
	while (len > 0 && field[len - 1] == ' ')
		len--;
	memcpy(ret, field, len);
	ret[len] = '\0';
}

static void take_token(struct p11_uri *ret, P11KitUri *uri)
{
	const CK_TOKEN_INFO *t = p11_kit_uri_get_token_info(uri);
	take_field(ret->label, t->label, sizeof t->label);
	take_field(ret->manufacturer, t->manufacturerID, sizeof t->manufacturerID);
	take_field(ret->model, t->model, sizeof t->model);
	take_field(ret->serial, t->serialNumber, sizeof t->serialNumber);
	CK_SLOT_ID slot = p11_kit_uri_get_slot_id(uri);
	ret->has_slot = slot != (CK_SLOT_ID)-1;
	ret->slot = slot;
}

static int take_object(const struct p11_uri_use *use, struct p11_uri *ret, P11KitUri *uri, struct err *e)
{
	const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
	CK_OBJECT_CLASS is = CKO_PRIVATE_KEY;
	if (class != NULL && class->ulValueLen == sizeof is)
		memcpy(&is, class->pValue, sizeof is);
	if (is != CKO_PRIVATE_KEY) {
		err_set(e, use->code, "the URI of %s names something that is no private key", use->what);
		return err_next(e, "leave its type out, or write type=private");
	}
	if (label != NULL && label->ulValueLen >= sizeof ret->object)
		return err_set(e, use->code, "the object in the URI of %s is too long a name", use->what);
	if (label != NULL)
		memcpy(ret->object, label->pValue, label->ulValueLen);
	if (id != NULL)
		blob_set(&ret->id, id->pValue, id->ulValueLen);
	return 0;
}

static int take_pin_source(const struct p11_uri_use *use, struct p11_uri *ret, const char *source, struct err *e)
{
	if (strncmp(source, "file:", strlen("file:")) == 0)
		source += strlen("file:");
	/* file:///etc/pin has an empty host */
	if (strncmp(source, "///", 3) == 0)
		source += 2;
	if (*source == '\0' || *source == '|' || strncmp(source, "//", 2) == 0) {
		err_set(e, use->code, "the pin-source in the URI of %s is not the path of a file", use->what);
		return err_next(e, "write pin-source=file:/PATH, or leave it out: then the PIN is %s", use->asked);
	}
	ret->pin_file = xstrdup(source);
	return 0;
}

static int take_query(const struct p11_uri_use *use, struct p11_uri *ret, P11KitUri *uri, struct err *e)
{
	const char *path = p11_kit_uri_get_module_path(uri), *name = p11_kit_uri_get_module_name(uri);
	const char *source = p11_kit_uri_get_pin_source(uri);
	if (p11_kit_uri_get_pin_value(uri) != NULL) {
		err_set(e, use->code, "there is a PIN (pin-value) in the URI of %s, where others can see it",
			use->what);
		return err_next(e, "leave the pin-value out: then the PIN is %s; and change that PIN", use->asked);
	}
	if (path != NULL || name != NULL)
		ret->module = xstrdup(path != NULL ? path : name);
	if (path != NULL && *path != '/') {
		err_set(e, use->code, "the module-path in the URI of %s is not a whole path", use->what);
		return err_next(e, "let it begin with a slash; what is only a name is a module-name");
	}
	return source != NULL ? take_pin_source(use, ret, source, e) : 0;
}

int p11_uri_parse(struct p11_uri *ret, const char *text, const struct p11_uri_use *use, struct err *e)
{
	P11KitUri *uri = p11_kit_uri_new();
	memset(ret, 0, sizeof *ret);
	int got = uri != NULL ? check_attributes(use, text, e) : err_set(e, ERR_SYSTEM, "no memory for a URI");
	if (got == 0) {
		int rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
		if (rc != P11_KIT_URI_OK) {
			err_set(e, use->code, "the URI of %s cannot be read", use->what);
			err_native(e, "%s", p11_kit_uri_message(rc));
			got = err_next(e, "write it as `p11tool --list-all` does, in quotes: "
					  "'pkcs11:token=NAME;object=NAME'");
		}
	}
	if (got == 0)
		take_token(ret, uri);
	if (got == 0)
		got = take_object(use, ret, uri, e);
	if (got == 0)
		got = take_query(use, ret, uri, e);
	p11_kit_uri_free(uri);
	if (got != 0)
		p11_uri_clear(ret);
	return got;
}

bool p11_uri_names_token(const struct p11_uri *u)
{
	return u->label[0] != '\0' || u->manufacturer[0] != '\0' || u->model[0] != '\0' || u->serial[0] != '\0';
}

static bool fits(const char *want, const char *is)
{
	return want[0] == '\0' || strcmp(want, is) == 0;
}

bool p11_uri_fits(const struct p11_uri *u, const char *label, const char *manufacturer, const char *model,
		  const char *serial)
{
	return fits(u->label, label) && fits(u->manufacturer, manufacturer) && fits(u->model, model) &&
	       fits(u->serial, serial);
}
