import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { codeOf } from '../errors.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { openSegment } from '../reading/segment-file.js';
import { segmentFileName } from '../segment/file-names.js';
import { nodeStorage } from '../storage/node-storage.js';
import { soundSegment } from './sound-segment.js';
import { verifyThrough } from './verify.js';
import { VERIFY_PORTS } from './verify-ahead.js';
import type { OpenedSegment, SoundSegment, VerifyPorts } from './verify-ahead-port.js';

/** Verifies on this thread what another one would, and says how often that was taken over. */
class Helper {
  adopted = 0;
  begun = 0;
  readonly ports: VerifyPorts;

  /** @param change of what it hands over */
  constructor(change = (sound: SoundSegment): SoundSegment => sound) {
    let asked: OpenedSegment | undefined;
    let found: Promise<SoundSegment | undefined> | undefined;
    const ahead = {
      begin: (segment: OpenedSegment) => {
        this.begun++;
        asked = segment;
        found = soundSegment(nodeStorage, segment);
      },
      take: async (index: number) => {
        if (asked?.index !== index) return undefined;
        const sound = await found;
        if (sound === undefined) return undefined;
        this.adopted++;
        return change(sound);
      },
      end() {},
    };
    this.ports = { ...FILE_PORTS, readsAhead: true, ahead: { fromBytes: 0, start: () => ahead } };
  }
}

const told = async (ports: VerifyPorts, dir: string, options = {}): Promise<unknown> => {
  try {
    return await verifyThrough(ports, dir, options);
  } catch (error) {
    return codeOf(error);
  }
};

/** Five segments of three blocks each, and seals. */
function fiveSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= 5; index++) {
    builder.segment().events(3).watermark().events(4);
    if (index < 5) builder.seal();
  }
  return builder.meta().write();
}

function opened(dir: string, index: number): OpenedSegment {
  const file = openSegment(nodeStorage, join(dir, segmentFileName(index)), { index });
  assert.ok(file !== undefined);
  nodeStorage.close(file.fd);
  const { device, inode, header } = file;
  return { dir, index, logId: header.logId, device, inode };
}

test('every second finished segment is taken over, and the report is the same', async (t) => {
  const { dir } = fiveSegments(t);
  const helper = new Helper();
  assert.deepEqual(await told(helper.ports, dir), await told(FILE_PORTS, dir));
  assert.deepEqual([helper.begun, helper.adopted], [2, 2]);
  await told(helper.ports, dir, { readAhead: false });
  assert.equal(helper.begun, 2, 'nobody has asked for it');
});

test('what was pinned by another header than the one that is there is read again', async (t) => {
  const { dir } = fiveSegments(t);
  const helper = new Helper((sound) => ({ ...sound, events: 0, pinSalt: sound.pinSalt + 1n }));
  assert.deepEqual(await told(helper.ports, dir), await told(FILE_PORTS, dir));
  assert.ok(helper.adopted > 0);
});

test('of every damage the same is told', async (t) => {
  const { dir, files } = fiveSegments(t);
  let begun = 0;
  for (const index of [2, 3, 4]) {
    const bytes = files.get(index) ?? assert.fail('it is there');
    const path = join(dir, segmentFileName(index));
    for (let at = 0; at < 6000; at += 61) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      const helper = new Helper();
      const why = `segment ${index}, byte ${at}`;
      assert.deepEqual(await told(helper.ports, dir), await told(FILE_PORTS, dir), why);
      begun += helper.begun;
    }
    writeFileSync(path, bytes);
  }
  assert.ok(begun > 100);
});

test('another file than the one that is open is not taken for it', async (t) => {
  const { dir } = fiveSegments(t);
  const path = join(dir, segmentFileName(2));
  const segment = opened(dir, 2);
  assert.equal((await soundSegment(nodeStorage, segment))?.events, 7);
  const copy = readFileSync(path);
  renameSync(path, `${path}.old`);
  writeFileSync(path, copy);
  assert.equal(await soundSegment(nodeStorage, segment), undefined);
});

test('the thread of this machine finds the same, and is not waited for while it starts', async (t) => {
  const { dir } = fiveSegments(t);
  const { ahead } = VERIFY_PORTS;
  assert.ok(ahead !== undefined);
  const ports = { ...VERIFY_PORTS, readsAhead: true, ahead: { ...ahead, fromBytes: 0 } };
  assert.deepEqual(await told(ports, dir), await told(FILE_PORTS, dir));
  const thread = ahead.start();
  assert.ok(thread !== undefined);
  t.after(() => thread.end());
  const segment = opened(dir, 2);
  let sound: SoundSegment | undefined;
  for (let tries = 0; sound === undefined; tries++) {
    assert.ok(tries < 30_000, 'it starts');
    thread.begin(segment);
    await delay(10);
    sound = await thread.take(2);
  }
  assert.deepEqual(sound, await soundSegment(nodeStorage, segment));
  assert.equal(await thread.take(3), undefined, 'that was not asked for');
});

test('a thread that cannot be started is done without', async (t) => {
  const { dir } = fiveSegments(t);
  const none = { fromBytes: 0, start: () => undefined };
  const ports = { ...FILE_PORTS, readsAhead: true, ahead: none };
  assert.deepEqual(await told(ports, dir), await told(FILE_PORTS, dir));
});
