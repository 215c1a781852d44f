#include "handover/pinletter_sheet.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int pinletter_sheet_open(struct pinletter_sheet *s, struct err *e)
{
	s->fd = memfd_create("letter", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)PINLETTER_SHEET_MAX) != 0)
		return err_errno(e, ERR_SYSTEM, "no memory for a letter");
	void *data = mmap(NULL, PINLETTER_SHEET_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (data == MAP_FAILED)
		return err_errno(e, ERR_SYSTEM, "no memory for a letter");
	s->data = data;
	/* as for a secret: a limit of locked memory must not stop it */
	(void)mlock(data, PINLETTER_SHEET_MAX);
	(void)madvise(data, PINLETTER_SHEET_MAX, MADV_DONTDUMP);
	return 0;
}

int pinletter_sheet_add(struct pinletter_sheet *s, const void *data, size_t len)
{
	if (len > PINLETTER_SHEET_MAX - s->len)
		return -1;
	memcpy(s->data + s->len, data, len);
	s->len += len;
	return 0;
}

int pinletter_sheet_finish(struct pinletter_sheet *s, struct err *e)
{
	return ftruncate(s->fd, (off_t)s->len) == 0 ? 0 : err_errno(e, ERR_SYSTEM, "no memory for a letter");
}

/* These take the place of the C library's. */
FILE *tmpfile(void)
{
	return fmemopen(NULL, PINLETTER_SHEET_MAX, "w+");
}

FILE *tmpfile64(void)
{
	return tmpfile();
}

void pinletter_sheet_close(struct pinletter_sheet *s)
{
	if (s->data != NULL) {
		OPENSSL_cleanse(s->data, s->len);
		munmap(s->data, PINLETTER_SHEET_MAX);
	}
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct pinletter_sheet)PINLETTER_SHEET_INIT;
}
