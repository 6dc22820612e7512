// Telemetry memory that is damaged, forged, or another's (FAULTS rows 13, 51, 52, 55):
// attachTelemetry says why it does not believe it, and changes nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { takeLook } from '../../src/cli/diagnosis/look.js';
import { renderScreen } from '../../src/cli/top/screen.js';
import { WalError } from '../../src/errors.js';
import { libc } from '../../src/memory/libc.js';
import { Journal } from '../../src/metrics/journal.js';
import { AttachedTelemetry } from '../../src/observation/attached-telemetry.js';
import { openTelemetryRegion } from '../../src/observation/telemetry-region.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import type { RegionFile } from '../../src/region/region-file.js';
import { decodeRegionHeader, RegionHeaderLayout } from '../../src/region/region-layout.js';
import { RingControlLayout } from '../../src/ring/ring-control.js';
import { Manager } from '../../src/telemetry/recorder/manager-metrics.js';
import { SegmentWriter } from '../../src/telemetry/recorder/segment-writer-metrics.js';
import { placeOf, TelemetryHeaderLayout } from '../../src/telemetry/telemetry-layout.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, regionFolder } from '../support/adapters.js';
import { EVENTS, leftByKill, type OwnedLog, temporaryLog } from '../support/attached-log.js';
import { fc } from '../support/properties.js';
import { startOwner } from './region-owner.js';

const SHARED_MEMORY = 'ERR_FLASHSTRIKE_SHARED_MEMORY';
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const UNSUPPORTED = 'ERR_FLASHSTRIKE_UNSUPPORTED';
const header = RegionHeaderLayout.offset;

/** Where the sections of the region in `bytes` stand. */
function sectionsOf(bytes: Buffer) {
  const decoded = decodeRegionHeader(bytes, bytes.length);
  assert.ok('sections' in decoded);
  return decoded.sections;
}

interface Forgery {
  readonly what: string;
  readonly forge: (log: OwnedLog, bytes: Buffer) => void;
  readonly code?: string;
  readonly message: RegExp;
}

/** Changes bytes of the region in place. */
const bytesChanged =
  (change: (bytes: Buffer) => void): Forgery['forge'] =>
  ({ regionPath }, bytes) => {
    change(bytes);
    writeFileSync(regionPath, bytes);
  };

/** Puts something else where the region was. */
const replaced =
  (put: (path: string, original: string) => void): Forgery['forge'] =>
  ({ regionPath, options }) => {
    const original = join(options.sharedMemoryDirectory, 'original');
    renameSync(regionPath, original);
    put(regionPath, original);
  };

const FORGERIES: readonly Forgery[] = [
  {
    what: 'a region without its magic',
    forge: bytesChanged((bytes) => bytes.fill(0, 0, 8)),
    message: /does not begin like a region/,
  },
  {
    what: 'a region that was not finished',
    forge: bytesChanged((bytes) => bytes.writeUInt32LE(0, header.layoutVersion)),
    message: /it was never finished/,
  },
  {
    what: 'a region of a newer version',
    forge: bytesChanged((bytes) => bytes.writeUInt32LE(9, header.layoutVersion)),
    code: UNSUPPORTED,
    message: /its layout version is 9\. Read it with the version that runs the log/,
  },
  {
    what: 'a region of another boot',
    forge: bytesChanged((bytes) => bytes.fill(0x5a, header.bootId, header.bootId + 16)),
    message: /the machine has been restarted since/,
  },
  {
    what: 'the region of another log',
    forge: bytesChanged((bytes) => bytes.fill(0x5a, header.logId, header.logId + 8)),
    message: /it belongs to another log/,
  },
  {
    what: 'the region of the folder that this one was copied from',
    forge: bytesChanged((bytes) =>
      bytes.fill(0x5a, header.folderBirthNs, header.folderBirthNs + 8),
    ),
    message: /the folder that this one was copied from/,
  },
  {
    what: 'bytes where there should be none',
    forge: bytesChanged((bytes) => bytes.writeUInt8(1, header.spare2)),
    message: /non-zero bytes where there should be zeros/,
  },
  {
    what: 'a telemetry section that claims to reach beyond the region',
    forge: bytesChanged((bytes) => bytes.writeUInt32LE(0xffff_f000, header.telemetryBytes)),
    message: /out of place/,
  },
  {
    what: 'a telemetry section of gigabytes, all of them holes',
    forge: ({ regionPath }, bytes) => {
      const { control, ring } = sectionsOf(bytes);
      const telemetryBytes = 2 ** 30;
      const controlOffset = 4096 + telemetryBytes;
      bytes.writeUInt32LE(telemetryBytes, header.telemetryBytes);
      bytes.writeUInt32LE(controlOffset, header.controlOffset);
      bytes.writeUInt32LE(controlOffset + control.byteLength, header.ringOffset);
      writeFileSync(regionPath, bytes);
      truncateSync(regionPath, controlOffset + control.byteLength + ring.byteLength);
    },
    message: /telemetry has more than/,
  },
  {
    what: 'sections that overlap',
    forge: bytesChanged((bytes) => bytes.writeUInt32LE(4096, header.controlOffset)),
    message: /out of place/,
  },
  {
    what: 'a region that was cut short',
    forge: ({ regionPath }) => truncateSync(regionPath, 8192),
    message: /it has 8192 bytes/,
  },
  {
    what: 'an empty region',
    forge: ({ regionPath }) => truncateSync(regionPath, 0),
    message: /it has only 0 bytes/,
  },
  {
    what: 'a region that was made longer',
    forge: ({ regionPath }) => appendFileSync(regionPath, Buffer.alloc(4096)),
    message: /its sections take/,
  },
  {
    what: 'a symbolic link',
    forge: replaced((path, original) => symlinkSync(original, path)),
    message: /it cannot be opened \(ELOOP\)/,
  },
  {
    what: 'a second name',
    forge: replaced((path, original) => linkSync(original, path)),
    message: /it has a second name/,
  },
  {
    what: 'a FIFO',
    forge: replaced((path) => assert.equal(spawnSync('mkfifo', [path]).status, 0)),
    message: /it is not a regular file/,
  },
  {
    what: 'a folder',
    forge: replaced((path) => mkdirSync(path)),
    message: /it is not a regular file/,
  },
  {
    what: 'a region that others may write to',
    forge: ({ regionPath }) => chmodSync(regionPath, 0o622),
    message: /other users may write to it/,
  },
  {
    what: 'telemetry without its magic',
    forge: bytesChanged((bytes) => {
      const { byteOffset } = sectionsOf(bytes).telemetry;
      bytes.fill(0, byteOffset, byteOffset + 8);
    }),
    message: /its telemetry section does not begin with the right magic/,
  },
  {
    what: 'telemetry of another layout',
    forge: bytesChanged((bytes) => {
      const at = sectionsOf(bytes).telemetry.byteOffset + TelemetryHeaderLayout.offset.fingerprint;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    }),
    code: UNSUPPORTED,
    message: /has the layout of version \d+\.\d+\.\d+; read it with that version/,
  },
  {
    what: 'telemetry that claims another length',
    forge: bytesChanged((bytes) => {
      const at = sectionsOf(bytes).telemetry.byteOffset + TelemetryHeaderLayout.offset.byteLength;
      bytes.writeUInt32LE(4096, at);
    }),
    code: UNSUPPORTED,
    message: /has the layout of version/,
  },
  {
    what: 'a state that there is not',
    forge: bytesChanged((bytes) => {
      const at = sectionsOf(bytes).control.byteOffset + RingControlLayout.offset.state;
      bytes.writeUInt32LE(77, at);
    }),
    message: /its state 77 is unknown/,
  },
  {
    what: 'positions further apart than the ring is long',
    forge: bytesChanged((bytes) => {
      const at = sectionsOf(bytes).control.byteOffset + RingControlLayout.offset.appended;
      bytes.writeInt32LE(bytes.readInt32LE(at) - 1, at);
    }),
    message: /bytes are waiting in a ring of 65536/,
  },
  {
    what: 'a LOCK that names no region',
    forge: ({ directory }) => writeFileSync(join(directory, 'LOCK'), '{"regions":["/etc/passwd"]}'),
    message: /LOCK is damaged: it does not say which shared region belongs to this log/,
  },
];

/** All of a folder that is plain files, by name. */
const contentOf = (path: string): Buffer | undefined =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;

describe('telemetry memory that is not believed', { skip: cannotMap }, () => {
  for (const { what, forge, code = SHARED_MEMORY, message } of FORGERIES) {
    test(`${what} is refused with its reason, and left as it is`, async (context) => {
      const log = await leftByKill(context);
      forge(log, readFileSync(log.regionPath));
      const before = contentOf(log.regionPath);
      assert.throws(() => attachTelemetry(log.directory), { name: 'WalError', code, message });
      assert.deepEqual(contentOf(log.regionPath), before);
    });
  }

  test('a telemetry section that is too small is refused', async (context) => {
    const directory = temporaryLog(context);
    await startOwner(context, directory, regionFolder(context));
    assert.throws(() => attachTelemetry(directory), {
      code: SHARED_MEMORY,
      message: /its telemetry has only 4096 bytes/,
    });
  });

  test("another user's region is refused", {
    skip: process.getuid?.() === 0 ? false : 'only root can give a file to another user',
  }, async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    chownSync(regionPath, 65_534, 65_534);
    assert.throws(() => attachTelemetry(directory), {
      code: SHARED_MEMORY,
      message: /it belongs to user 65534\. Try again as the user that runs the log/,
    });
  });

  test('a copy of a log beside it does not show the telemetry of the original', async (context) => {
    const { directory } = await leftByKill(context);
    const copy = `${directory}-copy`;
    cpSync(directory, copy, { recursive: true });
    context.after(() => rmSync(copy, { recursive: true, force: true }));
    assert.throws(() => attachTelemetry(copy), {
      code: SHARED_MEMORY,
      message: /the folder that this one was copied from/,
    });
  });

  test('memory that is cut short while attached is an error, no crash', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const telemetry = attachTelemetry(directory);
    context.after(() => telemetry.close());
    truncateSync(regionPath, 4096);
    assert.throws(() => telemetry.refresh(), {
      code: SHARED_MEMORY,
      message: /ended at offset \d+ while it was read/,
    });
  });

  test('damaged files of the log do not hide its telemetry', async (context) => {
    const { directory } = await leftByKill(context);
    writeFileSync(join(directory, '0000000001.wal'), 'no segment');
    const telemetry = attachTelemetry(directory);
    telemetry.close();
    assert.equal(telemetry.status, 'dead');
  });

  test('random bytes in the metrics are numbers, or refused; never anything else', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const sound = readFileSync(regionPath);
    const { telemetry: section, control } = sectionsOf(sound);
    const from = section.byteOffset + TelemetryHeaderLayout.size;
    const to = section.byteOffset + section.byteLength;
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, alsoControl) => {
        const bytes = Buffer.from(sound);
        scramble(bytes.subarray(from, to), seed);
        scramble(bytes.subarray(header.heartbeats, header.heartbeats + 1024), seed + 1);
        if (alsoControl) {
          const { byteOffset } = control;
          const state = byteOffset + RingControlLayout.offset.state;
          // Without the state and the positions, of which nearly all values are refused.
          scramble(
            bytes.subarray(byteOffset + RingControlLayout.offset.writtenEventId, state),
            seed,
          );
        }
        writeFileSync(regionPath, bytes);
        useAll(() => attachTelemetry(directory));
      }),
      { numRuns: 60 },
    );
  });

  test('a forgery that a living process keeps up ends as numbers as well', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const bytes = readFileSync(regionPath);
    // As the owner would hold it: exclusively, on a descriptor of its own.
    const fd = openSync(regionPath, 'r+');
    context.after(() => closeSync(fd));
    assert.ok(libc()?.tryLock(fd));
    const { byteOffset } = sectionsOf(bytes).telemetry;
    // One group that stands in the middle of a change for ever, one whose notes make no sense.
    const writer = byteOffset + placeOf(SegmentWriter.definition);
    const half = bytes.readUInt32LE(writer) + 1;
    writeSync(fd, Uint32Array.of(half), 0, 4, writer);
    const manager = byteOffset + placeOf(Manager.definition);
    const head = manager + Manager.layout.offset.appendEventJournal + Journal.offset.head;
    writeSync(fd, Uint32Array.of(bytes.readUInt32LE(head) + 100_000), 0, 4, head);
    const telemetry = attachTelemetry(directory);
    context.after(() => telemetry.close());
    assert.equal(telemetry.status, 'running');
    // The kill may have left another one in the middle of a change.
    for (const forged of ['segmentWriter.openNewSegment', 'manager.appendEvent']) {
      assert.ok(telemetry.incomplete.includes(`recorder.${forged}`), forged);
    }
    assert.equal(telemetry.recorder.segmentWriter.blockEvents, EVENTS);
  });

  test('random bytes in all metrics of a living process: one bound for the whole reading', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const bytes = readFileSync(regionPath);
    const fd = openSync(regionPath, 'r+');
    context.after(() => closeSync(fd));
    assert.ok(libc()?.tryLock(fd));
    const { byteOffset, byteLength } = sectionsOf(bytes).telemetry;
    const section = bytes.subarray(byteOffset, byteOffset + byteLength);
    scramble(section.subarray(TelemetryHeaderLayout.size), 77);
    writeSync(fd, bytes);
    const counting = countingReads(openTelemetryRegion(directory));
    const telemetry = new AttachedTelemetry(directory, counting.file);
    context.after(() => telemetry.close());
    assert.equal(telemetry.status, 'running');
    const { incomplete } = telemetry;
    assert.ok(incomplete.length > 50, `${incomplete.length} groups`);
    // What patience.ts allows to one reading, and a few for each group before that.
    const readsMax = 6 * (220_000 + 12 * 100);
    assert.ok(counting.reads() <= readsMax, `${counting.reads()} reads`);
    const { stdout, status } = spawnSync(process.execPath, [MAIN, 'metrics', directory]);
    assert.equal(status, 0);
    assert.match(String(stdout), /^flashstrike_wal_up\{log="[^"]+",log_id="[0-9a-f]{16}"\} 1$/m);
  });
});

/** Reads of a region's file. */
function countingReads(file: RegionFile): { readonly file: RegionFile; reads(): number } {
  let reads = 0;
  const counted =
    <Args extends readonly unknown[], Result>(read: (...args: Args) => Result) =>
    (...args: Args): Result => {
      reads++;
      return read(...args);
    };
  const counting = {
    status: file.status,
    path: file.path,
    header: file.header,
    ownerIsAlive: () => file.ownerIsAlive(),
    isNamed: () => file.isNamed(),
    readSection: counted(file.readSection.bind(file)),
    readSectionInto: counted(file.readSectionInto.bind(file)),
    readLatch: counted(file.readLatch.bind(file)),
    close: () => file.close(),
  };
  return { file: counting as unknown as RegionFile, reads: () => reads };
}

/**
 * Fills `bytes` with what a small generator makes of `seed`: here a run of zeros, there of ones.
 */
function scramble(bytes: Uint8Array, seed: number): void {
  let state = (seed | 0) === 0 ? 1 : seed | 0;
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const kind = (state >>> 8) & 7;
    bytes[at] = kind === 0 ? 0xff : kind < 3 ? 0 : state & 0xff;
  }
}

/** Every way out of an attached telemetry; only a WalError may end one. */
function useAll(attach: () => AttachedTelemetry): void {
  tolerating(() => {
    const telemetry = attach();
    try {
      telemetry.refresh();
      tolerating(() => {
        const collector = new PrometheusCollector();
        telemetry.collect('p', collector);
        collector.toString();
      });
      JSON.parse(JSON.stringify(telemetry));
      const look = takeLook(telemetry);
      const columns = 80;
      const lines = renderScreen(look, { ...look, status: 'running' }, { columns, rows: 60 });
      for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]|NaN|undefined/u);
    } finally {
      telemetry.close();
    }
  });
}

function tolerating(use: () => void): void {
  try {
    use();
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
  }
}
