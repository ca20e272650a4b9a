// SPDX-License-Identifier: LGPL-2.1-or-later

// Node's async functions as a contestant of perf/tasks_peers and perf/tasks_memory, which run
// this beside the library. By hand: see --help.
'use strict';

const HELP = `usage: node [--expose-gc] peer_node.js SHAPE NUMBER OPERATIONS
Prints OPERATIONS WALL_NS CPU_NS, and what else there is to tell as NAME=VALUE.

  children     1,000 at a time, of which NUMBER of ten suspend once
  one_by_one   one at a time, awaited at once
  ping_pong    NUMBER pairs that go on by turns
  sleepers     NUMBER that are suspended at once`;

const BATCH = 1000;
const RESULT = 42;
const WARM_UP = 200000; // long enough for the compiler, whatever is measured

function fail(text) {
	console.error(`peer_node.js: ${text}`);
	process.exit(1);
}

async function child(suspends) {
	if (suspends)
		await null;
	return RESULT;
}

async function runChildren(suspending, operations) {
	const children = new Array(BATCH);
	let sum = 0;
	for (let done = 0; done < operations; done += BATCH) {
		for (let i = 0; i < BATCH; i++)
			children[i] = child(i % 10 < suspending);
		for (const result of await Promise.all(children))
			sum += result;
	}
	if (sum !== operations * RESULT)
		fail('children were lost');
}

async function runOneByOne(_, operations) {
	let sum = 0;
	for (let i = 0; i < operations; i++)
		sum += await child(false);
	if (sum !== operations * RESULT)
		fail('children were lost');
}

// What a wait is, for one who waits: a promise that the other resolves.
class Event {
	wait() {
		return new Promise((resolve) => { this.set = resolve; });
	}
}

async function play(mine, others, left, switches, index) {
	for (; left > 0; left--) {
		await mine.wait();
		switches[index]++;
		others.set();
	}
}

async function runPingPong(pairs, operations) {
	const each = operations / (2 * pairs);
	const players = [];
	const switches = new Array(2 * pairs).fill(0);
	const events = Array.from({ length: 2 * pairs }, () => new Event());
	for (let i = 0; i < 2 * pairs; i++)
		players.push(play(events[i], events[i ^ 1], each, switches, i));
	for (let i = 0; i < pairs; i++)
		events[2 * i].set();
	await Promise.all(players);
	if (switches.reduce((a, b) => a + b) !== operations)
		fail('switches were lost');
}

// ---- many that are suspended ----

async function sleep(gate) {
	await gate;
	return RESULT;
}

class Sleepers {
	constructor(count) {
		this.all = new Array(count).fill(null);
	}

	create() {
		this.gate = new Promise((resolve) => { this.open = resolve; });
		for (let i = 0; i < this.all.length; i++)
			this.all[i] = sleep(this.gate);
	}

	async end() {
		let sum = 0;
		this.open();
		for (const result of await Promise.all(this.all))
			sum += result;
		this.all.fill(null);
		if (sum !== this.all.length * RESULT)
			fail('async functions were lost');
	}
}

function now() {
	return Number(process.hrtime.bigint());
}

function cpu() {
	const usage = process.cpuUsage();
	return (usage.user + usage.system) * 1000;
}

function residentBytes() {
	if (global.gc)
		global.gc();
	return process.memoryUsage.rss();
}

async function measureSleepers(count, operations) {
	const sleepers = new Sleepers(count);
	const before = residentBytes();
	let began = now();
	sleepers.create();
	const firstCreate = now() - began;
	const bytes = residentBytes() - before;
	began = now();
	await sleepers.end();
	const firstEnd = now() - began;
	let create = 0;
	let end = 0;
	const cpuBefore = cpu();
	for (let done = 0; done < operations; done += count) {
		began = now();
		sleepers.create();
		create += now() - began;
		began = now();
		await sleepers.end();
		end += now() - began;
	}
	console.log(operations, create + end, Math.round(cpu() - cpuBefore),
		`resident_bytes=${bytes / count}`,
		`first_create_ns=${firstCreate / count} first_end_ns=${firstEnd / count}`,
		`again_create_ns=${create / operations} again_end_ns=${end / operations}`);
}

// ---- the whole ----

const SHAPES = { children: runChildren, one_by_one: runOneByOne, ping_pong: runPingPong };

async function main(argument) {
	if (argument.length === 1 && argument[0] === '--help') {
		console.log(HELP);
		return;
	}
	const number = Number(argument[1]);
	const operations = Number(argument[2]);
	const run = SHAPES[argument[0]];
	if (argument.length !== 3 || !(operations > 0) || !(number >= 0)) {
		console.error('peer_node.js: SHAPE NUMBER OPERATIONS; see --help');
		process.exit(2);
	}
	if (argument[0] === 'sleepers') {
		await measureSleepers(number, operations);
		return;
	}
	if (!run)
		fail(`no such shape: ${argument[0]}; see --help`);
	const granule = argument[0] === 'ping_pong' ? 2 * number : BATCH;
	await run(number, Math.ceil(Math.max(operations / 10, WARM_UP) / granule) * granule);
	const cpuBefore = cpu();
	const began = now();
	await run(number, operations);
	const wall = now() - began;
	console.log(operations, wall, Math.round(cpu() - cpuBefore));
}

main(process.argv.slice(2));
