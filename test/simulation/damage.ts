// The medium is damaged between two lives, on a copy of the machine. Whoever reads the log then
// must tell, or find all that anything outside of the damage still calls durable. What was refused
// is left as it was.
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import type { Random } from '../../src/cli/demo/random.js';
import type { WalOptions } from '../../src/index.js';
import { replayThrough } from '../../src/replay/replay.js';
import { salvageThrough } from '../../src/salvage/salvage.js';
import { BLOCK_HEADER_BYTES } from '../../src/segment/block-header.js';
import { LOCK_FILE } from '../../src/segment/file-names.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { refusalOf } from '../support/refusal-of.js';
import { SteppedLog } from '../support/stepped-log.js';
import { rewriteSeal } from '../support/wrong-seals.js';
import { type Evidence, type Extent, evidenceIn } from './evidence.js';
import { DIRECTORY, type Machine } from './machine.js';
import type { Oracle } from './oracle.js';
import { type Profile, pick } from './profile.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { SECTOR_BYTES } from './simulated-file.js';
import type { Subject } from './subject.js';

const PAGE_BYTES = 4096;
/** Of a segment's header and of a block's. */
const HEADER_BYTES = 128;
const MISMATCH = 'ERR_FLASHSTRIKE_RING_MISMATCH';

interface Damage {
  readonly path: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Whether anyone told of it. */
export async function damageTrial(
  { machine, oracle }: Subject,
  { options }: Profile,
  trace: (line: string) => void,
): Promise<boolean> {
  const open = (on: Machine, more: WalOptions = {}): number => openOn(on, { ...options, ...more });
  const evidence = evidenceIn(machine.disk, DIRECTORY);
  const regionDurable = machine.readingPorts.regionDurable(DIRECTORY, logIdOf(machine));
  const whole = open(machine.copy());

  const damaged = machine.copy();
  for (const { path, offset, bytes } of drawDamage(machine.random, damaged.disk, evidence)) {
    damaged.disk.damage(path, offset, bytes);
    trace(`damage ${path} at ${offset}, ${bytes.length} bytes`);
  }
  const before = snapshot(damaged.disk);
  const changed = differences(snapshot(machine.disk), before);
  const isHit = (extent: Extent): boolean => changed.some((piece) => overlap(piece, extent));
  const proven = Math.max(
    regionDurable ?? 0,
    ...evidence.claims.filter((claim) => !isHit(claim)).map((claim) => claim.durableEventId),
  );
  const mustTell =
    evidence.blocks.some((block) => block.firstEventId <= proven && isHit(block)) ||
    evidence.headerPages.some(isHit);

  const report = await verifyThrough(damaged.readingPorts, DIRECTORY);
  assert.ok(!(mustTell && report.ok), 'verify does not see the damage');
  const atLeast = Math.min(evidence.lastEventId, proven);
  if (report.ok) assert.ok(report.lastEventId >= atLeast, `verify ends with ${report.lastEventId}`);

  const refusal = refusalOf(() => {
    const last = oracle.check(replayThrough(damaged.readingPorts, DIRECTORY));
    assert.ok(last >= atLeast, `replay ends with ${last} of ${atLeast} in silence`);
  });
  // A ring that does not fit is told by verify; the files can be read all the same.
  const areFilesSound = report.problems.every(({ code }) => code === MISMATCH);
  assert.equal(refusal === undefined, areFilesSound, `verify and replay disagree: ${refusal}`);

  const salvaged = salvageAll(damaged, oracle);
  const readable = report.ok ? report.lastEventId + report.waitingEvents : 0;
  assert.ok(salvaged.size >= readable, `salvage gives out ${salvaged.size} events of ${readable}`);
  // A header page that is hit takes along what tells where segments end.
  if (!evidence.headerPages.some(isHit)) {
    for (const block of evidence.blocks) {
      assert.ok(isHit(block) || salvaged.has(block.firstEventId), 'salvage lost a sound block');
    }
  }

  // Blocks of finished segments are read where that is asked for: then nothing escapes it.
  const refusedWhole = refusalOf(() => open(damaged.copy(), { verify: 'all' }));
  assert.equal(
    refusedWhole === undefined,
    report.ok,
    `verify and the open disagree: ${refusedWhole}`,
  );
  const refused = refusalOf(() => {
    const last = open(damaged);
    assert.ok(last >= Math.min(whole, proven), `${last} of ${proven} durable events, in silence`);
  });
  if (refused !== undefined) {
    assert.ok(!report.ok, `verify is content, the open is not: ${refused.message}`);
    assertSame(snapshot(damaged.disk), before);
  }
  assert.ok(
    refused !== undefined || !evidence.headerPages.some(isHit),
    'a header is not looked at',
  );
  return refused !== undefined || !report.ok;
}

/**
 * A finished segment is emptied, cut, set back to an older state of itself, or replaced by another
 * one: every open refuses it, and changes nothing. False where the log has none to damage.
 */
export function finishedTrial(
  { machine }: Subject,
  { options }: Profile,
  trace: (line: string) => void,
): boolean {
  const { random } = machine;
  const evidence = evidenceIn(machine.disk, DIRECTORY);
  const paths = evidence.headerPages.map(({ path }) => path).sort();
  const finished = paths.slice(0, -1);
  // Without an event block there is nothing that an older state could lack.
  const blocks = evidence.pinnedBlocks.filter(({ path }) => finished.includes(path));
  if (blocks.length === 0) return false;
  const { path, offset } = pick(random, blocks);
  const damaged = machine.copy();
  const { disk } = damaged;
  const content = Uint8Array.from(disk.contentOf(path));
  const kind = pick(random, ['emptied', 'cut', 'older', 'replaced', 'header'] as const);
  trace(`${path} ${kind} at ${offset}`);
  switch (kind) {
    case 'emptied':
      put(disk, path, content.fill(0));
      break;
    case 'cut':
      // In the middle of the block's header: behind a short block nothing would be missing.
      put(disk, path, content.subarray(0, offset + random.below(BLOCK_HEADER_BYTES)));
      break;
    case 'older':
      put(disk, path, content.fill(0, offset));
      break;
    case 'replaced':
      put(
        disk,
        path,
        disk.contentOf(
          pick(
            random,
            paths.filter((each) => each !== path),
          ),
        ),
      );
      break;
    case 'header': {
      const at = random.below(HEADER_BYTES);
      disk.damage(path, at, Uint8Array.of((content[at] ?? 0) ^ (1 << random.below(8))));
    }
  }
  const before = snapshot(disk);
  for (const recovery of ['default', 'strict', 'tolerate-tail'] as const) {
    const refused = refusalOf(() => openOn(damaged, { ...options, recovery }));
    assert.ok(refused !== undefined, `${recovery} opens over a finished segment ${kind}`);
    assertSame(snapshot(disk), before);
  }
  return true;
}

/**
 * A seal that says one thing wrong, under checksums that hold: at the end of the log it is a torn
 * tail, further in `verify` tells of it; no event is missing anywhere. False where there is none.
 */
export async function sealTrial(
  { machine, oracle }: Subject,
  { options }: Profile,
  trace: (line: string) => void,
): Promise<boolean> {
  const { random } = machine;
  const { seals, headerPages } = evidenceIn(machine.disk, DIRECTORY);
  if (seals.length === 0) return false;
  const { path, offset, bytes, salt } = pick(random, seals);
  const isLast = headerPages.every((page) => page.path <= path);
  const damaged = machine.copy();
  const content = Uint8Array.from(damaged.disk.contentOf(path));
  rewriteSeal(content, offset, salt, (payload) => {
    const byte = random.below(payload.byteLength);
    trace(`seal of ${path}: byte ${byte}`);
    payload.setUint8(byte, payload.getUint8(byte) ^ (1 << random.below(8)));
  });
  damaged.disk.damage(path, offset, content.subarray(offset, offset + bytes));

  const [sound, wrong] = [
    await verifyThrough(machine.copy().readingPorts, DIRECTORY),
    await verifyThrough(damaged.readingPorts, DIRECTORY),
  ];
  assert.equal(wrong.lastEventId, sound.lastEventId);
  assert.equal(wrong.problems.length, sound.problems.length + (isLast ? 0 : 1));
  const told = isLast ? wrong.tornTail : wrong.problems.find(({ lost }) => lost === 0);
  assert.deepEqual([told?.file, told?.offset], [basename(path), offset]);
  const last = oracle.check(replayThrough(damaged.readingPorts, DIRECTORY));
  assert.equal(last, sound.lastEventId, 'replay ends early');
  const asked = { ...options, recovery: 'default', verify: 'tail' } as const;
  const whole = openOn(machine.copy(), asked);
  assert.equal(openOn(damaged, asked), whole, 'an open finds less');
  return true;
}

const openOn = (on: Machine, options: WalOptions): number =>
  new SteppedLog(
    { ...on.ports(), adoptRegion: (handle) => on.regions.adopt(handle) },
    DIRECTORY,
    options,
  ).opened.report.nextEventId - 1;

function put(disk: SimulatedDisk, path: string, bytes: Uint8Array): void {
  const fd = disk.open(path, 'write');
  disk.truncate(fd, 0);
  disk.write(fd, [bytes], 0);
  disk.close(fd);
}

/** What salvage gives out was issued, each event once and in order; gaps account for the others. */
function salvageAll({ readingPorts }: Machine, oracle: Oracle): ReadonlySet<number> {
  const salvaged = new Set<number>();
  let next = 1;
  for (const item of salvageThrough(readingPorts, DIRECTORY)) {
    if (item.kind === 'event') {
      assert.equal(item.eventId, next, 'salvage leaves out an event without a word');
      oracle.checkOne(item);
      salvaged.add(next);
      next++;
    } else if (item.lastEventId !== undefined) {
      assert.equal(item.firstEventId, next, 'a gap begins behind the event before');
      next = item.lastEventId + 1;
    } else if (item.lost === undefined) {
      // Nobody knows how far it reaches: a later gap or event tells, or none comes.
      assert.ok(item.firstEventId === undefined || item.firstEventId === next);
    }
  }
  return salvaged;
}

function logIdOf(machine: Machine): bigint {
  const { disk } = machine;
  const page = disk.contentOf(evidenceIn(disk, DIRECTORY).headerPages[0]?.path ?? '');
  return new DataView(page.buffer, page.byteOffset).getBigUint64(48, true);
}

const overlap = (a: Extent, b: Extent): boolean =>
  a.path === b.path && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;

/** One bit, a sector or a page of zeros, or a write that went astray. LOCK has no checksum. */
function drawDamage(random: Random, disk: SimulatedDisk, evidence: Evidence): Damage[] {
  const paths = evidence.claims.map(({ path }) => path);
  const path = pick(random, paths);
  const usedBytes = Math.max(
    ...[...evidence.blocks, ...evidence.claims]
      .filter((extent) => extent.path === path)
      .map(({ offset, bytes }) => offset + bytes),
  );
  const content = disk.contentOf(path);
  // Headers are few among the bytes and matter most.
  const header = pick(
    random,
    evidence.claims.filter((claim) => claim.path === path),
  );
  const at =
    random.below(3) === 0
      ? header.offset + random.below(Math.min(header.bytes, HEADER_BYTES))
      : random.below(Math.min(content.length, usedBytes + SECTOR_BYTES));
  const bytes = pick(random, [SECTOR_BYTES, PAGE_BYTES]);
  const offset = Math.floor(at / bytes) * bytes;
  const old = content.slice(offset, offset + bytes);
  switch (random.below(4)) {
    case 0:
      return [{ path, offset, bytes: new Uint8Array(old.length) }];
    case 1: {
      // It was meant for here, and landed elsewhere.
      const target = pick(
        random,
        paths.filter((each) => disk.contentOf(each).length >= PAGE_BYTES),
      );
      const targetBytes = disk.contentOf(target).length;
      const targetOffset = Math.floor(random.below(targetBytes - bytes + 1) / bytes) * bytes;
      return [
        { path, offset, bytes: new Uint8Array(old.length) },
        { path: target, offset: targetOffset, bytes: old },
      ];
    }
    default:
      return [
        { path, offset: at, bytes: Uint8Array.of((content[at] ?? 0) ^ (1 << random.below(8))) },
      ];
  }
}

/** What differs, piece by piece: a damage may put back what stood there. */
function differences(sound: Map<string, Buffer>, damaged: Map<string, Buffer>): Extent[] {
  const pieces: Extent[] = [];
  for (const [name, bytes] of damaged) {
    const old = sound.get(name) ?? Buffer.alloc(0);
    if (old.equals(bytes)) continue;
    for (let offset = 0; offset < bytes.length; offset++) {
      if (bytes[offset] === old[offset]) continue;
      pieces.push({ path: join(DIRECTORY, name), offset, bytes: 1 });
    }
  }
  return pieces;
}

function assertSame(after: Map<string, Buffer>, before: Map<string, Buffer>): void {
  assert.deepEqual([...after.keys()], [...before.keys()], 'a refused open changed the names');
  for (const [name, bytes] of after) {
    assert.ok(before.get(name)?.equals(bytes), `a refused open changed ${name}`);
  }
}

/** All files of the log but LOCK, which a refused open may have to create. */
export function snapshot(disk: SimulatedDisk): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { name } of disk.list(DIRECTORY)) {
    if (name !== LOCK_FILE) files.set(name, Buffer.from(disk.contentOf(join(DIRECTORY, name))));
  }
  return files;
}
