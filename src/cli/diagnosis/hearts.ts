// Whose heart stands still. One alone is a thread that is stuck; all of them together are a process
// that does not run.

import type { Look } from './look.js';

type Heart = keyof Look['threads'];

/** For how long each may be silent while all is well. */
const STALE_NS: Readonly<Record<Heart, number>> = {
  writer: 1e9,
  application: 1e9,
  preparer: 5e9,
  housekeeping: 5e9,
  maintainer: 5e9,
};

/** None of a process that runs is silent for so long; the preparer may sleep for a second. */
const STOPPED_NS = 1e9;

export const HEART_NAMES = Object.keys(STALE_NS) as readonly Heart[];

/** Whether `heart` should have been seen to beat since; one that has not begun is not missed. */
export const isStale = ({ status, threads }: Look, heart: Heart): boolean =>
  status === 'running' && (threads[heart].ageNs ?? 0) > STALE_NS[heart];

/** Whether any of them should have been. */
export const isMissed = (look: Look): boolean =>
  stoppedNs(look) > 0 || HEART_NAMES.some((heart) => isStale(look, heart));

/** For how long no heart of a process that is there has beaten; 0: one has, or none is known. */
export function stoppedNs({ status, threads }: Look): number {
  const ages = Object.values(threads).flatMap(({ ageNs }) => (ageNs === undefined ? [] : [ageNs]));
  if (status !== 'running' || ages.length < 2) return 0;
  const silentNs = Math.min(...ages);
  return silentNs > STOPPED_NS ? silentNs : 0;
}

/** The other log, by its folder where that is known, at which a thread that stands still is. */
export function elsewhereOf({ threads, folders }: Look, heart: Heart): string | undefined {
  const { elsewhere } = threads[heart];
  return elsewhere && (folders[elsewhere.logId] ?? `with id ${elsewhere.logId}`);
}

/**
 * The writer thread does not move while others do, and the log is not one that has failed, whose
 * threads have ended.
 */
export const isStuck = (look: Look): boolean =>
  look.state !== 'failed' && stoppedNs(look) === 0 && isStale(look, 'writer');
