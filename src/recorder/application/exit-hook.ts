// Logs that are open when the process ends in an orderly way (end of script, process.exit, uncaught
// exception) are drained and synced, within bounds. A signal's default action and SIGKILL run no
// hook; what was appended then waits in the shared region.

interface EndsWithProcess {
  /** Drains, syncs and releases, blocking; must not throw. */
  endNow(): void;
}

const open = new Set<EndsWithProcess>();

function onExit(): void {
  for (const log of [...open]) log.endNow();
}

export function endWithProcess(log: EndsWithProcess): void {
  if (open.size === 0) process.on('exit', onExit);
  open.add(log);
}

export function noLongerEnds(log: EndsWithProcess): void {
  open.delete(log);
  if (open.size === 0) process.off('exit', onExit);
}
