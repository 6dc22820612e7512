// What V8 makes of the append path, by its own account: no times. An append is one function that is
// compiled whole, with the small ones that it calls in it, and into none of those that call it: so
// it is the same code whoever appends, and nothing in it is left out for want of budget.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const moduleAt = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;

/** Two callers of different size, each of which V8 compiles with what it thinks belongs into it. */
const SCRIPT = `
import { RingProducer } from '${moduleAt('ring/ring-producer.js')}';
import { ringMemory } from '${moduleAt('ring/ring-memory.js')}';
import { payloadBytesOf } from '${moduleAt('recorder/application/payload.js')}';
const RING = 1 << 20;
const ring = new Uint8Array(RING);
const memory = ringMemory(new Int32Array(1024), 0, RING, () => ring);
const { words, control } = memory;
const producer = new RingProducer(memory, 1);
const payload = new Uint8Array(40);
function small() { return producer.append(payload, 40, 0, 5, 6); }
function checked() { return producer.append(payload, payloadBytesOf(payload), 7, 5, 6); }
const fields = new Int32Array(10);
function typed() { return producer.appendWords(fields, 40, 7, 5, 6); }
function begun() { fields[0] = 7; return producer.appendWords(fields, 37, 8, 5, 6); }
for (let round = 0; round < 40; round++) {
  for (let event = 0; event < 10_000; event++) { if (small() === 0) throw new Error('full');
    words[control.written] = words[control.appended]; }
  for (let event = 0; event < 10_000; event++) { if (checked() === 0) throw new Error('full');
    words[control.written] = words[control.appended]; }
  for (let event = 0; event < 10_000; event++) { if (typed() * begun() === 0) throw 0;
    words[control.written] = words[control.appended]; }
}
`;

const FLAGS = ['--trace-turbo-inlining', '--no-concurrent-recompilation'];
const INLINED = /^Inlining .*?<SharedFunctionInfo ([^>]*)>.* into .*?<SharedFunctionInfo ([^>]*)>/;

/** What was compiled into what: names of functions. */
function inlinedPairs(): (readonly [inner: string, outer: string])[] {
  const args = [...FLAGS, '--input-type=module', '--eval', SCRIPT];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  assert.deepEqual([child.status, child.stderr], [0, '']);
  return child.stdout.split('\n').flatMap((line) => {
    const found = INLINED.exec(line);
    return found === null ? [] : [[found[1] ?? '', found[2] ?? ''] as const];
  });
}

test('an append is compiled in one piece, with what it calls, and into no caller', () => {
  const pairs = inlinedPairs();
  const isIn = (inner: string, outer: string): boolean =>
    pairs.some((pair) => pair[0] === inner && pair[1] === outer);
  for (const inner of ['publishPosition', 'setCount', 'idOf']) {
    assert.ok(isIn(inner, 'append'), `${inner} is in append`);
    assert.ok(isIn(inner, 'appendWords'), `${inner} is in that of typed events`);
  }
  assert.ok(isIn('payloadBytesOf', 'checked'), 'the check of a payload is in whoever appends');
  const isAppend = (name: string): boolean => name === 'append' || name === 'appendWords';
  const callers = pairs.filter(([inner]) => isAppend(inner)).map(([, outer]) => outer);
  assert.deepEqual(callers, [], 'too large to be taken apart by the budget of its callers');
});
