/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of a typed line. */
#include "drivers/api/line.h"

/* Cuts the next word out of *line in place; a quoted one may hold spaces. NULL: no more. */
static char *next_word(char **line)
{
	char *from = *line, *word, end = ' ';

	while (*from == ' ')
		from++;
	if (!*from)
		return NULL;
	if (*from == '"' || *from == '\'')
		end = *from++;
	word = from;
	while (*from && *from != end)
		from++;
	*line = *from ? from + 1 : from;
	*from = 0;
	return word;
}

u32 line_words(char *line, char **words, u32 max)
{
	u32 n = 0;

	while (n < max && (words[n] = next_word(&line)))
		n++;
	return n;
}
