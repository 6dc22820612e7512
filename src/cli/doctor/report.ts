// The report as text: what there is, what was measured, what is wrong, what to set.
import { printable } from '../../errors.js';
import { NS_PER_SECOND } from '../../units.js';
import { formatBytes, formatCount, formatDuration } from '../quantities.js';
import { type Column, formatTable } from '../table.js';
import type { Report } from './examine.js';
import type { Facts } from './facts.js';
import type { Finding, Level } from './finding.js';
import type { Measurements, WayName, WayResult } from './measurements.js';
import { literal, optionsText, sharingAdvice } from './settings.js';

const WAY_TEXTS: Readonly<Record<WayName, string>> = {
  overwrite: 'write + fdatasync, prepared file',
  grow: 'write + fdatasync, growing file',
  dsync: 'write to a file opened with O_DSYNC',
  batch: 'the same as the first, 1,000 events',
  durable: 'append + durable() of a log',
};

const LIVES: Readonly<Record<Facts['sharedMemory']['life'], string>> = {
  'until-reboot': 'outlives the process, not a restart of the machine',
  'until-container-ends': 'goes with the container',
  'until-pod-ends': 'goes with the pod',
  unknown: 'mounted into this container: whether it outlives it is up to the mount',
};

const COLUMNS: readonly Column[] = [
  { title: 'way of committing', align: 'left' },
  { title: 'commits', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'worst', align: 'right' },
];

const time = (ns: number): string => formatDuration(ns / NS_PER_SECOND);
const known = (value: unknown, text: string): string => (value === undefined ? '' : text);
const joined = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join(', ');
const limit = (value: number | undefined): string =>
  value === undefined ? 'no limit' : formatCount(value);

function folderLine({ folder }: Facts): string {
  const { mount, space } = folder;
  if (mount === undefined) return 'nothing tells what it is mounted on';
  const room = space && `${formatBytes(space.freeBytes)} free of ${formatBytes(space.totalBytes)}`;
  return joined(`${mount.type} on ${mount.source} at ${mount.point}`, room ?? '');
}

function diskLine({ folder: { disk } }: Facts): string {
  if (disk === undefined) return 'none of this machine, or the kernel does not tell';
  const kind = disk.isMemory
    ? 'memory'
    : disk.isVirtual
      ? 'virtual'
      : disk.isRotational === undefined
        ? ''
        : disk.isRotational
          ? 'turning'
          : 'flash';
  const parts = disk.parts.join(' + ');
  return joined(
    disk.name + (parts === disk.name ? '' : ` of ${parts}`) + known(disk.model, ` (${disk.model})`),
    kind,
    known(disk.writeCache, `cache ${disk.writeCache}`),
    known(disk.fua, `FUA ${disk.fua ? 'yes' : 'no'}`),
    known(disk.scheduler, `scheduler ${disk.scheduler}`),
  );
}

function memoryLine({ sharedMemory }: Facts): string {
  const { path, exists, mount, space, life } = sharedMemory;
  if (!exists) return `${path} is not there`;
  const room = space && `${formatBytes(space.freeBytes)} free of ${formatBytes(space.totalBytes)}`;
  return joined(`${mount?.type ?? 'unknown'} at ${path}`, room ?? '', LIVES[life]);
}

function quotaLine({ quotas }: Facts): string {
  const { cpuCores, memoryBytes, threadsLeft, writesPerSecond, writeBytesPerSecond } = quotas;
  const text = joined(
    known(cpuCores, `${cpuCores?.toFixed(2)} cores`),
    known(memoryBytes, `${formatBytes(memoryBytes ?? 0)} of memory`),
    known(threadsLeft, `${formatCount(threadsLeft ?? 0)} more threads`),
    known(writesPerSecond, `${formatCount(writesPerSecond ?? 0)} writes/s`),
    known(writeBytesPerSecond, `${formatBytes(writeBytesPerSecond ?? 0)}/s written`),
  );
  return text === '' ? 'none' : text;
}

function factRows(facts: Facts, measured: Measurements | undefined): [string, string][] {
  const { limits, clockSource } = facts;
  return [
    [
      'machine',
      joined(
        `${facts.platform} ${facts.release}`,
        `${formatCount(facts.cores)} ${facts.cores === 1 ? 'core' : 'cores'}`,
        `${formatBytes(facts.memoryBytes)} of memory`,
        known(facts.container, `in a container (${facts.container})`),
      ),
    ],
    ['folder', folderLine(facts)],
    ['options', facts.folder.mount?.options.join(',') ?? 'unknown'],
    ['disk', diskLine(facts)],
    ['ring', memoryLine(facts)],
    ['quotas', quotaLine(facts)],
    ['limits', `open files ${limit(limits.openFiles)}, threads ${limit(limits.threads)}`],
    [
      'clock',
      joined(
        clockSource ?? 'source unknown',
        known(measured, `${measured?.clockReadingNs.toFixed(0)} ns a reading`),
        known(measured, `largest step ${formatDuration((measured?.clockStepMs ?? 0) / 1000)}`),
      ),
    ],
    ...(measured?.log === undefined
      ? []
      : [
          ['lock', measured.log.lock === 'flock' ? 'flock works' : 'none to be had'] as [
            string,
            string,
          ],
        ]),
  ];
}

const wayRow = ({ way, commits, p50Ns, p99Ns, worstNs }: WayResult): string[] => {
  const times = commits === 0 ? ['-', '-', '-'] : [p50Ns, p99Ns, worstNs].map(time);
  return [WAY_TEXTS[way], formatCount(commits), ...times];
};

function* measuredLines(measured: Measurements): Generator<string> {
  yield* formatTable(COLUMNS, measured.ways.map(wayRow));
  for (const { way, refused } of measured.ways) {
    if (refused !== undefined)
      yield* wrapped('  ', printable(`“${WAY_TEXTS[way]}”: ${refused}`), '    ');
  }
  const { longest, flushes, pauseNs } = measured;
  if (longest !== undefined) {
    const at = `${(longest.atMs / 1000).toFixed(1)} s after the start`;
    yield `longest stall   ${time(longest.ns)}, in “${WAY_TEXTS[longest.way]}”, ${at}`;
  }
  yield `longest pause   ${time(pauseNs)} of the processor, in a loop that only read the clock`;
  if (flushes !== undefined)
    yield `flushes         ${formatCount(flushes)} sent to the disk meanwhile`;
}

const MARKS: Readonly<Record<Level, string>> = { problem: '!!', warning: '! ', note: '· ' };
const WIDTH = 96;

/** Words in lines of at most `WIDTH`, all but the first indented by `indent`. */
function* wrapped(first: string, text: string, indent: string): Generator<string> {
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      yield line;
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  yield line;
}

function* findingLines({ level, what, why, remedy, id }: Finding): Generator<string> {
  yield* wrapped(`${MARKS[level]} `, `${what} [${id}]`, '   ');
  yield* wrapped('   why: ', why, '        ');
  yield* wrapped('   do:  ', remedy, '        ');
}

function* settingLines(report: Report): Generator<string> {
  const { settings, findings } = report;
  if (report.measured === undefined) return;
  yield '';
  const options = optionsText(settings);
  yield options === undefined
    ? 'settings        the defaults: Wal.open(dir)'
    : `settings        Wal.open(dir, ${options})`;
  for (const { option, value, isDefault, why } of settings) {
    yield* wrapped(
      '  ',
      `${option}: ${literal(value)}${isDefault ? ' (default)' : ''}, because ${why}`,
      '    ',
    );
  }
  if (findings.some(({ level }) => level === 'problem')) {
    yield '  These are for when the problems above are solved: measure again then.';
  }
  const sharing = sharingAdvice(report);
  if (sharing !== undefined) yield* wrapped('  ', sharing, '    ');
}

export function* renderReport(report: Report): Generator<string> {
  const { facts, measured, findings } = report;
  yield `flashstrike doctor  ${printable(facts.folder.path)}`;
  yield '';
  for (const [name, text] of factRows(facts, measured)) {
    yield* wrapped(name.padEnd(16), printable(text), ' '.repeat(16));
  }
  if (measured !== undefined) {
    yield '';
    yield* measuredLines(measured);
  }
  yield '';
  if (findings.length === 0) yield 'Nothing is wrong.';
  for (const finding of findings) yield* findingLines(finding);
  yield* settingLines(report);
}
