// What can be expected of a log now, in a word or two.

import type { Look } from './look.js';

/** Whether there is a process, and what the log can do: `running, open`, `ended, not closed`. */
const STATES = {
  running: { opening: 'opening', 'no-space': 'disk full', failed: 'log failed' },
  dead: { 'no-space': 'disk was full', failed: 'log had failed' },
  gone: { 'no-space': 'disk was full', failed: 'log had failed' },
} as const satisfies Record<Look['status'], Partial<Record<Look['state'], string>>>;

export function stateOf({ status, state }: Look): string {
  const words: Partial<Record<Look['state'], string>> = STATES[status];
  if (status === 'running') return `running, ${words[state] ?? state}`;
  return status === 'dead' ? `ended, ${words[state] ?? 'not closed'}` : (words[state] ?? 'closed');
}

/** Whether that is as it should be. */
export function standingOf({ status, state }: Look): 'well' | 'warning' | 'error' {
  if (status === 'running' && state === 'open') return 'well';
  return status === 'dead' || state === 'failed' || state === 'fenced' ? 'error' : 'warning';
}
