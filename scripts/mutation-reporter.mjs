// A reporter of node's test runner for the mutation check: each test that ends is a line of JSON on
// descriptor 3. Within the process of the tests, because there an error still is what was thrown.
import { writeSync } from 'node:fs';

const DESCRIPTOR = 3;
/** Errors that say that a mutant is not a program, rather than that it does wrong. */
const BROKEN = new Set(['SyntaxError', 'ReferenceError', 'TypeError']);

function lineOf({ type, data }) {
  if (type === 'test:pass') return data.skip === undefined ? { passed: true } : undefined;
  if (type !== 'test:fail') return undefined;
  const { failureType, cause } = data.details.error;
  // One that only holds others that did.
  if (failureType === 'subtestsFailed') return undefined;
  const isError = cause !== null && typeof cause === 'object';
  const fair = failureType === 'testCodeFailure' && isError && !BROKEN.has(cause.name);
  const why = String(cause?.message ?? cause).split('\n')[0];
  return { failed: `${data.name}: ${failureType}, ${why}`, fair, name: data.name };
}

// biome-ignore lint/correctness/useYield: a reporter has to be a generator; nothing goes to stdout.
// biome-ignore lint/style/noDefaultExport: that is how node gets a reporter.
export default async function* report(events) {
  for await (const event of events) {
    const line = lineOf(event);
    if (line !== undefined) writeSync(DESCRIPTOR, `${JSON.stringify(line)}\n`);
  }
}
