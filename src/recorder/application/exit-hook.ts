// Logs that are open when the process ends in an orderly way (end of script, process.exit, uncaught
// exception) are drained and synced, within bounds. A signal's default action and SIGKILL run no
// hook; what was appended then waits in the shared region.

interface EndsWithProcess {
  /** Drains, syncs and releases, blocking; must not throw. */
  endNow(): void;
}

const logs = new Set<EndsWithProcess>();
const hosts = new Set<EndsWithProcess>();

function onExit(): void {
  for (const log of [...logs]) log.endNow();
  // Behind them: a host that waits for the end of the process serves no log any more.
  for (const host of [...hosts]) host.endNow();
}

function add(to: Set<EndsWithProcess>, one: EndsWithProcess): void {
  if (logs.size + hosts.size === 0) process.on('exit', onExit);
  to.add(one);
}

function remove(from: Set<EndsWithProcess>, one: EndsWithProcess): void {
  from.delete(one);
  if (logs.size + hosts.size === 0) process.off('exit', onExit);
}

export const endWithProcess = (log: EndsWithProcess): void => add(logs, log);
export const noLongerEnds = (log: EndsWithProcess): void => remove(logs, log);

/** Threads that serve logs: behind all logs. */
export const hostEndsWithProcess = (host: EndsWithProcess): void => add(hosts, host);
export const hostHasEnded = (host: EndsWithProcess): void => remove(hosts, host);
