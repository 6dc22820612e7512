// `inspect`: what lies in a log folder, segment by segment, and in the shared memory that belongs
// to it. Reads only; `--regions --remove` is the one thing that removes, and only what is orphaned:
// its owner is dead, and no log would still take events from it.

import { printable } from '../../errors.js';
import { hexOf64 } from '../../units.js';
import {
  inspectLog,
  isSpent,
  type LogInspection,
  listOrphanRegions,
  listSharedRegions,
  type OrphanRegion,
  removeOrphanRegion,
  type SegmentInspection,
  type SharedRegionInspection,
} from '../../verification/inspect.js';
import { describeConsumer } from '../consumer-notice.js';
import type { CommandContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { formatJson } from '../json.js';
import { writeLines } from '../output.js';
import { formatBytes, formatCount, formatEvents, formatTimestamp } from '../quantities.js';
import { describeRegion } from '../region-notice.js';
import { reportError } from '../report-error.js';
import { describeStream } from '../stream-notice.js';
import { type Column, formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { describeTyped, type ShownEvent, showEvent, typedJson } from '../typed/shown-event.js';

interface InspectOptions {
  readonly json: boolean;
  readonly regions: boolean;
  readonly remove: boolean;
  /** Remove also regions with events that may be in no file. */
  readonly force: boolean;
  /** Where shared regions lie. */
  readonly sharedMemoryDirectory: string;
}

const SEGMENT_COLUMNS: readonly Column[] = [
  { title: 'segment', align: 'right' },
  { title: 'file', align: 'left' },
  { title: 'size', align: 'right' },
  { title: 'used', align: 'right' },
  { title: 'events', align: 'right' },
  { title: 'first id', align: 'right' },
  { title: 'last id', align: 'right' },
  { title: 'created', align: 'left' },
  { title: 'state', align: 'left' },
];

const REGION_COLUMNS: readonly Column[] = [
  { title: 'region', align: 'left' },
  { title: 'size', align: 'right' },
  { title: 'log', align: 'left' },
  { title: 'process', align: 'right' },
  { title: 'started', align: 'left' },
  { title: 'state', align: 'left' },
];

/** An unknown number is shown as a dash, never as 0. */
const optional = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '-' : format(value);

/** So many names stand in a line. */
const NAMED_MAX = 3;

/** `sealed`, `sealed, 1 / 4.2`, `damaged: ...`. */
function stateOfSegment({ state, defect, bytes, contentBytes }: SegmentInspection): string {
  if (defect !== undefined) return `${state}: ${defect}`;
  return contentBytes === undefined ? state : `${state}, 1 / ${(contentBytes / bytes).toFixed(1)}`;
}

const segmentRow = (segment: SegmentInspection): string[] => [
  optional(segment.segmentIndex, formatCount),
  printable(segment.file),
  formatBytes(segment.bytes),
  optional(segment.usedBytes, formatBytes),
  optional(segment.events, formatCount),
  optional(segment.firstEventId, formatCount),
  optional(segment.lastEventId, formatCount),
  segment.createdTsNs === undefined ? '-' : formatTimestamp(segment.createdTsNs).slice(0, 19),
  printable(stateOfSegment(segment)),
];

function describeMeta({ meta }: LogInspection): string {
  if (meta.status === 'present') {
    const closed = meta.cleanlyClosed ? 'closed cleanly' : 'open, or not closed cleanly';
    return (
      `${closed}; durable up to ${formatCount(meta.durableEventId)}, ` +
      `event ${formatCount(meta.lastEventId)} ends in segment ${formatCount(meta.segmentIndex)} ` +
      `at offset ${formatCount(meta.offset)}`
    );
  }
  return printable(meta.status === 'missing' ? 'missing' : `${meta.status}: ${meta.reason}`);
}

function describeRemoved({ meta }: LogInspection): string[] {
  const firstKept = meta.status === 'present' ? meta.firstKeptEventId : 0;
  return firstKept === 0 ? [] : [`removed  events before ${formatCount(firstKept)}, on purpose`];
}

function describeTail({ tail }: LogInspection): string[] {
  if (tail === undefined || tail.verdict === 'clean') return [];
  if (tail.missingTail !== undefined) {
    const { firstEventId, lastEventId } = tail.missingTail;
    const ids = `ids ${formatCount(firstEventId)} to ${formatCount(lastEventId)}`;
    const what = lastEventId < firstEventId ? 'the last events' : ids;
    return [`tail     a copy of a log that was being written: ${what} missing`];
  }
  const dropped = tail.droppedEvents > 0 ? `, ${formatEvents(tail.droppedEvents)} in it` : '';
  return [
    `tail     ${tail.verdict} at offset ${formatCount(tail.offset)}: ` +
      `${formatBytes(tail.droppedBytes)} that are not valid${dropped}`,
  ];
}

function describeVerification({ verification }: LogInspection): string[] {
  if (verification === undefined) return [];
  const { state, segments, checkedSegments, damagedSegments } = verification;
  const damaged = damagedSegments > 0 ? `, ${formatCount(damagedSegments)} damaged` : '';
  const checked = `${formatCount(checkedSegments)} of ${formatCount(segments)} finished segments`;
  return [`verified ${state}: ${checked}${damaged}`];
}

/** Why the log is longer than its retention says. */
function describeHeld({ held }: LogInspection): string[] {
  if (held === undefined) return [];
  const what = 'held     the oldest segment should be removed, and';
  if (held.reason === 'damaged') return [`${what} is damaged: nothing is removed`];
  const names = held.consumers.map(printable);
  const [few, more] = [names.slice(0, NAMED_MAX), names.length - NAMED_MAX];
  const others = more > 0 ? ` and ${formatCount(more)} more` : '';
  const who = names.length === 0 ? 'somebody' : `consumer ${few.join(', ')}${others}`;
  return [
    `${what} is kept for ${who}: needed from event ${optional(held.eventId, formatCount)} on`,
  ];
}

/** `, 8 of them compressed to 1 / 6.1`; empty where none is. */
function describeCompressed(segments: readonly SegmentInspection[]): string {
  let [count, contentBytes, fileBytes] = [0, 0, 0];
  for (const segment of segments) {
    if (segment.contentBytes === undefined) continue;
    count++;
    contentBytes += segment.contentBytes;
    fileBytes += segment.bytes;
  }
  if (count === 0) return '';
  const ratio = (contentBytes / fileBytes).toFixed(1);
  return `, ${formatCount(count)} of them compressed to 1 / ${ratio}`;
}

function describeSnapshot(snapshot: LogInspection['snapshots'][number]): string {
  const { eventId, contentBytes, version, createdTsNs, defect } = snapshot;
  const of = `of event ${formatCount(eventId)}`;
  if (defect !== undefined) return `${of}: ${printable(defect)}`;
  const when = createdTsNs === undefined ? '-' : formatTimestamp(createdTsNs).slice(0, 19);
  return `${of}: ${optional(contentBytes, formatBytes)}, version ${version}, ${when}`;
}

/** @param last event, where there is one that can be read */
export function renderInspection(inspection: LogInspection, last?: ShownEvent): string[] {
  const { segments, firstEventId, lastEventId } = inspection;
  const events = lastEventId - firstEventId + 1;
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const lines = [
    `log      ${printable(inspection.path)}`,
    `id       ${inspection.logId === undefined ? 'unknown' : hexOf64(inspection.logId)}`,
    events > 0
      ? `events   ${formatCount(events)}, ids ${formatCount(firstEventId)} to ` +
        `${formatCount(lastEventId)}`
      : 'events   none',
    `files    ${formatCount(segments.length)} ${segments.length === 1 ? 'segment' : 'segments'}, ` +
      `${formatBytes(bytes)}${describeCompressed(segments)}`,
    `meta     ${describeMeta(inspection)}`,
    ...describeRemoved(inspection),
    `lock     ${inspection.locked ? 'held: the log is open' : 'free'}`,
    `region   ${describeRegion(inspection.region)}`,
    ...describeTail(inspection),
    ...describeVerification(inspection),
    ...describeHeld(inspection),
    ...describeTyped(last),
  ];
  lines.push(...inspection.consumers.map((each) => `consumer ${describeConsumer(each)}`));
  lines.push(...inspection.streams.map((each) => `stream   ${describeStream(each)}`));
  lines.push(...inspection.snapshots.map((each) => `snapshot ${describeSnapshot(each)}`));
  for (const { name, kind } of inspection.otherNames) {
    lines.push(`also     ${printable(name)} (${printable(kind)})`);
  }
  if (segments.length === 0) return lines;
  return [...lines, '', ...formatTable(SEGMENT_COLUMNS, segments.map(segmentRow))];
}

const regionRow = (region: OrphanRegion): string[] => [
  printable(region.path),
  formatBytes(region.bytes),
  region.logId === undefined ? '-' : hexOf64(region.logId),
  optional(region.pid, String),
  region.startedTsNs === undefined ? '-' : formatTimestamp(region.startedTsNs).slice(0, 19),
  printable(region.removable ? 'orphaned' : `kept: ${region.reason}`),
];

export const renderRegions = (regions: readonly OrphanRegion[]): string[] =>
  regions.length === 0
    ? ['no shared regions of this log']
    : formatTable(REGION_COLUMNS, regions.map(regionRow));

export async function inspect(
  dir: string | undefined,
  options: InspectOptions,
  context: CommandContext,
): Promise<number> {
  if (dir === undefined) return inspectAllRegions(options, context);
  if (options.regions) return inspectRegions(dir, options, context);
  const inspection = inspectLog(dir);
  const { firstEventId, lastEventId } = inspection;
  const hasEvents = lastEventId >= firstEventId;
  const last = hasEvents ? showEvent(dir, lastEventId, context.terminal) : undefined;
  const text = options.json
    ? formatJson({ ...inspection, typed: typedJson(last) })
    : `${renderInspection(inspection, last).join('\n')}\n`;
  await writeLines(context.stdout, text);
  return EXIT.done;
}

async function inspectRegions(
  dir: string,
  { json, remove, sharedMemoryDirectory }: InspectOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const regions = listOrphanRegions(sharedMemoryDirectory, dir);
  await writeLines(stdout, json ? formatJson(regions) : `${renderRegions(regions).join('\n')}\n`);
  const removable = regions.filter((region) => region.removable);
  if (!remove) {
    if (removable.length > 0) terminal.line('--remove removes the orphaned regions');
    return EXIT.done;
  }
  return removeRegions(removable, terminal);
}

function removeRegions(regions: readonly { readonly path: string }[], terminal: Terminal): number {
  let exitCode: number = EXIT.done;
  for (const { path } of regions) {
    try {
      removeOrphanRegion(path);
      terminal.line(`removed ${printable(path)}`);
    } catch (error) {
      reportError(terminal, error);
      exitCode = EXIT.failed;
    }
  }
  return exitCode;
}

const ALL_COLUMNS: readonly Column[] = [
  { title: 'region', align: 'left' },
  { title: 'size', align: 'right' },
  { title: 'log', align: 'left' },
  { title: 'folder', align: 'left' },
  { title: 'started', align: 'left' },
  { title: 'state', align: 'left' },
];

function stateOf({ status, unreadEvents, pid, reason }: SharedRegionInspection): string {
  if (status === 'in-use') return `in use by process ${pid ?? 'unknown'}`;
  if (status !== 'waiting') return `${status}: ${reason ?? 'not read'}`;
  return unreadEvents === 0
    ? 'spent'
    : `${formatEvents(unreadEvents ?? 0)} that may not be in any file`;
}

const allRow = (region: SharedRegionInspection): string[] => [
  printable(region.path),
  formatBytes(region.bytes),
  region.logId === undefined ? '-' : hexOf64(region.logId),
  printable(`${region.folder ?? '-'}${region.folderExists === false ? ' (gone)' : ''}`),
  region.startedTsNs === undefined ? '-' : formatTimestamp(region.startedTsNs).slice(0, 19),
  printable(stateOf(region)),
];

async function inspectAllRegions(
  { json, remove, force, sharedMemoryDirectory }: InspectOptions,
  { stdout, terminal }: CommandContext,
): Promise<number> {
  const regions = listSharedRegions(sharedMemoryDirectory);
  const lines =
    regions.length === 0 ? ['no shared regions'] : formatTable(ALL_COLUMNS, regions.map(allRow));
  await writeLines(stdout, json ? formatJson(regions) : `${lines.join('\n')}\n`);
  const held = regions.filter(({ status }) => status === 'waiting' || status === 'damaged');
  const chosen = held.filter((region) => force || isSpent(region));
  if (!remove) {
    if (chosen.length > 0)
      terminal.line('--remove removes those whose events are all in files (spent)');
    return EXIT.done;
  }
  const kept = held.length - chosen.length;
  if (kept > 0)
    terminal.line(`${kept} kept: their events may not be in any file (--force removes them)`);
  return removeRegions(chosen, terminal);
}
