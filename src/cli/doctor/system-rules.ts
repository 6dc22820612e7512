// Findings about quotas, limits, clocks, locks: what the system lets the threads of a log do.
import { printable } from '../../errors.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { formatBytes, formatCount, formatDuration } from '../quantities.js';
import type { Rule } from './finding.js';
import { wayOf } from './measurements.js';

const IMPORT_FILES = 256;
const MANY_FILES = 1024;
/** Those of a log, of Node and of V8. */
const PROCESS_THREADS = 24;
const MIB_64 = 64 * 1024 * 1024;
const LONG_PAUSE_NS = 20 * NS_PER_MS;
const SLOW_READING_NS = 200;
const STEP_MS = 5;
/** What stands between a commit of the product and a bare write with its sync, at the most. */
const DEAR_RATIO = 2;
const DEAR_NS = NS_PER_MS;
const GOOD_CLOCKS: ReadonlySet<string> = new Set([
  'tsc',
  'kvm-clock',
  'arch_sys_counter',
  'hyperv_clocksource_tsc_page',
]);

export const systemRules: readonly Rule[] = [
  {
    id: 'processor-quota',
    look({ facts: { quotas } }) {
      if (quotas.cpuCores === undefined || quotas.cpuCores >= 2) return undefined;
      const stand = (quotas.cpuPeriodMs ?? 100) * (1 - Math.min(1, quotas.cpuCores));
      const longest = stand > 0 ? ` of up to ${stand.toFixed(0)} ms` : '';
      return {
        level: 'warning',
        what: `The control group may use ${quotas.cpuCores.toFixed(2)} cores.`,
        why:
          `Two threads work at once while events come in, the application's and the ` +
          `writer's. Once the quota is used up both stand still until the period of ` +
          `${quotas.cpuPeriodMs} ms ends: pauses${longest}, whatever the disk does.`,
        remedy:
          'Give it 2 cores or more, or none as a limit and a request instead (--cpu-shares, ' +
          'resources.requests).',
      };
    },
  },
  {
    id: 'throttled',
    look: ({ measured }) =>
      (measured?.throttledMs ?? 0) <= 0
        ? undefined
        : {
            level: 'warning',
            what:
              `The control group was made to stand still for ` +
              `${formatDuration((measured?.throttledMs ?? 0) / 1000)} during this run.`,
            why: 'The longest commits above may be that, and not the disk.',
            remedy: 'Raise the quota of processor time (cpu.max, --cpus, resources.limits.cpu).',
          },
  },
  {
    id: 'processor-pause',
    look: ({ measured }) =>
      measured === undefined || measured.pauseNs < LONG_PAUSE_NS
        ? undefined
        : {
            level: 'warning',
            what:
              `A loop that only read the clock stood still for ` +
              `${formatDuration(measured.pauseNs / NS_PER_SECOND)}.`,
            why: 'Others had the core: appends and commits wait like that, too.',
            remedy:
              'Look for who takes the processor (`top`, steal time in `vmstat 1`); give the ' +
              'process cores of its own (cpuset, isolcpus), or more of them.',
          },
  },
  {
    id: 'one-core',
    look: ({ facts }) =>
      facts.cores > 1
        ? undefined
        : {
            level: 'note',
            what: 'There is one core.',
            why:
              'The writer thread gets it when the application lets go of it: durable() takes ' +
              'longer, and a full ring is noticed later.',
            remedy: 'Give the process two cores (check taskset and cpuset).',
          },
  },
  {
    id: 'slow-durable',
    look({ measured }) {
      const [bare, durable] = [wayOf(measured, 'overwrite'), wayOf(measured, 'durable')];
      if (bare === undefined || durable === undefined) return undefined;
      const moreNs = durable.p50Ns - bare.p50Ns;
      if (moreNs < DEAR_NS || durable.p50Ns < DEAR_RATIO * bare.p50Ns) return undefined;
      return {
        level: 'warning',
        what:
          `durable() takes ${formatDuration(durable.p50Ns / NS_PER_SECOND)} (p50), a bare ` +
          `write with its sync ${formatDuration(bare.p50Ns / NS_PER_SECOND)}.`,
        why:
          'It wakes a thread, and is woken by it: that costs some 0.1 ms on a machine that ' +
          'has a core free.',
        remedy:
          'Give it cores: see what else runs, quotas and power saving (cpupower frequency-set ' +
          '-g performance).',
      };
    },
  },
  {
    id: 'few-open-files',
    look({ facts: { limits } }) {
      const files = limits.openFiles;
      if (files === undefined || files >= MANY_FILES) return undefined;
      return {
        level: files < IMPORT_FILES ? 'problem' : 'note',
        what: `The process may have ${formatCount(files)} files open.`,
        why:
          `To import the package Node opens its modules at once (${IMPORT_FILES}); a log has ` +
          `five open, each of its threads four, sockets come on top.`,
        remedy: 'Raise it: `ulimit -n 65536`, LimitNOFILE=65536, --ulimit nofile=65536.',
      };
    },
  },
  {
    id: 'small-files-only',
    look({ facts: { limits } }) {
      if (limits.fileBytes === undefined || limits.fileBytes > MIB_64) return undefined;
      return {
        level: 'problem',
        what: `A file may have ${formatBytes(limits.fileBytes)} at the most (ulimit -f).`,
        why:
          'A segment of the default size does not fit, and a log that cannot make the next ' +
          'one stalls.',
        remedy: '`ulimit -f unlimited`, or LimitFSIZE=infinity; else set a segmentBytes below it.',
      };
    },
  },
  {
    id: 'few-threads',
    look({ facts: { limits, quotas } }) {
      const left = Math.min(
        limits.threads ?? Number.POSITIVE_INFINITY,
        quotas.threadsLeft ?? Number.POSITIVE_INFINITY,
      );
      if (left >= PROCESS_THREADS) return undefined;
      return {
        level: 'problem',
        what: `Only ${formatCount(left)} threads may be started.`,
        why:
          'Node has about ten, the logs of a process up to six: an open fails with ' +
          'ERR_FLASHSTRIKE_RESOURCES.',
        remedy: 'Raise --pids-limit, pids.max or TasksMax=, and `ulimit -u`.',
      };
    },
  },
  {
    id: 'slow-clock',
    look({ facts, measured }) {
      const isSlow = (measured?.clockReadingNs ?? 0) > SLOW_READING_NS;
      const source = facts.clockSource;
      const isOdd = source !== undefined && !GOOD_CLOCKS.has(source);
      if (!isSlow && !isOdd) return undefined;
      const reading = measured && ` (${measured.clockReadingNs.toFixed(0)} ns a reading)`;
      const better = facts.clockSources.find((each) => GOOD_CLOCKS.has(each) && each !== source);
      return {
        level: 'note',
        what:
          `Reading the clock is slow here: ` +
          `${printable(source ?? 'its source is not told')}${reading ?? ''}.`,
        why: 'An append with a precise timestamp reads it once.',
        remedy:
          better === undefined
            ? "Set timestamps: 'coarse'."
            : `Set timestamps: 'coarse', or try echo ${printable(better)} > ` +
              '/sys/devices/system/clocksource/clocksource0/current_clocksource.',
      };
    },
  },
  {
    id: 'clock-step',
    look: ({ measured }) =>
      measured === undefined || measured.clockStepMs < STEP_MS
        ? undefined
        : {
            level: 'note',
            what:
              `The wall clock was stepped by ${formatDuration(measured.clockStepMs / 1000)} ` +
              `during this run.`,
            why:
              'Timestamps of events follow within 100 ms. They never go back: after a step ' +
              'backwards they stand still until the clock has caught up, and retention by age ' +
              'is off by as much.',
            remedy:
              'Let the clock be slewed: chrony with makestep only at the start; find who sets it.',
          },
  },
  {
    id: 'no-file-lock',
    look: ({ measured }) =>
      measured?.log?.lock !== 'none' && !measured?.logRefused?.includes('LOCK_UNAVAILABLE')
        ? undefined
        : {
            level: 'problem',
            what: 'Files cannot be locked there (flock).',
            why: 'Nothing keeps a second process from writing to the same log; Wal.open refuses.',
            remedy:
              "Use a local file system. Or open with lock: 'none', and make sure yourself that " +
              'there is one writer.',
          },
  },
  {
    id: 'no-folder-sync',
    look: ({ measured }) =>
      measured?.log?.syncDirectory !== false
        ? undefined
        : {
            level: 'problem',
            what: 'Folders cannot be synced there.',
            why: 'A power cut may undo the names of new segments, with all events in them.',
            remedy: 'Use a local file system: ext4 or XFS.',
          },
  },
  {
    id: 'no-allocation',
    look: ({ measured }) =>
      measured?.log?.allocate !== false
        ? undefined
        : {
            level: 'note',
            what: 'Space cannot be allocated ahead there (fallocate).',
            why: 'A full disk is noticed only while a segment is filled with zeros.',
            remedy: 'Keep more of the disk free, and watch it; ext4 and XFS can.',
          },
  },
  {
    id: 'log-refused',
    look({ measured }) {
      const refused = measured?.logRefused;
      if (refused === undefined || /NO_SPACE|LOCK_UNAVAILABLE/.test(refused)) return undefined;
      return {
        level: 'problem',
        what: `A log could not be opened there: ${printable(refused)}`,
        why: 'Files can be written and synced, so it is something that only a log needs.',
        remedy: 'docs/ERRORS.md has this code; the message says what to do.',
      };
    },
  },
  {
    id: 'not-measured',
    look: ({ refused }) =>
      refused === undefined || /\b(ENOSPC|EDQUOT)\b/.test(refused)
        ? undefined
        : {
            level: 'problem',
            what: `Nothing could be measured: ${printable(refused)}`,
            why: 'The trial needs a folder of its own with a few MB in it.',
            remedy: 'Run it as the user of the service, on the folder that the service will use.',
          },
  },
];
