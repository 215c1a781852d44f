#include "ca/serial.h"

#include "ca/session.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_FILE_MAX 4096
#define TRIES_MAX 1000

static bool is_taken(const struct ca *ca, const char *serial)
{
	struct index_row row;
	char *path = pki_path(ca, "certs_by_serial/%s.pem", serial);
	bool taken = pki_exists(path) || index_by_serial(ca->index, serial, &row);
	free(path);
	return taken;
}

void serial_of_proposal(char ret[CA_SERIAL_HEX_MAX], const unsigned char proposed[16])
{
	unsigned char bytes[16];
	memcpy(bytes, proposed, sizeof bytes);
	if (bytes[0] == 0)
		bytes[0] = 1;
	hex_encode(ret, CA_SERIAL_HEX_MAX, bytes, sizeof bytes);
}

static int choose_random(char ret[CA_SERIAL_HEX_MAX], const struct ca *ca, const unsigned char proposed[16],
			 struct err *e)
{
	unsigned char next[EVP_MAX_MD_SIZE];
	memcpy(next, proposed, 16);
	for (int i = 0; i < TRIES_MAX; i++) {
		serial_of_proposal(ret, next);
		if (!is_taken(ca, ret))
			return 0;
		if (EVP_Digest(next, 16, next, NULL, EVP_sha256(), NULL) != 1)
			break;
	}
	return err_openssl(e, ERR_CA_FAILED, "no free serial number was found");
}

static int read_counter(BIGNUM **ret, const char *path, struct err *e)
{
	struct blob text = BLOB_INIT;
	if (file_read(path, SERIAL_FILE_MAX, &text, e) != 0) {
		if (e != NULL)
			e->code = ERR_CA_PKI;
		return -1;
	}
	char *hex = (char *)text.data;
	size_t n = strspn(hex, "0123456789abcdefABCDEF");
	bool good = n > 0 && n <= 40 && hex[n + strspn(hex + n, "\r\n \t")] == '\0';
	hex[n] = '\0';
	int status = good && BN_hex2bn(ret, hex) > 0 ? 0 : -1;
	if (status != 0) {
		err_set(e, ERR_CA_PKI, "%s does not hold a serial number in hex", path);
		err_next(e, "write the next number into it; serial.old has the one before");
	}
	blob_free(&text);
	return status;
}

static char *to_hex(const BIGNUM *bn)
{
	char *hex = BN_is_zero(bn) ? NULL : BN_bn2hex(bn);
	char *ret = xstrdup(hex != NULL ? hex : "00");
	OPENSSL_free(hex);
	return ret;
}

/* openssl keeps the number before in serial.old. */
static int write_counter(const struct ca *ca, const char *used, const BIGNUM *next, struct err *e)
{
	char *path = pki_path(ca, "serial"), *old = pki_path(ca, "serial.old"), *hex = to_hex(next);
	char *line = xasprintf("%s\n", hex), *old_line = xasprintf("%s\n", used);
	int ret = pki_write(old, old_line, strlen(old_line), e);
	if (ret == 0)
		ret = pki_write(path, line, strlen(line), e);
	free(old_line);
	free(line);
	free(hex);
	free(old);
	free(path);
	return ret;
}

/* Takes the first number from the counter's on that nothing has, and puts the counter behind it. */
static int take_number(char ret[CA_SERIAL_HEX_MAX], const struct ca *ca, struct err *e)
{
	BIGNUM *bn = NULL;
	char *path = pki_path(ca, "serial"), *hex = NULL;
	int status = read_counter(&bn, path, e);
	bool taken = true;
	for (int i = 0; status == 0 && taken && i < TRIES_MAX; i++) {
		free(hex);
		hex = to_hex(bn);
		taken = is_taken(ca, hex);
		if (BN_add_word(bn, 1) != 1 || strlen(hex) >= CA_SERIAL_HEX_MAX)
			status = err_set(e, ERR_CA_PKI, "%s has reached the largest number", path);
	}
	if (status == 0 && taken)
		status = err_set(e, ERR_CA_PKI, "%s is far behind: the numbers from there on are in use", path);
	if (status == 0)
		status = write_counter(ca, hex, bn, e);
	if (status == 0)
		memcpy(ret, hex, strlen(hex) + 1);
	free(hex);
	BN_free(bn);
	free(path);
	return status;
}

/*
 * An easy-rsa without a lock reads the counter and uses the number a little later. One that started before the
 * counter was moved may have read the number that was taken here: it shows when it has finished.
 */
static int choose_counted(char ret[CA_SERIAL_HEX_MAX], struct ca *ca, struct err *e)
{
	const char *temp = pki_temp_dir(ca);
	(void)session_wait(ca);
	for (int i = 0; i < TRIES_MAX; i++) {
		if (index_refresh(ca->index, e) != 0 || take_number(ret, ca, e) != 0)
			return -1;
		if (!session_running(temp))
			return 0;
		(void)session_wait(ca);
		if (index_refresh(ca->index, e) != 0)
			return -1;
		if (!is_taken(ca, ret))
			return 0;
	}
	return err_set(e, ERR_CA_FAILED, "easy-rsa takes the serial numbers faster than tokenroll can");
}

int serial_choose(char ret[CA_SERIAL_HEX_MAX], struct ca *ca, const unsigned char proposed[16], struct err *e)
{
	return ca->vars->random_serials ? choose_random(ret, ca, proposed, e) : choose_counted(ret, ca, e);
}

int serial_check(const struct ca *ca, struct err *e)
{
	BIGNUM *bn = NULL;
	char *path = pki_path(ca, "serial");
	int ret = ca->vars->random_serials ? 0 : read_counter(&bn, path, e);
	BN_free(bn);
	free(path);
	return ret;
}
