#include "ca/subject.h"

#include "core/xalloc.h"

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

/* openssl-easyrsa.cnf, [org] and [policy_anything]; an empty field is left out */
static const struct {
	int nid;
	enum var var; /* VAR_COUNT: the user */
} org_fields[] = {
    {NID_countryName, VAR_REQ_COUNTRY},       {NID_stateOrProvinceName, VAR_REQ_PROVINCE},
    {NID_localityName, VAR_REQ_CITY},         {NID_organizationName, VAR_REQ_ORG},
    {NID_organizationalUnitName, VAR_REQ_OU}, {NID_commonName, VAR_COUNT},
    {NID_pkcs9_emailAddress, VAR_REQ_EMAIL},  {NID_serialNumber, VAR_REQ_SERIAL},
};

static int add(X509_NAME *name, int nid, const char *value)
{
	return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

int subject_build(X509_NAME **ret, const struct vars *vars, const char *user, struct err *e)
{
	X509_NAME *name = X509_NAME_new();
	if (name == NULL)
		return err_openssl(e, ERR_CA_FAILED, "cannot make a subject");
	for (size_t i = 0; i < sizeof org_fields / sizeof *org_fields; i++) {
		enum var var = org_fields[i].var;
		const char *value = var == VAR_COUNT ? user : vars->org ? vars->value[var] : "";
		if (value[0] == '\0' || add(name, org_fields[i].nid, value) == 1)
			continue;
		X509_NAME_free(name);
		err_openssl(e, ERR_CA_PKI, "\"%s\" does not fit the field %s of a certificate", value,
			    OBJ_nid2ln(org_fields[i].nid));
		if (var != VAR_COUNT)
			err_next(e, "correct %s in %s", vars_name(var), vars->file != NULL ? vars->file : "vars");
		return -1;
	}
	*ret = name;
	return 0;
}

char *subject_cn(const X509_NAME *name)
{
	int at = -1;
	for (int next; (next = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;)
		at = next;
	const X509_NAME_ENTRY *entry = at >= 0 ? X509_NAME_get_entry(name, at) : NULL;
	const ASN1_STRING *value = entry != NULL ? X509_NAME_ENTRY_get_data(entry) : NULL;
	const char *text = value != NULL ? (const char *)ASN1_STRING_get0_data(value) : NULL;
	size_t len = value != NULL ? (size_t)ASN1_STRING_length(value) : 0;
	return text != NULL && memchr(text, '\0', len) == NULL ? xasprintf("%.*s", (int)len, text) : NULL;
}

bool subject_has_cn(const X509_NAME *name, const char *cn)
{
	char *own = subject_cn(name);
	bool same = own != NULL && strcmp(own, cn) == 0;
	free(own);
	return same;
}
