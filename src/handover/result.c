/* A file of its own, so that who only reads a result is not linked with what makes one. */
#include "handover/handover.h"

#include <stdlib.h>

void handover_result_free(struct handover_result *r)
{
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i]);
	free(r->files);
	free(r->folder);
	free(r->tar_gz);
	free(r->zip);
	*r = (struct handover_result){.folder = NULL};
}
