// For scripts of their own that end a thread of a log: start them with `bare`.

/**
 * Finds the log's workers, and lets code in ahead of theirs: their surface rightly shows neither.
 */
export const WORKERS = `
import threads from 'node:worker_threads';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const workers = [];
let trap;
threads.Worker = class extends threads.Worker {
  constructor(url, workerOptions) {
    const trapped = trap !== undefined && String(url).includes(trap.thread);
    const text = trapped ? trap.text + ';await import(' + JSON.stringify(String(url)) + ')' : '';
    const module = trapped ? new URL('data:text/javascript,' + encodeURIComponent(text)) : url;
    super(module, { ...workerOptions, ...(trapped ? trap.options : {}) });
    workers.push({ url: String(url), worker: this });
  }
};
syncBuiltinESMExports();
const { Wal } = await import(INDEX);
const terminate = (name) => workers.find(({ url }) => url.includes(name)).worker.terminate();
const blockFor = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
// Within one turn: the thread is gone when this returns, and nobody here has noticed.
const terminateAtOnce = (name) => {
  const tasks = () => readdirSync('/proc/self/task');
  const before = tasks();
  terminate(name);
  for (let now = before; before.every((task) => now.includes(task)); now = tasks()) blockFor(1);
};
const settled = (promise) =>
  promise.then((value) => [value], (error) => [error.code, error.message]);
`;
