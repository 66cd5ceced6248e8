/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/x86/smp.c and core/l1/lock.c: flushes by epoch, and quiet points. Each CPU may be in a guest,
 * in HLT, in the nucleus, waiting for a lock, or going round the main loop while another one keeps
 * house; each may change a mapping and flush, with or without the lock, and CPU 0 destroys an object
 * that the others may have in their hands. CHANGES is the number of changes.
 *
 * Shown: when smp_flush() returns no CPU can use an older mapping; when smp_wait_quiet() returns no
 * CPU has the object in its hands; nobody waits for ever. Stores are seen in the order in which they
 * are made: that the fences are where they must be is not shown here.
 *
 * Each of the macros of tests/models/test_models.py takes a step away; spin must object to that.
 */
#ifndef CPUS
#define CPUS 3
#endif
#ifndef DESTROY
#define DESTROY true
#endif
#ifndef CHANGES
#define CHANGES 2
#endif
#define EMPTY 255

byte changes_left = CHANGES;

byte epoch;
byte flushed[CPUS];
byte version;	  /* of the mapping; each change makes one more */
byte tlb[CPUS];	  /* the version that the CPU has cached, EMPTY: none */
bool kick[CPUS];  /* an interrupt that waits */
bool locked;
bool life;	  /* LOCK_LIFE is held */
bool listed = DESTROY; /* the object can be found */
bool hand[CPUS];  /* the CPU has it in its hands */
bool awaited[CPUS]; /* smp_wait_quiet() has seen the CPU's count, which is the same since */

inline kick_others(k)
{
	d_step {
		k = 0;
		do
		:: k < CPUS && k != me -> kick[k] = true; k++
		:: k < CPUS && k == me -> k++
		:: k >= CPUS -> break
		od;
		k = 0
	}
}

inline smp_poll(now)
{
	if
	:: flushed[me] == epoch
	:: else ->
		now = epoch;
#ifdef ANSWER_FIRST
		flushed[me] = now;
		tlb[me] = EMPTY
#else
		tlb[me] = EMPTY; /* cr3_write() */
		flushed[me] = now
#endif
	fi
}

/* A wait is a loop; a turn of it in which nothing happens is left out. */
#ifdef FLUSH_WITHOUT_POLL
#define ASKED_IN_FLUSH false
#else
#define ASKED_IN_FLUSH (flushed[me] != epoch)
#endif
#ifdef LOCK_WITHOUT_POLL
#define ASKED_IN_LOCK false
#else
#define ASKED_IN_LOCK (flushed[me] != epoch)
#endif
#ifdef QUIET_WITHOUT_POLL
#define ASKED_IN_LOOP false
#else
#define ASKED_IN_LOOP (flushed[me] != epoch)
#endif

inline smp_flush(mine, now, k)
{
	atomic {
		epoch++;
		mine = epoch
	}
#ifndef WITHOUT_KICK
	kick_others(k);
#endif
	k = 0;
	do
	:: k == CPUS -> break
	:: k < CPUS && flushed[k] >= mine -> k++
	:: k < CPUS && flushed[k] < mine && ASKED_IN_FLUSH -> smp_poll(now)
	od;
	k = 0
}

/* pt_protect() or pt_unmap() with its INVLPG, then smp_flush(). */
inline change_mapping(now, k)
{
	atomic {
		version++;
		wanted = version
	}
	tlb[me] = EMPTY;
	smp_flush(mine, now, k);
	d_step {
		k = 0;
		do
		:: k < CPUS -> assert(tlb[k] == EMPTY || tlb[k] >= wanted); k++
		:: k >= CPUS -> break
		od;
		k = 0
	}
	wanted = 0;
	mine = 0
}

inline lock_take(now)
{
	do
	:: atomic { !locked -> locked = true } break
	:: locked && ASKED_IN_LOCK -> smp_poll(now)
	od
}

inline lock_give()
{
	locked = false
}

inline smp_quiet(now)
{
	if
	:: ASKED_IN_LOOP -> smp_poll(now)
	:: else
	fi;
	atomic {
		hand[me] = false;
		awaited[me] = false
	}
}

inline smp_wait_quiet(now, k)
{
	d_step {
		k = 0;
		do
		:: k < CPUS -> awaited[k] = true; k++
		:: k >= CPUS -> break
		od;
		k = 0
	}
	kick_others(k);
	k = 0;
	do
	:: k == CPUS -> break
	:: k < CPUS && (k == me || !awaited[k]) -> k++
	:: k < CPUS && k != me && awaited[k] && flushed[me] != epoch -> smp_poll(now)
	od;
	k = 0
}

/* vm_destroy() of something that the others found before it was taken out of the table. */
inline destroy(now, k)
{
	listed = false;
#ifndef WITHOUT_WAIT
	smp_wait_quiet(now, k);
#endif
	d_step {
		k = 0;
		do
		:: k < CPUS -> assert(k == me || !hand[k]); k++
		:: k >= CPUS -> break
		od;
		k = 0
	}
}

proctype cpu(byte me)
{
	byte now, k, mine, wanted;

loop_run:
	smp_quiet(now);
	now = 0;
	if
	:: true -> /* another CPU keeps house: round again, without a guest that could be got out */
		do
		:: !life -> break
		:: life && (ASKED_IN_LOOP || awaited[me]) -> smp_quiet(now); now = 0
		od
	:: atomic { me == 0 && listed && !life -> life = true } /* keep_house() */
		if
		:: destroy(now, k)
		:: atomic { changes_left > 0 -> changes_left-- } change_mapping(now, k)
		fi;
		now = 0;
		life = false
	:: atomic { changes_left > 0 -> changes_left-- } /* in an exit's handler */
		if
		:: true -> lock_take(now); change_mapping(now, k); lock_give()
		:: change_mapping(now, k)
		fi;
		now = 0
	:: true -> lock_take(now); now = 0; lock_give()
	:: atomic { listed -> hand[me] = true } /* vms[] is looked through */
	:: atomic { tlb[me] == EMPTY -> tlb[me] = version } /* the nucleus uses the mapping */
	:: true -> /* idle(), or in a guest: until the kick */
end_wait:
		atomic { kick[me] -> kick[me] = false };
		smp_poll(now); /* kicked() */
		now = 0
	fi;
	goto loop_run
}

init {
	byte i = 0;

	atomic {
		do
		:: i < CPUS -> tlb[i] = EMPTY; run cpu(i); i++
		:: i >= CPUS -> break
		od
	}
}
