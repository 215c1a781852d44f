#include "core/config_impl.h"
#include "core/keypolicy.h"
#include "core/keytype.h"
#include "core/xalloc.h"

void config_set_defaults(struct config *c)
{
	c->ca.pki = xstrdup("/etc/easy-rsa/pki");
	c->ca.key_types = KEYTYPE_ALL;
	c->ca.lock_wait = 30;
	c->ca.attestation_pins = KEYPOLICY_PINS_DEFAULT;
	c->token.key_type = KEYTYPE_EC_P256;
	c->token.timeout = 60;
	c->station.pins = CONFIG_PINS_COUNT;
	c->crl.warn_days = 14;
	c->crl.critical_days = 3;
	c->bundle.dir = xstrdup("/var/lib/tokenroll/bundles");
	c->bundle.legacy_placeholder = xstrdup("change_me");
	c->letter.timeout = 60;
	c->letter.language = xstrdup("en");
	c->status = (struct config_status){.warn_days = 30, .critical_days = 7, .ca_warn_days = 180};
	c->store_path = xstrdup("/var/lib/tokenroll/tokenroll.db");
}

static int complete_letter(const struct config *c, struct err *e)
{
	const struct config_letter *l = &c->letter;
	if ((l->folder != NULL) == (l->recipients.n != 0))
		return 0;
	err_set(e, ERR_CONFIG, "%s: [letter] needs both 'folder' and 'recipient', or neither", c->path);
	return err_next(e, l->folder != NULL ? "name in recipient the certificate of whoever is to open the letters"
					     : "name in folder where the letters for the recipient are to be put");
}

void config_hide(struct config *c, struct hidden_list *l)
{
	hidden_free(&c->hidden);
	c->hidden = *l;
	*l = (struct hidden_list){NULL, 0};
}

static void complete_hidden(struct config *c)
{
	hidden_add(&c->hidden, HIDDEN_STORE, c->store_path);
	hidden_add(&c->hidden, HIDDEN_BUNDLES, c->bundle.dir);
	hidden_add(&c->hidden, HIDDEN_MAIL, c->mail.password_file);
	c->ca.hidden = &c->hidden;
}

int config_complete(struct config *c, struct err *e)
{
	if (c->ca.pki == NULL || c->bundle.dir == NULL || c->store_path == NULL)
		return err_set(e, ERR_CONFIG, "%s: [ca] pki, [bundle] dir and [store] path cannot be empty", c->path);
	if (c->ca.cert == NULL)
		c->ca.cert = xasprintf("%s/ca.crt", c->ca.pki);
	if (c->ca.key == NULL)
		c->ca.key = xasprintf("%s/private/ca.key", c->ca.pki);
	if (c->ca.require_attestation && c->ca.attestation_roots == NULL) {
		err_set(e, ERR_CONFIG, "%s: [ca] require-attestation = yes needs attestation-roots to judge by",
			c->path);
		return err_next(e, "name a file with the roots of the tokens' vendor in [ca] attestation-roots");
	}
	if (c->status.critical_days > c->status.warn_days)
		return err_set(e, ERR_CONFIG, "%s: [status] critical-days cannot be more than warn-days", c->path);
	if (c->mail.to != NULL && (c->mail.from == NULL || c->mail.smtp == NULL))
		return err_set(e, ERR_CONFIG, "%s: [mail] has 'to' but not 'from' and 'smtp'", c->path);
	if (complete_letter(c, e) != 0)
		return -1;
	if ((c->mail.user != NULL) != (c->mail.password_file != NULL))
		return err_set(e, ERR_CONFIG, "%s: [mail] needs both 'user' and 'password-file', or neither", c->path);
	complete_hidden(c);
	return 0;
}
