// `consumers`: who reads the log by name, how far each is behind, and the removal of one.
import { printable } from '../../errors.js';
import { type ConsumerStatus, listConsumers, removeConsumer } from '../../index.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount, formatDuration, formatTimestamp } from '../quantities.js';
import { type Column, formatTable } from '../table.js';

interface ConsumersOptions {
  readonly json: boolean;
  /** The name of the one to remove. */
  readonly remove: string | undefined;
  readonly lock: 'flock' | 'none';
}

const COLUMNS: readonly Column[] = [
  { title: 'consumer', align: 'left' },
  { title: 'acknowledged', align: 'right' },
  { title: 'behind', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'for', align: 'right' },
  { title: 'at most', align: 'left' },
  { title: 'last', align: 'left' },
  { title: 'state', align: 'left' },
];

const MS_PER_SECOND = 1000;
const shownMs = (ms: number): string => formatDuration(ms / MS_PER_SECOND);

function leashOf({ maxLagBytes = 0, maxLagMs = 0, policy }: ConsumerStatus): string {
  const limits = [
    ...(maxLagBytes > 0 ? [formatBytes(maxLagBytes)] : []),
    ...(maxLagMs > 0 ? [shownMs(maxLagMs)] : []),
  ];
  return limits.length === 0 ? '-' : `${limits.join(', ')}: ${policy}`;
}

function rowOf(status: ConsumerStatus): string[] {
  const { name, state, acknowledgedEventId, acknowledgedTsNs, lag, damage } = status;
  return [
    printable(name),
    acknowledgedEventId === undefined ? '-' : formatCount(acknowledgedEventId),
    lag === undefined ? '-' : formatCount(lag.events),
    lag === undefined ? '-' : formatBytes(lag.bytes),
    lag === undefined ? '-' : shownMs(lag.ms),
    leashOf(status),
    acknowledgedTsNs === undefined ? '-' : formatTimestamp(acknowledgedTsNs).slice(0, 19),
    printable(damage === undefined ? state : `${state}: ${damage}`),
  ];
}

export const renderConsumers = (consumers: readonly ConsumerStatus[]): string[] =>
  consumers.length === 0 ? ['no consumers'] : formatTable(COLUMNS, consumers.map(rowOf));

export async function consumers(
  dir: string,
  { json, remove, lock }: ConsumersOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  if (remove !== undefined) {
    await removeConsumer(dir, remove, { lock });
    terminal.line(`removed consumer ${printable(remove)}`);
    return EXIT.done;
  }
  const all = listConsumers(dir);
  await writeLines(stdout, json ? formatJson(all) : `${renderConsumers(all).join('\n')}\n`);
  return EXIT.done;
}
