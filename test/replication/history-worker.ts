// Histories away from the test runner, whose hooks on each promise cost more than a history does.
import { parentPort, workerData } from 'node:worker_threads';
import { runHistory } from './history.js';

const { from, to } = workerData as { readonly from: number; readonly to: number };

// Failures are told by the thousand, and nobody reads where they come from.
Error.stackTraceLimit = 0;
const total: Record<string, number> = {};
for (let seed = from; seed <= to; seed++) {
  for (const [name, count] of Object.entries(await runHistory(seed))) {
    total[name] = (total[name] ?? 0) + Number(count);
  }
}
parentPort?.postMessage(total);
