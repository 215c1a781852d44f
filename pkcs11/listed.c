#include "pkcs11/listing.h"

#include <stdlib.h>

void p11_listed_free(struct p11_listed **list, size_t n)
{
	for (size_t i = 0; *list != NULL && i < n; i++) {
		blob_free(&(*list)[i].id);
		blob_free(&(*list)[i].spki);
	}
	free(*list);
	*list = NULL;
}
