/*
 * vars: the settings of an easy-rsa directory. easy-rsa sources its vars file
 * as shell, so only a shell can say what it means: it is run in a child with
 * a clean environment, before the CA key is unlocked.
 */
#ifndef CA_VARS_H
#define CA_VARS_H

#include "core/err.h"

#include <stdbool.h>

enum var {
	VAR_DN,
	VAR_REQ_COUNTRY,
	VAR_REQ_PROVINCE,
	VAR_REQ_CITY,
	VAR_REQ_ORG,
	VAR_REQ_OU,
	VAR_REQ_EMAIL,
	VAR_REQ_SERIAL,
	VAR_CERT_EXPIRE,
	VAR_FIX_OFFSET,
	VAR_CRL_DAYS,
	VAR_DIGEST,
	VAR_RAND_SN,
	VAR_NS_SUPPORT,
	VAR_NS_COMMENT,
	VAR_EXTRA_EXTS,
	VAR_EXT_DIR,
	VAR_TEMP_DIR,
	VAR_COUNT
};

struct vars {
	char *file;             /* where they came from, NULL if there is no such file */
	char *value[VAR_COUNT]; /* never NULL; easy-rsa's default where the file says nothing */
	bool org;               /* EASYRSA_DN: the subject has the REQ_ fields, else a CN only */
	bool random_serials;
	bool ns_support;
	long cert_days, crl_days;
	long fix_offset; /* days after New Year at which certificates end, 0 for none */
};

/*
 * Reads file, or without one the first that is there of PKI/vars, vars beside the PKI, /etc/easy-rsa/vars and
 * /usr/share/easy-rsa/vars; none is fine. pki is an absolute path. ERR_CA_PKI with the shell's last words if it
 * fails, takes longer than ten seconds, or a setting has a value that easy-rsa would not take either.
 */
int vars_load(struct vars **ret, const char *file, const char *pki, struct err *e);
void vars_free(struct vars **v);

/* "EASYRSA_REQ_OU" */
const char *vars_name(enum var v);

#endif
