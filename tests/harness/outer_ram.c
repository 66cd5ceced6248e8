/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outer_ram FILE MB: makes the inner machine's RAM, a file of huge pages, and says where in the
 * outer machine's memory it lies: a line "kfv.ram OFFSET ADDRESS LENGTH" (hexadecimal) for each
 * piece. Linux, Documentation/admin-guide/mm/pagemap.rst and hugetlbpage.rst: huge pages neither
 * move nor leave. It ends when all of it has left the serial line, as a test may be over sooner.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define PAGE	 4096
#define HUGE	 (2ull << 20)
#define PFN_MASK ((1ull << 55) - 1)

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t physical(int pagemap, const char *at)
{
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)at / PAGE * sizeof(entry)) !=
		sizeof(entry))
		fail("pagemap");
	return (entry & PFN_MASK) * PAGE;
}

static void say_pieces(const char *ram, uint64_t len)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	uint64_t start = 0, at = physical(pagemap, ram);

	for (uint64_t end = HUGE; end <= len; end += HUGE) {
		uint64_t next = end < len ? physical(pagemap, ram + end) : 0;

		if (next == at + end - start)
			continue;
		printf("kfv.ram %llx %llx %llx\n", (unsigned long long)start,
			(unsigned long long)at, (unsigned long long)(end - start));
		start = end;
		at = next;
	}
}

int main(int argc, char **argv)
{
	uint64_t len = argc == 3 ? strtoull(argv[2], NULL, 10) << 20 : 0;
	int file = len ? open(argv[1], O_CREAT | O_RDWR, 0600) : -1;
	char *ram;

	if (file < 0 || ftruncate(file, (off_t)len))
		fail("file");
	ram = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
	if (ram == MAP_FAILED)
		fail("huge pages");
	say_pieces(ram, len);
	if (fflush(stdout) || tcdrain(STDOUT_FILENO))
		fail("serial line");
	return 0;
}
