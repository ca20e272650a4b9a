/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H
/*
 * Places where a tracer can look on: static probes of the provider ferry (USDT). docs/guide.md
 * lists them. Where <sys/sdt.h> was found each is one instruction that does nothing, and a note in
 * the library that says where it is and where its arguments are; else it is nothing at all, as with
 * FERRY_NO_PROBES. Nobody can see that a probe is there but for that: what is passed must be in
 * hand, so that no work is done for who does not look.
 */
#if defined FERRY_PROBES && !defined FERRY_NO_PROBES && !defined FERRY_SEAM
#ifdef __clang__
/* Given the choice it stores what is in a register, for the tracer to read it from memory. */
#define STAP_SDT_ARG_CONSTRAINT nr
#endif
#include <sys/sdt.h>

#ifdef __clang__
/* What the macros of that header expand to is not ISO C, and this compiler says so here. */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define probe(name, a, b) DTRACE_PROBE2(ferry, name, a, b)
#else
#define probe(name, a, b) ((void)(a), (void)(b))
#endif

#endif
