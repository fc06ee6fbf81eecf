// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "apparmor.h"

#define WORD_MAX  (PATH_MAX + 2)
#define WORDS_MAX 8

/* Stars and braces in plenty multiply the ways a pattern could match. */
#define STEPS_MAX   20000u
#define STEPS_BRACE 100u /* each takes some stack, too */

#define MAY_READ  1u
#define MAY_WRITE 2u
#define MAY_BOTH  (MAY_READ | MAY_WRITE)

/* One rule taken apart; words are without their quotes. */
struct rule {
	char word[WORDS_MAX][WORD_MAX];
	size_t count;
	bool broken; /* too many or too long words: it cannot be judged */
};

/* "[a-z]" at *@at: is @c in it? Moves *@at to its end; false if there is none */
static bool match_class(const char **at, char c)
{
	const char *p = *at + 1;
	bool negate = *p == '^', found = false;

	if (negate)
		p++;
	for (const char *first = p; *p && (*p != ']' || p == first); p++) {
		if (p[1] == '-' && p[2] && p[2] != ']') {
			found |= c >= p[0] && c <= p[2];
			p += 2;
		} else {
			found |= c == *p;
		}
	}
	if (!*p)
		return false;
	*at = p;
	return c && c != '/' && found != negate;
}

/* The '}' which closes the '{' at @p, or NULL. */
static const char *closing(const char *p)
{
	int depth = 0;

	for (; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

/* End of the alternative that begins at @p: its ',' or the last '}'. */
static const char *alternative(const char *p, const char *end)
{
	int depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}')
			depth--;
		else if (*p == ',' && depth == 0)
			break;
	}
	return p;
}

static bool match(const char *pattern, const char *path, unsigned int *steps);

static bool match_braces(const char *pattern, const char *path,
			 unsigned int *steps)
{
	const char *end = closing(pattern), *from = pattern + 1;
	char text[WORD_MAX];

	*steps -= *steps < STEPS_BRACE ? *steps : STEPS_BRACE;
	while (end && from <= end) {
		const char *to = alternative(from, end);
		int n = snprintf(text, sizeof(text), "%.*s%s", (int)(to - from),
				 from, end + 1);

		if (n >= 0 && (size_t)n < sizeof(text) &&
		    match(text, path, steps))
			return true;
		from = to + 1;
	}
	return false;
}

static bool match_star(const char *pattern, const char *path,
		       unsigned int *steps)
{
	bool deep = pattern[1] == '*';
	const char *rest = pattern + (deep ? 2 : 1);

	/* A directory's own name, "/d/", is not what "/d/" and a star means. */
	if (path[-1] == '/' && (!*path || (!deep && *path == '/')))
		return false;
	for (;; path++) {
		if (match(rest, path, steps))
			return true;
		if (!*path || (!deep && *path == '/'))
			return false;
	}
}

/* What stands for one byte: true and *@at on the last byte of that. */
static bool match_one(const char **at, char c)
{
	switch (**at) {
	case '?':
		return c && c != '/';
	case '[':
		return match_class(at, c);
	case '\\':
		*at += (*at)[1] != '\0';
		break;
	default:
		break;
	}
	return c == **at;
}

/* *@steps: how much may still be tried; 0: given up. */
static bool match(const char *pattern, const char *path, unsigned int *steps)
{
	for (; *pattern; pattern++, path++) {
		if (!*steps || !--*steps)
			return false;
		if (*pattern == '*')
			return match_star(pattern, path, steps);
		if (*pattern == '{')
			return match_braces(pattern, path, steps);
		if (!strncmp(pattern, "@{", 2) || !match_one(&pattern, *path))
			return false;
	}
	return !*path;
}

/* 1 it matches; 0 it does not; -1 nobody knows. */
static int match_all(const char *pattern, const char *path)
{
	unsigned int steps = STEPS_MAX;

	/* So there is always a byte before a star. */
	if (*pattern != '/' || *path != '/')
		return 0;
	if (match(pattern, path, &steps))
		return 1;
	return steps ? 0 : -1;
}

bool apparmor_match(const char *pattern, const char *path)
{
	return match_all(pattern, path) > 0;
}

/* Blanks, and all of a line that AppArmor takes for a comment or an include. */
static const char *skip_blank(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n\v\f");
		if (*p != '#' && (strncmp(p, "include", 7) != 0 ||
				  !isspace((unsigned char)p[7])))
			return p;
		p += strcspn(p, "\n");
	}
}

/*
 * One word into @out; *@last: a comma behind it ended the rule. A comma inside
 * of quotes or braces, or before more of the word, is part of it.
 */
static const char *read_word(const char *p, char *out, bool *fits, bool *last)
{
	bool quoted = *p == '"', escaped = false;
	size_t n = 0;
	int depth = 0;

	if (quoted)
		p++;
	for (; *p && *p != '\n'; p++) {
		if (!escaped &&
		    (quoted ? *p == '"' : isspace((unsigned char)*p) && !depth))
			break;
		if (!quoted && !escaped && *p == ',' && !depth &&
		    (!p[1] || isspace((unsigned char)p[1]) || p[1] == '#'))
			break;
		if (!escaped)
			depth += (*p == '{') - (*p == '}');
		escaped = !escaped && *p == '\\';
		if (n < WORD_MAX - 1)
			out[n++] = *p;
		else
			*fits = false;
	}
	out[n] = '\0';
	if (quoted && *p == '"')
		p++;
	p += strspn(p, " \t");
	*last = *p == ',';
	return *last ? p + 1 : p;
}

/* The next rule of @p, or NULL at the end. */
static const char *read_rule(const char *p, struct rule *rule)
{
	bool last = false, fits = true;

	rule->count = 0;
	while (!last) {
		char spare[WORD_MAX], *word = spare;

		p = skip_blank(p);
		if (!*p && !rule->count)
			return NULL;
		/* Without a comma it is no rule, and AppArmor takes none. */
		if (!*p)
			break;
		if (rule->count < WORDS_MAX)
			word = rule->word[rule->count++];
		else
			fits = false;
		p = read_word(p, word, &fits, &last);
	}
	rule->broken = !fits || !last;
	return p;
}

/* "rw" and the like, or 0 if this is another kind of word. */
static unsigned int permissions(const char *word)
{
	unsigned int may = 0;

	if (!*word || word[strspn(word, "rwalkmixpPcCuU")])
		return 0;
	if (strchr(word, 'r'))
		may |= MAY_READ;
	if (strchr(word, 'w'))
		may |= MAY_WRITE;
	return may;
}

/* Words before a rule's path: how many; *@deny: that it forbids this. */
static size_t qualifiers(const struct rule *rule, bool *deny)
{
	static const char *const words[] = {"audit", "allow", "deny", "file"};
	size_t i, w;

	*deny = false;
	for (i = 0; i < rule->count; i++) {
		for (w = 0; w < 4 && strcmp(rule->word[i], words[w]) != 0; w++)
			;
		if (w == 4)
			break;
		*deny |= w == 2;
	}
	return i;
}

/* What @rule says about @path; *@deny: that it forbids this. */
static unsigned int judge(const struct rule *rule, const char *path, bool *deny)
{
	size_t i = qualifiers(rule, deny);
	const char *pattern, *perms;
	int fits;

	/* Whose file it is only tells whether a rule applies: then it does. */
	if (*deny && i < rule->count && !strcmp(rule->word[i], "owner"))
		i++;
	if (rule->broken)
		return *deny ? MAY_BOTH : 0;
	if (i + 2 != rule->count)
		return 0;
	pattern = rule->word[i];
	perms = rule->word[i + 1];
	if (!strchr("/@{", *pattern)) {
		pattern = rule->word[i + 1];
		perms = rule->word[i];
	}
	if (*deny && (*pattern == '{' || strstr(pattern, "@{")))
		return permissions(perms);
	fits = match_all(pattern, path);
	if (fits < 0)
		fits = *deny;
	return fits ? permissions(perms) : 0;
}

static unsigned int judge_all(const char *text, const char *path)
{
	unsigned int allowed = 0, denied = 0;
	struct rule rule = {0};

	while ((text = read_rule(text, &rule))) {
		bool deny;
		unsigned int may = judge(&rule, path, &deny);

		if (deny)
			denied |= may;
		else
			allowed |= may;
	}
	return allowed & ~denied;
}

bool apparmor_allows(const char *text, const char *path)
{
	return judge_all(text, path) == MAY_BOTH;
}

bool apparmor_allows_reading(const char *text, const char *path)
{
	return judge_all(text, path) & MAY_READ;
}

/* Without its permissions and the comma. */
static int write_path(const char *path, bool glob, char *out, size_t len)
{
	size_t n = 0;

	if (*path != '/')
		return -EINVAL;
	for (const char *p = path; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return -EINVAL;
		if (n + 8 >= len)
			return -ENAMETOOLONG;
		if (n == 0)
			out[n++] = '"';
		if (strchr("\"\\", *p) || (!glob && strchr("*?[]{}^@", *p)))
			out[n++] = '\\';
		out[n++] = *p;
	}
	return (int)n;
}

int apparmor_rule(const char *path, bool glob, char *out, size_t len)
{
	int n = write_path(path, glob, out, len);

	return n < 0 ? n : n + snprintf(out + n, len - (size_t)n, "\" rw,");
}

int apparmor_rule_reading(const char *path, char *out, size_t len)
{
	int n = write_path(path, false, out, len);

	return n < 0 ? n : n + snprintf(out + n, len - (size_t)n, "\" r,");
}

bool apparmor_includes(const char *text, const char *file)
{
	size_t len = strlen(file);

	for (const char *p = text; (p = strstr(p, file)); p += len) {
		const char *line = p;

		while (line > text && line[-1] != '\n')
			line--;
		line += strspn(line, " \t");
		line += *line == '#';
		if (!strncmp(line, "include", 7) && p[-1] == '<' &&
		    p[len] == '>')
			return true;
	}
	return false;
}

bool apparmor_loaded(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (!strncmp(text, name, len) && text[len] == ' ' &&
		    text[len + 1] == '(')
			return true;
	}
	return false;
}
