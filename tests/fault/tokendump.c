/*
 * tokendump MODULE SERIAL PIN-FILE: every object of a token on a line of its own, with every attribute that has a
 * name here. Attributes stand in a fixed order and lines are sorted, so that two dumps of a token nobody changed are
 * the same bytes, and comm(1) finds the object that was changed. Values are hex; what the token keeps to itself is
 * "sensitive".
 */
#include "names.h"
#include "session.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 4096
#define ARRAY_OF_ATTRIBUTES 0x40000000UL

struct dump {
	char *line[OBJECTS_MAX];
	size_t n;
};

static void print_value(FILE *out, const CK_ATTRIBUTE *a)
{
	const unsigned char *bytes = a->pValue;

	for (CK_ULONG i = 0; i < a->ulValueLen; i++)
		fprintf(out, "%02x", bytes[i]);
}

static void print_class(FILE *out, const struct session *s, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_CLASS class;
	CK_ATTRIBUTE a = {CKA_CLASS, &class, sizeof(class)};
	const char *name;

	must(s->p11->C_GetAttributeValue(s->handle, object, &a, 1), "C_GetAttributeValue(CKA_CLASS)");
	name = names_text("CKO_", class);
	fprintf(out, "%s", name ? name : "unknown");
}

static void print_attribute(FILE *out, const struct session *s, CK_OBJECT_HANDLE object, const struct name *name)
{
	CK_ATTRIBUTE a = {name->value, NULL, 0};
	CK_RV rv = s->p11->C_GetAttributeValue(s->handle, object, &a, 1);

	if (rv == CKR_ATTRIBUTE_SENSITIVE) {
		fprintf(out, " %s=sensitive", name->name);
		return;
	}
	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || a.ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return;
	must(rv, name->name);
	a.pValue = calloc(1, a.ulValueLen + 1);
	if (!a.pValue)
		err(1, "%s", name->name);
	must(s->p11->C_GetAttributeValue(s->handle, object, &a, 1), name->name);
	fprintf(out, " %s=", name->name);
	print_value(out, &a);
	free(a.pValue);
}

static char *object_line(const struct session *s, CK_OBJECT_HANDLE object)
{
	size_t n_names, len;
	const struct name *names = names_of("CKA_", &n_names);
	char *line = NULL;
	FILE *out = open_memstream(&line, &len);

	if (!out)
		err(1, "memory");
	print_class(out, s, object);
	for (size_t i = 0; i < n_names; i++)
		if (names[i].value != CKA_CLASS &&
		    (!(names[i].value & ARRAY_OF_ATTRIBUTES) || names[i].value == CKA_ALLOWED_MECHANISMS))
			print_attribute(out, s, object, &names[i]);
	if (fclose(out) != 0)
		err(1, "memory");
	return line;
}

static void read_objects(const struct session *s, struct dump *ret)
{
	CK_OBJECT_HANDLE objects[OBJECTS_MAX];
	CK_ULONG n = 0;

	must(s->p11->C_FindObjectsInit(s->handle, NULL, 0), "C_FindObjectsInit");
	must(s->p11->C_FindObjects(s->handle, objects, OBJECTS_MAX, &n), "C_FindObjects");
	must(s->p11->C_FindObjectsFinal(s->handle), "C_FindObjectsFinal");
	if (n == OBJECTS_MAX)
		errx(1, "more than %d objects", OBJECTS_MAX - 1);
	for (CK_ULONG i = 0; i < n; i++)
		ret->line[ret->n++] = object_line(s, objects[i]);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
	static struct dump dump;
	struct session s;

	if (argc != 4)
		errx(2, "usage: tokendump MODULE SERIAL PIN-FILE");
	session_open(&s, argv[1], argv[2], argv[3]);
	read_objects(&s, &dump);
	session_close(&s);
	qsort(dump.line, dump.n, sizeof(dump.line[0]), compare);
	for (size_t i = 0; i < dump.n; i++) {
		puts(dump.line[i]);
		free(dump.line[i]);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
