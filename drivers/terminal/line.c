/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor (ECMA-48, "Control functions": what terminals send for cursor keys). */
#include "drivers/api/line.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"

#define CTRL(c) ((c)&0x1f)
#define ESC	0x1b
#define DEL	0x7f

enum { ESCAPE_NONE, ESCAPE_STARTED, ESCAPE_SEQUENCE };

static void insert(struct line *l, const char *text, u32 len)
{
	len = MIN(len, LINE_MAX - 1 - l->len);
	memmove(l->text + l->cursor + len, l->text + l->cursor, l->len - l->cursor);
	memcpy(l->text + l->cursor, text, len);
	l->len += len;
	l->cursor += len;
	l->text[l->len] = 0;
}

/* Removes from..to-1; the cursor goes to from. */
static enum line_event cut(struct line *l, u32 from, u32 to)
{
	if (from >= to || to > l->len)
		return LINE_SAME;
	memmove(l->text + from, l->text + to, l->len - to + 1);
	l->len -= to - from;
	l->cursor = from;
	return LINE_CHANGED;
}

static enum line_event move(struct line *l, u32 to)
{
	if (to > l->len || to == l->cursor)
		return LINE_SAME;
	l->cursor = to;
	return LINE_CHANGED;
}

static enum line_event cut_word(struct line *l)
{
	u32 from = l->cursor;

	while (from && l->text[from - 1] == ' ')
		from--;
	while (from && l->text[from - 1] != ' ')
		from--;
	return cut(l, from, l->cursor);
}

static enum line_event look_back(struct line *l, u32 back)
{
	const char *text = l->typed;

	if (back > MIN(l->entries, LINE_HISTORY))
		return LINE_SAME;
	if (!l->back)
		memcpy(l->typed, l->text, LINE_MAX);
	if (back)
		text = l->history[(l->entries - back) % LINE_HISTORY];
	l->back = back;
	memcpy(l->text, text, LINE_MAX);
	l->len = l->cursor = (u32)strlen(l->text);
	return LINE_CHANGED;
}

/* The first word grows by what all names that begin with it share, and by a space if it is one. */
static enum line_event complete(struct line *l)
{
	const char *first = NULL, *name;
	u32 common = 0, names = 0;

	if (!l->name || l->cursor != l->len || strchr(l->text, ' '))
		return LINE_SAME;
	for (u32 i = 0; (name = l->name(i)); i++) {
		u32 same = 0;

		if (strncmp(name, l->text, l->len))
			continue;
		while (first && name[same] && name[same] == first[same])
			same++;
		common = names++ ? MIN(common, same) : (u32)strlen(name);
		first = first ? first : name;
	}
	if (!names)
		return LINE_SAME;
	insert(l, first + l->len, common - l->len);
	if (names == 1)
		insert(l, " ", 1);
	return LINE_CHANGED;
}

static enum line_event cursor_key(struct line *l, u8 final)
{
	switch (final) {
	case 'A':
		return look_back(l, l->back + 1);
	case 'B':
		return l->back ? look_back(l, l->back - 1) : LINE_SAME;
	case 'C':
		return move(l, l->cursor + 1);
	case 'D':
		return move(l, l->cursor - 1);
	case 'H':
		return move(l, 0);
	case 'F':
		return move(l, l->len);
	case '~':
		if (l->parameter == 3)
			return cut(l, l->cursor, l->cursor + 1);
		return move(l, l->parameter == 1 || l->parameter == 7 ? 0 : l->len);
	default:
		return LINE_SAME;
	}
}

static enum line_event escape_key(struct line *l, u8 byte)
{
	if (l->escape == ESCAPE_STARTED) {
		l->escape = byte == '[' || byte == 'O' ? ESCAPE_SEQUENCE : ESCAPE_NONE;
		l->parameter = 0;
		return LINE_SAME;
	}
	if (byte >= '0' && byte <= '9') {
		l->parameter = (u8)(l->parameter * 10 + byte - '0');
		return LINE_SAME;
	}
	if (byte < '@') /* more parameters: none that we know */
		return LINE_SAME;
	l->escape = ESCAPE_NONE;
	return cursor_key(l, byte);
}

static enum line_event control_key(struct line *l, u8 byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		return LINE_DONE;
	case '\t':
		return complete(l);
	case ESC:
		l->escape = ESCAPE_STARTED;
		return LINE_SAME;
	case CTRL('H'):
	case DEL:
		return l->cursor ? cut(l, l->cursor - 1, l->cursor) : LINE_SAME;
	case CTRL('D'):
		return cut(l, l->cursor, l->cursor + 1);
	case CTRL('A'):
		return move(l, 0);
	case CTRL('E'):
		return move(l, l->len);
	case CTRL('B'):
		return cursor_key(l, 'D');
	case CTRL('F'):
		return cursor_key(l, 'C');
	case CTRL('P'):
		return cursor_key(l, 'A');
	case CTRL('N'):
		return cursor_key(l, 'B');
	case CTRL('K'):
		return cut(l, l->cursor, l->len);
	case CTRL('U'):
		return cut(l, 0, l->cursor);
	case CTRL('C'):
		return cut(l, 0, l->len);
	case CTRL('W'):
		return cut_word(l);
	case CTRL('L'):
		return LINE_CLEAR;
	default:
		return LINE_SAME;
	}
}

enum line_event line_key(struct line *l, u8 byte)
{
	bool second = byte == '\n' && l->after_cr; /* of CR LF: one line, not two */
	char c = (char)byte;

	l->after_cr = byte == '\r';
	if (second)
		return LINE_SAME;
	if (l->escape)
		return escape_key(l, byte);
	if (byte < ' ' || byte >= DEL)
		return control_key(l, byte);
	if (l->len == LINE_MAX - 1)
		return LINE_SAME;
	insert(l, &c, 1);
	return l->cursor == l->len ? LINE_APPENDED : LINE_CHANGED;
}

void line_reset(struct line *l)
{
	const char *last = l->history[(l->entries - 1) % LINE_HISTORY];

	if (l->len && (!l->entries || strcmp(last, l->text)))
		memcpy(l->history[l->entries++ % LINE_HISTORY], l->text, LINE_MAX);
	l->len = l->cursor = l->back = 0;
	l->text[0] = 0;
}

void line_draw(const struct line *l, const char *prompt, char out[LINE_DRAW_MAX])
{
	u32 width = LINE_COLUMNS - 1 - (u32)strlen(prompt);
	u32 start = l->cursor > width ? l->cursor - width : 0;
	u32 shown = MIN(l->len - start, width), right = start + shown - l->cursor;
	char text[LINE_COLUMNS];
	int len;

	memcpy(text, l->text + start, shown);
	text[shown] = 0;
	len = fmt_string(out, LINE_DRAW_MAX, "\r%s%s\x1b[K", prompt, text);
	if (right)
		fmt_string(out + len, LINE_DRAW_MAX - (size_t)len, "\x1b[%uD", right);
}
