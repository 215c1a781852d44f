#include "page.h"
#include "core/clean.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char before_title[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n";

static const char common_style[] =
    "body { font: 16px/1.5 sans-serif; color: #000; background: #fff; max-width: 60em; margin: 2em auto; padding: 0 "
    "1em; }\n"
    "h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; }\n"
    "table { border-collapse: collapse; } th, td { text-align: left; padding: .2em 1em .2em 0; vertical-align: top; }\n"
    "th { border-bottom: 1px solid #000; font-weight: 600; } td.n { text-align: right; }\n"
    "code { font-size: .95em; overflow-wrap: anywhere; }\n"
    "svg { width: 100%; height: auto; }\n"
    "@media print { body { margin: 0; max-width: none; } }\n";

void page_begin(FILE *out, const char *title, const char *style)
{
	fputs(before_title, out);
	fputs("<title>", out);
	page_text(out, title);
	fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n", common_style, style);
}

void page_end(FILE *out)
{
	fputs("</body>\n</html>\n", out);
}

void page_text(FILE *out, const char *text)
{
	char *clean = clean_dup(text);
	for (const char *p = clean; *p != '\0'; p++) {
		switch (*p) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*p, out);
		}
	}
	free(clean);
}

/* A rename would put a file in the place of /dev/stdout, for whoever may do that. */
static int check_place(const char *path, struct err *e)
{
	struct stat st;
	if (lstat(path, &st) != 0 || S_ISREG(st.st_mode))
		return 0;
	err_set(e, ERR_SYSTEM, "the page was not written: %s is there already, and is no file", path);
	return err_next(e, "name a file");
}

int page_write(const char *path, file_fill_fn *fill, void *arg, struct err *e)
{
	if (check_place(path, e) != 0)
		return -1;
	if (file_write_by(path, fill, arg, 0600, e) == 0)
		return 0;
	err_prefix(e, "the page %s was not written", path);
	if (e != NULL && e->code == ERR_SYSTEM && e->next[0] == '\0')
		err_next(e, "name a file in a folder that exists and that you may write to");
	return -1;
}
