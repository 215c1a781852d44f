/* Templates: what they render to, and what they say when they are wrong. */
#include "tests/unit/handover_fixture.h"

#include "handover/extras.h"
#include "handover/names.h"
#include "handover/template.h"

/* Renders text for one target; the caller frees the result. NULL on failure, with the error in f. */
static char *render(struct fixture *f, const char *text, bool html, enum config_platform target)
{
	struct extras extras = {.v = NULL};
	struct names *names = NULL;
	struct template *t = NULL;
	struct blob out = BLOB_INIT;
	assert_int_equal(extras_load(&extras, &f->cfg, &f->e), 0);
	assert_int_equal(names_new(&names, &extras, &f->facts, target, &f->e), 0);
	if (template_parse(&t, "x.txt", text, strlen(text), &f->e) == 0)
		template_render(t, names, html ? TEMPLATE_MARKUP : TEMPLATE_TEXT, "change_me", &out, &f->e);
	template_free(&t);
	names_free(&names);
	extras_free(&extras);
	return (char *)out.data;
}

static void expect(struct fixture *f, const char *text, const char *wanted)
{
	char *got = render(f, text, false, PLATFORM_LINUX);
	if (got == NULL)
		fail_msg("%s: %s", text, f->e.what);
	assert_string_equal(got, wanted);
	free(got);
}

static void expect_fault(struct fixture *f, const char *text, const char *words)
{
	assert_null(render(f, text, false, PLATFORM_LINUX));
	assert_int_equal(f->e.code, ERR_TEMPLATE);
	if (strstr(f->e.what, words) == NULL)
		fail_msg("%s, but expected \"%s\"", f->e.what, words);
	assert_true(err_advice(&f->e)[0] != '\0');
}

static void values_flags_and_remarks_render_as_mustache_says(void **state)
{
	struct fixture *f = *state;
	expect(f, "", "");
	expect(f, "a {{user}} b {{ user }}.", "a alice b alice.");
	expect(f, "{{#linux}}L{{/linux}}{{#windows}}W{{/windows}}{{^windows}}no W{{/windows}}", "Lno W");
	expect(f, "{{#linux}}{{#windows}}x{{/windows}}y{{/linux}}z", "yz");
	expect(f, "a{{! not\n{{this}} b", "a b");
	expect(f, "{{issued}} {{expires}} {{platform}}", "2026-02-01 2028-02-01 linux");
	expect(f, "{{#server_name}}x{{/server_name}}{{^server_name}}none{{/server_name}}", "none");
	expect(f, "{{remote}}", "vpn.example.com 1194 udp");
}

static void a_tag_alone_on_its_line_takes_the_line_with_it(void **state)
{
	struct fixture *f = *state;
	expect(f, "a\n{{#linux}}\nb\n{{/linux}}\nc\n", "a\nb\nc\n");
	expect(f, "a\n  {{#windows}}  \nb\n\t{{/windows}}\nc", "a\nc");
	expect(f, "a\r\n{{#linux}}\r\nb\r\n{{/linux}}\r\nc\r\n", "a\r\nb\r\nc\r\n");
	expect(f, "{{! first }}\na\n{{! last }}", "a\n");
	expect(f, "a\n{{! two\nlines }}\nb", "a\nb");
	expect(f, "a {{#linux}}\nb\n{{/linux}} c", "a \nb\n c");
	expect(f, "  {{user}}\n", "  alice\n");
}

static void the_old_placeholder_is_the_user_too(void **state)
{
	struct fixture *f = *state;
	expect(f, "cn=change_me change_mechange_me change_m", "cn=alice alicealice change_m");
}

static void a_value_is_never_read_as_a_template(void **state)
{
	struct fixture *f = *state;
	f->facts.token_label = "{{user}} change_me";
	expect(f, "[{{token_label}}]", "[{{user}} change_me]");
}

static void faults_name_file_and_line(void **state)
{
	struct fixture *f = *state;
	expect_fault(f, "a\nb {{nobody}}\n", "x.txt:2: there is no name {{nobody}}");
	expect_fault(f, "a\n\n{{#linux}}\nb", "x.txt:3: the section {{#linux}} is never closed");
	expect_fault(f, "{{^linux}}", "x.txt:1: the section {{^linux}} is never closed");
	expect_fault(f, "a\n{{/linux}}", "x.txt:2: {{/linux}} closes a section that was not opened");
	expect_fault(f, "{{#linux}}\n{{#macos}}\n{{/linux}}\n{{/macos}}",
		     "x.txt:3: {{/linux}} stands where {{/macos}}");
	expect_fault(f, "a\nb {{user\n}}", "x.txt:2: {{ without }}");
	expect_fault(f, "a {{user", "x.txt:1: {{ without }}");
	expect_fault(f, "\n{{}}", "x.txt:2: {{}} holds no name");
	expect_fault(f, "{{us er}}", "x.txt:1: {{us er}} holds no name");
	expect_fault(f, "{{linux}}", "x.txt:1: {{linux}} is a condition");
	expect_fault(f, "a\n{{server_name}}", "x.txt:2: {{server_name}} has no value");
	expect_fault(f, "{{! two\nlines }}\n{{> part}}", "x.txt:3: {{> is a part of mustache that is not supported");
	expect_fault(f, "{{{user}}}", "not supported");
	expect_fault(f, "{{&user}}", "not supported");
	expect_fault(f, "{{=<% %>=}}", "not supported");
}

static void names_are_checked_in_sections_that_are_left_out(void **state)
{
	struct fixture *f = *state;
	expect_fault(f, "{{#windows}}\n{{nobody}}\n{{/windows}}", "x.txt:2: there is no name {{nobody}}");
	expect_fault(f, "{{#nothing}}a{{/nothing}}", "x.txt:1: there is no name {{nothing}}");
}

static void what_differs_by_system_has_no_place_in_a_common_file(void **state)
{
	struct fixture *f = *state;
	assert_null(render(f, "a\n{{pkcs11_id}}", false, PLATFORM_COUNT));
	assert_non_null(strstr(f->e.what, "x.txt:2: {{pkcs11_id}} differs from system to system"));
	char *got = render(f, "{{module_windows}} {{module_linux}}", false, PLATFORM_COUNT);
	assert_string_equal(got, "C:/Program Files/OpenSC/opensc-pkcs11.dll /usr/lib/softhsm/libsofthsm2.so");
	free(got);
}

static void values_are_escaped_in_pages(void **state)
{
	struct fixture *f = *state;
	f->facts.token_label = "<b onload='x'>&\"";
	char *got = render(f, "<p title=\"{{token_label}}\">", true, PLATFORM_COUNT);
	assert_string_equal(got, "<p title=\"&lt;b onload=&#39;x&#39;&gt;&amp;&quot;\">");
	free(got);
}

static void a_hostile_label_stays_on_its_line_and_in_its_quotes(void **state)
{
	struct fixture *f = *state;
	f->facts.token_label = "a\nkey x\r\x01\x7f'\"\\\xff\xc2\x85\xe2\x80\xa8\xe2\x80\xae";
	expect(f, "# {{token_label}}\n",
	       "# a?key x???___?"
	       "???\n");
	f->facts.token_label = "Ключ Jürgen 鍵";
	expect(f, "{{token_label}}", "Ключ Jürgen 鍵");
	f->facts.token_label = "\xe2\x82"; /* cut in the middle of a character */
	expect(f, "{{token_label}}|", "??|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROMISE(values_flags_and_remarks_render_as_mustache_says),
	    PROMISE(a_tag_alone_on_its_line_takes_the_line_with_it),
	    PROMISE(the_old_placeholder_is_the_user_too),
	    PROMISE(a_value_is_never_read_as_a_template),
	    PROMISE(faults_name_file_and_line),
	    PROMISE(names_are_checked_in_sections_that_are_left_out),
	    PROMISE(what_differs_by_system_has_no_place_in_a_common_file),
	    PROMISE(values_are_escaped_in_pages),
	    PROMISE(a_hostile_label_stays_on_its_line_and_in_its_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
