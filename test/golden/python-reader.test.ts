// contrib/python/flashstrike_reader.py, another reader that was written from docs/FORMAT.md alone:
// it is held to the golden logs, to damage, and to logs that the product has written.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { xxh32, xxh64 } from '@node-rs/xxhash';
import { replay, Wal } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { layOut, repositoryRoot } from './golden-files.js';
import { goldenLogs } from './golden-logs.js';
import { type GoldenLog, readable } from './golden-parts.js';
import { START_NS } from './segment-image.js';

const READER = join(repositoryRoot(), 'contrib/python/flashstrike_reader.py');
const EXIT_CODES: Readonly<Record<string, number>> = { clean: 0, 'torn-tail': 0 };
const MAX_OUTPUT = 256 * 1024 * 1024;

const skip: string | false =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']).status === 0
    ? false
    : 'there is no python3 of version 3.8 or later';

/** Reads each folder that it is given; what is checked is the module, not the command. */
const READ_ALL = `
import sys, json, base64
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import flashstrike_reader as reader
for folder in sys.argv[2:]:
    log = reader.Log(folder)
    events = []
    try:
        for each in log.events():
            events.append([each.event_id, each.type, str(each.timestamp_ns), each.payload.hex()])
    except reader.Refusal as refusal:
        assert refusal.word == log.verdict
    end = [log.verdict, log.last_event_id, log.durable_event_id]
    print(json.dumps({'end': end, 'events': events}))
`;

/** Flips a bit of the log's two segments in turns, and counts what is then said of it. */
const FLIP = `
import sys, json, collections
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import flashstrike_reader as reader
found = collections.Counter()
for name, end in (('0000000001.wal', 4096 + 64), ('0000000002.wal', 4096 + 5 * 64)):
    path = sys.argv[2] + '/' + name
    with open(path, 'r+b') as file:
        sound = file.read()
        bits = [*range(3, 1024, 37), *range(1024, 4096 * 8, 4001), *range(4096 * 8, end * 8, 37)]
        for bit in bits:
            file.seek(bit >> 3)
            file.write(bytes((sound[bit >> 3] ^ 1 << (bit & 7),)))
            file.flush()
            log = reader.Log(sys.argv[2])
            try:
                for _ in log.events(): pass
            except reader.Refusal:
                pass
            found[log.verdict] += 1
            file.seek(bit >> 3)
            file.write(sound[bit >> 3:(bit >> 3) + 1])
            file.flush()
log = reader.Log(sys.argv[2])
count = sum(1 for _ in log.events())
print(json.dumps({'found': found, 'end': [log.verdict, count]}))
`;

/** Checksums of lengths from 0 on, with the code that needs no package. */
const CHECKSUMS = `
import sys, json
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import flashstrike_reader as reader
data = bytes((7 * at + (at >> 3)) & 255 for at in range(200))
found = [
    [str(reader._python_xxh64(data[:size], seed)), reader._python_xxh32(data[:size], 0)]
    for size in range(200) for seed in (0, 0xfedcba9876543210)
]
print(json.dumps(found))
`;

const run = promisify(execFile);

async function python(code: string, args: readonly string[]): Promise<string> {
  const folder = join(repositoryRoot(), 'contrib/python');
  const options = { maxBuffer: MAX_OUTPUT };
  return (await run('python3', ['-c', code, folder, ...args], options)).stdout;
}

interface Read {
  readonly end: readonly [verdict: string, lastEventId: number, durableEventId: number | null];
  readonly events: readonly (readonly [id: number, type: number, ns: string, hex: string])[];
}

async function readAll(folders: readonly string[]): Promise<Read[]> {
  const text = await python(READ_ALL, folders);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Read);
}

const expectedOf = (log: GoldenLog): Read => ({
  end: [log.outcome, log.lastEventId, log.durableEventId ?? null],
  events: readable(log).map(({ text, type = 0 }, index) => {
    const eventId = index + (log.firstEventId ?? 1);
    const ns = START_NS + BigInt(eventId) * 1000n;
    return [eventId, type, String(ns), Buffer.from(text).toString('hex')] as const;
  }),
});

const replayed = (folder: string): Read['events'] =>
  Array.from(replay(folder), ({ eventId, type, timestampNs, payload }) => [
    eventId,
    type,
    String(timestampNs),
    Buffer.from(payload).toString('hex'),
  ]);

function layOutAll(t: TestContext, logs: readonly GoldenLog[]): string[] {
  const parent = temporaryFolder(t);
  return logs.map((log) => {
    const folder = join(parent, log.name);
    mkdirSync(folder);
    layOut(log, folder);
    return folder;
  });
}

describe('the reader in Python', { skip, timeout: 600_000 }, () => {
  const logs = goldenLogs();

  it('reads all golden logs as the format says, the damaged ones included', async (t) => {
    const found = await readAll(layOutAll(t, logs));
    assert.equal(found.length, logs.length);
    for (const [index, log] of logs.entries()) {
      assert.deepEqual(found[index], expectedOf(log), log.name);
    }
  });

  it('takes each flipped bit of what was durable for damage', async (t) => {
    const [folder = ''] = layOutAll(t, logs.slice(0, 1));
    const { found, end } = JSON.parse(await python(FLIP, [folder])) as {
      readonly found: Readonly<Record<string, number>>;
      readonly end: readonly [string, number];
    };
    assert.deepEqual(end, ['clean', 12], 'it is sound again');
    const words = Object.keys(found).sort();
    assert.deepEqual(
      words,
      ['corrupt', 'undecidable', 'unsupported'].filter((word) => words.includes(word)),
    );
    assert.ok((found['corrupt'] ?? 0) > 100);
  });

  it('imports nothing but the standard library, and xxhash where that is installed', () => {
    const { stdout } = spawnSync('grep', ['-hoE', '^ *(import|from) [a-z0-9_.]+', READER]);
    const modules = String(stdout)
      .trim()
      .split('\n')
      .map((line) => line.trim().split(' ')[1]);
    const standard = [
      'argparse',
      'base64',
      'errno',
      'json',
      'os',
      're',
      'stat',
      'struct',
      'sys',
      'typing',
    ];
    assert.deepEqual(modules.sort(), [...standard, 'xxhash'].sort());
  });

  it('has checksums of its own that are those of xxHash', async () => {
    const found = JSON.parse(await python(CHECKSUMS, [])) as [string, number][];
    const data = Uint8Array.from({ length: 200 }, (_, at) => (7 * at + (at >> 3)) & 255);
    let at = 0;
    for (let size = 0; size < data.length; size++) {
      for (const seed of [0n, 0xfedcba9876543210n]) {
        const bytes = data.subarray(0, size);
        assert.deepEqual(found[at++], [String(xxh64(bytes, seed)), xxh32(bytes, 0)], `${size}`);
      }
    }
  });

  it('prints events and the verdict as lines of JSON, with an exit code', (t) => {
    for (const name of ['closed', 'torn-tail', 'flip-in-finished-segment', 'nothing']) {
      const log = logs.find((each) => each.name === name);
      assert.ok(log !== undefined);
      const [folder = ''] = layOutAll(t, [log]);
      const { status, stdout, stderr } = spawnSync('python3', ['-B', READER, folder, '--json'], {
        encoding: 'utf8',
      });
      assert.equal(status, EXIT_CODES[log.outcome] ?? 1, stderr);
      const { end, events } = expectedOf(log);
      const { verdict, lastEventId, durableEventId } = JSON.parse(stderr);
      assert.deepEqual([verdict, lastEventId, durableEventId], end);
      const lines = stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      const told = lines.map((line) => [
        line.eventId,
        line.type,
        line.timestampNs,
        Buffer.from(line.payload, 'base64').toString('hex'),
      ]);
      assert.deepEqual(told, events);
    }
  });

  it('reads a log that is open, and one with compressed segments', async (t) => {
    const folder = join(temporaryFolder(t), 'log');
    const wal = await Wal.open(folder, {
      segmentBytes: 256 * 1024,
      compression: 'lz4',
      hotSegments: 1,
      sharedMemory: 'off',
    });
    const payload = Buffer.alloc(200);
    for (let count = 0; count < 5000; count++) {
      payload.write(`event ${count}, and again ${count % 7}`);
      payload.writeUInt32LE(Math.imul(count, 0x9e3779b1) >>> 0, 190);
      wal.append(payload.subarray(0, 100 + (count % 100)), count & 0xffff);
    }
    await wal.durable();
    const count = (end: string): number =>
      readdirSync(folder).filter((name) => name.endsWith(end)).length;
    // The one that is written and the hot one stay: no file changes its name while they are read.
    await eventually('all that will be compressed is', () => count('.wal') <= 2);
    assert.ok(count('.wal.lz4') >= 1);
    const [live] = await readAll([folder]);
    assert.equal(live?.events.length, 5000);
    await wal.close();
    const [read] = await readAll([folder]);
    assert.deepEqual(read?.end, ['clean', 5000, 5000]);
    assert.deepEqual(read?.events, replayed(folder));
    assert.deepEqual(live?.events, read?.events);
  });
});
