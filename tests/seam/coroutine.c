/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coroutines: making and switching stacks.
 *
 * Called by the scheduler only. The switch saves what a called function must preserve and
 * nothing else: ucontext's would ask the kernel about the signal mask each time.
 */
#include "seam/coroutine.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef COROUTINE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
#define STACK_BYTES ((size_t)512 << 10)
#else
#define STACK_BYTES ((size_t)128 << 10)
#endif
#define GUARD_BYTES ((size_t)64 << 10)

/* Saves on the old stack, restores from the new one. */
void coroutine_switch_stacks(void **saved, void *to);

#if defined(__x86_64__)
__asm__(".text\n"
	".globl coroutine_switch_stacks\n"
	".hidden coroutine_switch_stacks\n"
	".type coroutine_switch_stacks, @function\n"
	"coroutine_switch_stacks:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size coroutine_switch_stacks, . - coroutine_switch_stacks\n");
#define FRAME_WORDS 8 /* six registers, the address to go to, an end for unwinders */
#define FRAME_ADDRESS 6
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl coroutine_switch_stacks\n"
	".hidden coroutine_switch_stacks\n"
	".type coroutine_switch_stacks, %function\n"
	"coroutine_switch_stacks:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x2, sp\n"
	"	str x2, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size coroutine_switch_stacks, . - coroutine_switch_stacks\n");
#define FRAME_WORDS 20
#define FRAME_ADDRESS 11 /* x30 */
#endif

#ifdef COROUTINE_TSAN
static void *main_fiber, *running_fiber;

void *coroutine_main_fiber(void)
{
	return main_fiber;
}

void *coroutine_running_fiber(void)
{
	return running_fiber;
}
#endif

void coroutine_init_main(struct coroutine *coroutine)
{
	pthread_attr_t attributes;
	void *stack;

	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &stack, &coroutine->stack_bytes);
	pthread_attr_destroy(&attributes);
	coroutine->stack = stack;
#ifdef COROUTINE_TSAN
	coroutine->fiber = __tsan_get_current_fiber();
	main_fiber = running_fiber = coroutine->fiber;
#endif
}

static void (*body_to_begin)(void);

/* The first thing on a new stack. */
static void begin(void)
{
#ifdef COROUTINE_ASAN
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
	body_to_begin();
	abort();
}

void coroutine_init(struct coroutine *coroutine, void (*body)(void))
{
	uintptr_t *frame;

	if (!coroutine->stack) {
		char *memory = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE)) {
			perror("a stack of the scheduler");
			exit(1);
		}
		coroutine->stack = memory + GUARD_BYTES;
		coroutine->stack_bytes = STACK_BYTES;
#ifdef COROUTINE_TSAN
		coroutine->fiber = __tsan_create_fiber(0);
#endif
	}
#ifdef COROUTINE_ASAN
	__asan_unpoison_memory_region(coroutine->stack, coroutine->stack_bytes);
#endif
	body_to_begin = body;
	frame = (uintptr_t *)(coroutine->stack + STACK_BYTES) - FRAME_WORDS;
	for (unsigned i = 0; i < FRAME_WORDS; i++)
		frame[i] = 0;
	frame[FRAME_ADDRESS] = (uintptr_t)begin;
	coroutine->saved = frame;
}

void coroutine_switch(struct coroutine *from, struct coroutine *to)
{
#ifdef COROUTINE_TSAN
	running_fiber = to->fiber;
#endif
#ifdef COROUTINE_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_bytes);
#endif
	coroutine_switch_stacks(&from->saved, to->saved);
#ifdef COROUTINE_ASAN
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}
