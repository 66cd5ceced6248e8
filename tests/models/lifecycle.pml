/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/l2/sched.c, core/l2/vm.c, core/loop.c: one VM on two CPUs. Its vCPUs halt, get events from a
 * device and from their timers, spin, end the VM, ask for a reboot or do what freezes all; an
 * operator at the console pauses, resumes and kills it.
 *
 * Shown: no vCPU is on two CPUs; sched_quiesce() returns when no CPU has one loaded; what has ended
 * does not run again but by a restart; what was frozen stands still until it is resumed; and
 * wherever everything has come to rest, nothing is left undone: no event, no due timer, no vCPU
 * that could run, no command, no restart. A section under LOCK_SCHED, which waits for nothing, is
 * one step; memory is in order.
 *
 * Each of the macros of tests/models/test_models.py takes a step away; spin must object to that.
 */
#ifndef VCPUS
#define VCPUS 2
#endif
#define CPUS 2
#define NONE 9

#ifndef EVENTS /* one of each, or none: the scenarios of test_models.py */
#define EVENTS true
#define DEADLINES true
#define COMMANDS true
#define ENDS true
#define FREEZES true
#define SECOND true /* both vCPUs run; else the second one stays in HLT */
#endif

mtype = { RUNNING, PAUSED, STOPPED };
mtype = { END_NONE, END_REBOOT, END_KILLED };

#define EVENT 1 /* HAZARD_ bits */
#define TIMER 2
#define RESCHED 4
#define STOP 8

mtype state = RUNNING, ended = END_NONE;
bool halted[VCPUS], queued[VCPUS], turn[VCPUS];
bool pending[VCPUS];  /* an event in its local APIC */
bool deadline[VCPUS]; /* its local APIC's timer runs */
byte at[VCPUS];	      /* struct vcpu.cpu */
byte home[VCPUS];
byte hazard[VCPUS];
byte loaded[CPUS], current[CPUS + 1]; /* the last one: who is no CPU of the model's */
bool idle_cpu[CPUS];
bool kick[CPUS];     /* an interrupt that waits */
bool armed[CPUS];    /* the physical timer */
bool in_guest[CPUS]; /* spins there */
byte vm_lock = NONE;
bool life;
bool again;
bool work; /* console_has_work */
bool events_left = EVENTS, deadlines_left = DEADLINES, commands_left = COMMANDS, ends_left = ENDS;
bool freezes_left = FREEZES;
bool resumed = true;
bool frozen;
bool dirty = true; /* one more piece of the VM's memory is to be scrubbed before it starts again */

#define runnable(v) (state == RUNNING && !halted[v] && !frozen)
#define eligible(v) ((at[v] == NONE || at[v] == me) && !frozen)
#define waits(v)    (queued[v] && eligible(v))
#if VCPUS == 2
#define someone_waits (waits(0) || waits(1))
#define loaded_anywhere (loaded[0] != NONE || loaded[1] != NONE)
#define my_deadline ((deadline[0] && home[0] == me) || (deadline[1] && home[1] == me))
#define console_wants_cpu (work && me == 0 && !life)
#endif

inline smp_kick(id)
{
	if
	:: id != NONE && id != me -> kick[id] = true
	:: else
	fi
}

inline vcpu_hazard(v, bits)
{
	hazard[v] = hazard[v] | (bits)
}

inline vcpu_come_out(v, why)
{
	vcpu_hazard(v, why);
	smp_kick(at[v])
}

/* The inlines from here to load() are sections under LOCK_SCHED, or parts of one. */
inline look_at(v, id)
{
	if
	:: !found && (at[v] == NONE || at[v] == id) && idle_cpu[id] ->
		idle_cpu[id] = false;
		smp_kick(id);
		found = true
	:: else
	fi
}

inline find_cpu(v)
{
	found = false;
	look_at(v, 0);
	look_at(v, 1);
#ifndef NO_SLICE
	if /* who is ahead is not modelled: one whose slice is to end */
	:: !found && at[v] != 1 && current[0] != NONE ->
		vcpu_hazard(current[0], TIMER);
		smp_kick(0);
		found = true
	:: else
	fi;
	if
	:: !found && at[v] != 0 && current[1] != NONE ->
		vcpu_hazard(current[1], TIMER);
		smp_kick(1)
	:: else
	fi;
#endif
	found = false
}

inline enqueue(v)
{
	if
	:: !queued[v] && !turn[v] ->
		queued[v] = true;
		find_cpu(v)
	:: else
	fi
}

inline wake(v)
{
	if
	:: !queued[v] && !turn[v] && runnable(v) -> enqueue(v)
	:: else
	fi
}

inline vcpu_kick(v)
{
	d_step {
		vcpu_hazard(v, EVENT);
		if
		:: current[me] == v && !halted[v]
		:: else ->
			halted[v] = false;
			if
			:: turn[v] -> vcpu_come_out(v, EVENT)
			:: else -> wake(v)
			fi
		fi
	}
}

inline resume_one(v)
{
	wake(v);
#ifndef NO_REARM
	smp_kick(home[v])
#endif
}

inline stop_one(v)
{
	queued[v] = false;
	vcpu_come_out(v, STOP)
}

inline sched_set_state(new)
{
	d_step {
#ifdef END_OVERWRITTEN
		state = new;
#else
		state = (ended != END_NONE -> STOPPED : new);
#endif
		if
		:: state == RUNNING ->
			resume_one(0);
			resume_one(1)
		:: else ->
			stop_one(0);
			stop_one(1)
		fi
	}
}

inline out_of(cpu)
{
	if
	:: current[cpu] != NONE -> vcpu_come_out(current[cpu], STOP)
	:: else
	fi
}

inline sched_freeze()
{
	d_step {
		frozen = true;
		out_of(0);
		out_of(1)
	}
}

/* The other half of it, by who keeps house: sched_orchestrated(). */
inline make_safe()
{
	if
	:: frozen ->
		if
		:: state == RUNNING -> sched_set_state(PAUSED)
		:: else
		fi;
#ifndef SAFE_TOO_SOON
		sched_quiesce();
#endif
#ifndef SAFE_BUT_REBOOTS
		if
		:: ended == END_REBOOT -> ended = END_KILLED
		:: else
		fi;
#endif
		frozen = false
	:: else
	fi
}

inline sched_next()
{
	d_step {
		if
		:: waits(0) -> v = 0
		:: waits(1) -> v = 1
		:: else -> v = NONE
		fi;
		idle_cpu[me] = (v == NONE);
		if
		:: v != NONE ->
			queued[v] = false;
			turn[v] = true;
			at[v] = me
		:: else
		fi
	}
}

/* In two steps: the registers reach memory, then others may have it. */
inline sched_unload()
{
	if
	:: loaded[me] != NONE ->
		d_step {
			w = loaded[me];
			loaded[me] = NONE
		}
		d_step {
			if
			:: !turn[w] || current[me] != w -> at[w] = NONE
			:: else
			fi;
			if
			:: queued[w] -> find_cpu(w)
			:: else
			fi;
			w = 0
		}
	:: else
	fi
}

inline load(v)
{
	if
	:: loaded[me] == v
	:: else ->
		sched_unload();
		d_step {
			assert(loaded[0] != v && loaded[1] != v);
			loaded[me] = v;
			home[v] = me
		}
	fi
}

inline sched_enter()
{
	load(v);
	d_step {
		hazard[v] = hazard[v] & ~(RESCHED | STOP);
		current[me] = v;
		vcpu_hazard(v, TIMER)
	}
}

inline sched_leave()
{
	d_step {
		current[me] = NONE;
		turn[v] = false;
#ifdef LEFT_WHILE_LOADED
		at[v] = NONE;
#endif
		if
		:: loaded[me] != v -> at[v] = NONE
		:: else
		fi;
		if
		:: runnable(v) -> enqueue(v)
		:: else
		fi
	}
}

inline take_vm_lock()
{
	atomic { vm_lock == NONE -> vm_lock = me }
}

inline give_vm_lock()
{
	vm_lock = NONE
}

inline vlapic_accept(v)
{
	pending[v] = true;
	vcpu_kick(v)
}

inline vlapic_timer(v)
{
	if
	:: deadline[v] && home[v] == me ->
		deadline[v] = false;
		vlapic_accept(v)
	:: else
	fi
}

/* Time passes as it likes: a deadline is found due, or the timer is armed for it. */
inline sched_timers_run()
{
	if
	:: state == RUNNING && my_deadline ->
		if
		:: armed[me] = true
		:: take_vm_lock();
		   vlapic_timer(0);
		   vlapic_timer(1);
		   give_vm_lock()
		fi
	:: else
	fi;
	if
	:: current[me] != NONE && someone_waits ->
		if
		:: armed[me] = true
		:: vcpu_hazard(current[me], RESCHED)
		fi
	:: else
	fi
}

inline vm_end(how)
{
	if
	:: d_step { ended == END_NONE -> ended = how }
		sched_set_state(STOPPED)
	:: else
	fi
}

inline wait_nowhere(v)
{
	at[v] == NONE
}

inline sched_quiesce()
{
	assert(state != RUNNING && current[me] == NONE);
#ifndef NO_QUIESCE
	sched_unload();
	wait_nowhere(0);
	wait_nowhere(1);
#endif
	assert(!loaded_anywhere)
}

/* In pieces, in between which LOCK_LIFE is free. */
inline vm_restart()
{
	sched_quiesce();
	if
	:: dirty ->
		dirty = false;
#ifndef PIECE_FORGOTTEN
		again = true
#endif
	:: else -> start_again()
	fi
}

inline start_again()
{
	take_vm_lock();
	d_step {
		halted[0] = false;
		halted[1] = !SECOND;
		pending[0] = false;
		pending[1] = false;
		deadline[0] = false;
		deadline[1] = false
	}
	give_vm_lock();
	ended = END_NONE;
	sched_set_state(RUNNING)
}

/* Commands check the state first, as vm_pause() and vm_resume() do: that is not under a lock. */
inline console_poll()
{
	work = false;
	if
	:: commands_left ->
		commands_left = false;
		if
		:: state == RUNNING ->
			resumed = false;
			sched_set_state(PAUSED);
			sched_quiesce()
		:: vm_end(END_KILLED)
		fi
	:: !commands_left && !resumed ->
		resumed = true;
		if
		:: state == PAUSED -> sched_set_state(RUNNING)
		:: else
		fi
	:: else
	fi
}

inline keep_house()
{
#ifdef NO_AGAIN
	if
	:: atomic { !life -> life = true }
#else
	again = true;
	do
	:: atomic { again && !life -> life = true }
#endif
		again = false;
		make_safe();
		if
		:: work && me == 0 -> console_poll()
		:: else
		fi;
		if
		:: state == STOPPED && ended == END_REBOOT -> vm_restart()
		:: else
		fi;
		life = false;
		if
		:: work && me != 0 ->
#ifndef NO_HAND_BACK
			smp_kick(0);
#endif
			goto kept
		:: else
		fi
#ifdef NO_AGAIN
	:: else
	fi;
#else
	:: else -> break
	od;
#endif
kept:
	skip
}

inline handle_hlt()
{
	take_vm_lock();
	halted[v] = true;
	vcpu_hazard(v, EVENT | TIMER);
#ifndef NO_EVENT_CHECK
	if
	:: pending[v] -> vcpu_kick(v)
	:: else
	fi;
#endif
	give_vm_lock()
}

/* True in `leave`: the vCPU gives up the CPU. */
inline handle_hazards()
{
	if
	:: hazard[v] & TIMER ->
		hazard[v] = hazard[v] & ~TIMER;
		sched_timers_run()
	:: else
	fi;
	leave = (hazard[v] & RESCHED) || !runnable(v) || console_wants_cpu;
	if
	:: !leave && (hazard[v] & EVENT) ->
		take_vm_lock();
		hazard[v] = hazard[v] & ~EVENT;
		pending[v] = false; /* inject_events() */
		give_vm_lock()
	:: else
	fi
}

inline vcpu_run()
{
	do
	:: true ->
		leave = false;
		if
		:: hazard[v] || work -> handle_hazards()
		:: else
		fi;
		if
		:: leave -> leave = false; break
		:: else
		fi;
		if
		:: true -> /* the guest spins */
			in_guest[me] = true;
end_guest:
			atomic { kick[me] || armed[me] ->
				kick[me] = false;
				armed[me] = false;
				in_guest[me] = false;
				vcpu_hazard(v, TIMER | EVENT)
			}
		:: handle_hlt()
		:: atomic { deadlines_left -> deadlines_left = false; deadline[v] = true }
			vcpu_hazard(v, TIMER);
			handle_hlt()
		:: atomic { ends_left -> ends_left = false }
			vm_end(END_REBOOT)
		:: atomic { freezes_left -> freezes_left = false }
			sched_freeze()
		fi
	od
}

inline sched_anyone()
{
	d_step {
		anyone = someone_waits;
		idle_cpu[me] = !anyone
	}
}

inline idle()
{
	sched_unload();
	sched_timers_run();
	sched_anyone();
#ifdef NO_RECHECK
	anyone = false;
#endif
	if
	:: anyone || console_wants_cpu
	:: else ->
		anyone = false;
end_hlt:
		atomic { kick[me] || armed[me] -> kick[me] = false; armed[me] = false }
	fi
}

proctype cpu(byte me)
{
	byte v, w;
	bool found, leave, anyone;

	do
	:: keep_house();
	   sched_next();
	   if
	   :: v != NONE -> sched_enter(); vcpu_run(); sched_leave()
	   :: else -> idle()
	   fi;
	   d_step { v = NONE; leave = false; anyone = false }
	od
}

/* Not a CPU of the model's: an exit of a third one, or an interrupt. */
proctype device()
{
	byte me = CPUS;
	bool found;

	if
	:: events_left ->
		events_left = false;
		take_vm_lock();
		if
		:: vlapic_accept(0)
		:: SECOND -> vlapic_accept(1)
		fi;
		give_vm_lock()
	:: else
	fi
}

proctype operator()
{
	byte me = CPUS, key = 0;

	do
	:: (commands_left || !resumed) && key < 2 ->
		key++;
		if
		:: work
		:: !work -> work = true; smp_kick(0)
		fi
	:: else -> break
	od
}

#define undone(v) (state == RUNNING && (pending[v] || deadline[v] || runnable(v)))
#define spins(v)  ((current[0] == v && in_guest[0]) || (current[1] == v && in_guest[1]))
#define held(v)   (spins(v) && !pending[v])

/* Where nothing can happen any more. */
proctype rest()
{
end_rest:
	timeout ->
	assert(!life && vm_lock == NONE && !work && !frozen);
	assert(freezes_left == FREEZES || state != RUNNING || COMMANDS);
	assert(state == RUNNING || (!in_guest[0] && !in_guest[1]));
	assert(ended == END_NONE || (state == STOPPED && ended == END_KILLED));
	assert(!undone(0) || held(0));
	assert(!undone(1) || held(1))
}

init {
	atomic {
		at[0] = NONE;
		at[1] = NONE;
		loaded[0] = NONE;
		loaded[1] = NONE;
		current[0] = NONE;
		current[1] = NONE;
		current[2] = NONE;
		queued[0] = true;
		queued[1] = SECOND;
		halted[1] = !SECOND;
		run cpu(0);
		run cpu(1);
		run device();
		run operator();
		run rest()
	}
}
