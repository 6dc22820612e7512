// `stalls`: what kept a log waiting, and when, after the fact.
import { readStalls, type Stall } from '../../telemetry.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import {
  causesOf,
  circumstances,
  namedCause,
  REMEDIES,
  shownMs,
  whereItWent,
  whoWaited,
} from '../stalls/stall-words.js';
import { type Column, formatTable } from '../table.js';

interface StallsOptions {
  readonly json: boolean;
  /** Nanoseconds since 1970. */
  readonly since?: bigint | undefined;
}

const NS_PER_MS = 1_000_000n;

const COLUMNS: readonly Column[] = [
  { title: 'began', align: 'left' },
  { title: 'took', align: 'right' },
  { title: 'waited', align: 'left' },
  { title: 'cause', align: 'left' },
  { title: 'went to', align: 'left' },
];

const NONE = 'no stalls: nobody waited for stallThresholdMs (with 0, nothing is recorded)';

const shownTime = (ms: number): string => {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().replace('T', ' ').slice(0, 23);
};

const ENDS = { over: '', lasts: ', and lasts', killed: ', until it was killed' };

function rowOf(stall: Stall): string[] {
  const { startMs, durationMs, end } = stall;
  const took = `${shownMs(durationMs)}${ENDS[end]}`;
  return [shownTime(startMs), took, whoWaited(stall), namedCause(stall), whereItWent(stall)];
}

export function renderStalls(stalls: readonly Stall[]): string[] {
  if (stalls.length === 0) return [NONE];
  const table = formatTable(COLUMNS, stalls.map(rowOf));
  const causes = [...new Set(stalls.flatMap(causesOf))];
  const last = stalls.at(-1);
  return [
    ...table,
    '',
    ...(last === undefined ? [] : [`the last: ${circumstances(last)}`, '']),
    ...causes.map((cause) => `${cause}: ${REMEDIES[cause]}`),
  ];
}

export async function stalls(
  dir: string,
  { json, since }: StallsOptions,
  { stdout }: CommandContext,
): Promise<number> {
  const sinceMs = since === undefined ? undefined : Number(since / NS_PER_MS);
  const all = readStalls(dir, { sinceMs });
  await writeLines(stdout, json ? formatJson(all) : `${renderStalls(all).join('\n')}\n`);
  return EXIT.done;
}
