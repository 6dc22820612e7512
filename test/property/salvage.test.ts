// Small logs, damaged at random in one to three places. What salvage gives out is held to a model
// that knows which bytes were changed: exactly the events of the blocks that were not, and gaps for
// all others; and the copy of it is a sound log with the same content.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type LoggedEvent,
  replay,
  type SalvageGap,
  salvage,
  salvageTo,
  verify,
} from '../../src/index.js';
import { BlockKind } from '../../src/segment/block-header.js';
import {
  type BuiltBlock,
  LogBuilder,
  payloadOf,
  timestampOf,
  typeOf,
} from '../support/log-builder.js';
import { fc } from '../support/properties.js';

interface BlockPlan {
  readonly events: number;
  readonly payloadBytes: number;
  /** A watermark follows. */
  readonly watermark: boolean;
}

interface DamagePlan {
  /** 0 … 1: which segment, and where in the part of it that is used. */
  readonly segment: number;
  readonly place: number;
  readonly part: 'header' | 'page' | 'blocks';
  readonly bytes: number;
  /** XORed over the bytes. */
  readonly pattern: number;
}

interface Plan {
  readonly segments: readonly (readonly BlockPlan[])[];
  readonly damages: readonly DamagePlan[];
}

const blockPlan = fc.record({
  events: fc.integer({ min: 1, max: 5 }),
  payloadBytes: fc.integer({ min: 0, max: 90 }),
  watermark: fc.boolean(),
});
const plan: fc.Arbitrary<Plan> = fc.record({
  segments: fc.array(fc.array(blockPlan, { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 4,
  }),
  damages: fc.array(
    fc.record({
      segment: fc.double({ min: 0, max: 0.999, noNaN: true }),
      place: fc.double({ min: 0, max: 0.999, noNaN: true }),
      part: fc.constantFrom('header', 'page', 'blocks', 'blocks'),
      bytes: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 300 })),
      pattern: fc.integer({ min: 1, max: 255 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

/** FLASHSTRIKE_PROPERTY_RUNS asks for more, FLASHSTRIKE_PROPERTY_SEED for others. */
const RUNS = Number(process.env['FLASHSTRIKE_PROPERTY_RUNS'] ?? 150);

const lastIdOf = ({ firstEventId, eventCount }: BuiltBlock): number =>
  firstEventId + eventCount - 1;

/** A log built, written and then damaged; it knows what it changed. */
class DamagedLog {
  readonly builder: LogBuilder;
  /** Of each segment, what was XORed over which of its bytes. */
  readonly #changed = new Map<number, Map<number, number>>();

  constructor(dir: string, { segments, damages }: Plan) {
    const builder = new LogBuilder(dir);
    this.builder = builder;
    segments.forEach((blocks, position) => {
      builder.segment();
      for (const { events, payloadBytes, watermark } of blocks) {
        builder.events(events, { payloadBytes });
        if (watermark) builder.watermark();
      }
      if (position < segments.length - 1) builder.seal();
    });
    builder.meta();
    for (const each of damages) this.#damage(each, segments.length);
    builder.write();
  }

  #damage({ segment, place, part, bytes, pattern }: DamagePlan, segments: number): void {
    const index = 1 + Math.floor(segment * segments);
    const { offset: lastOffset, bytes: lastBytes } = this.builder.blockOf(index, -1);
    const used = lastOffset + lastBytes;
    const file = this.builder.fileOf(index);
    const changed = this.#changed.get(index) ?? new Map<number, number>();
    this.#changed.set(index, changed);
    const [start, end] = { header: [0, 128], page: [128, 4096], blocks: [4096, used] }[part];
    const from = (start ?? 0) + Math.floor(place * ((end ?? 0) - (start ?? 0)));
    for (let at = from; at < Math.min(used, from + bytes); at++) {
      if (changed.has(at)) continue;
      changed.set(at, pattern);
      file[at] = (file[at] ?? 0) ^ pattern;
    }
  }

  #isChanged(index: number, from: number, to: number): boolean {
    return this.#changedBits(index, from, to) > 0;
  }

  #changedBits(index: number, from: number, to: number): number {
    let bits = 0;
    for (const [at, pattern] of this.#changed.get(index) ?? []) {
      if (at >= from && at < to) bits += pattern.toString(2).replaceAll('0', '').length;
    }
    return bits;
  }

  /** Whether the header is sound, or can be proven from what is left of it: see its repair. */
  #hasHeader(index: number): boolean {
    if (!this.builder.files.has(index)) return false;
    const first = this.builder.blockOf(index, 0);
    const hasSalt = !this.#isChanged(index, 56, 64);
    const blockTells = hasSalt && this.#isHeaderWhole(first);
    const firstIdIsKnown =
      blockTells ||
      first.firstEventId === 1 ||
      !this.#isChanged(index, 40, 48) ||
      !this.#isChanged(index, 72, 80);
    const isProven = blockTells || !this.#isChanged(index, 120, 128);
    const onlyThere = this.#changedBits(index, 56, 72) + this.#changedBits(index, 80, 96);
    return firstIdIsKnown && isProven && onlyThere <= 1;
  }

  #isWhole({ segmentIndex, offset, bytes }: BuiltBlock): boolean {
    return !this.#isChanged(segmentIndex, offset, offset + bytes);
  }

  #isHeaderWhole({ segmentIndex, offset }: BuiltBlock): boolean {
    return !this.#isChanged(segmentIndex, offset, offset + 64);
  }

  /** The ids that can be proven. */
  get expectedIds(): number[] {
    const ids: number[] = [];
    const count = this.builder.files.size;
    for (let index = 1; index <= count; index++) {
      if (!this.#hasHeader(index)) continue;
      const isPinned = this.#hasHeader(index + 1);
      const trusted = isPinned || index === count ? Number.POSITIVE_INFINITY : this.#trusted(index);
      let isContiguous = true;
      for (const block of this.builder.blocks) {
        if (block.segmentIndex !== index) continue;
        if (!this.#isWhole(block)) isContiguous = false;
        else if (block.kind === BlockKind.events && (isContiguous || lastIdOf(block) <= trusted)) {
          for (let id = block.firstEventId; id <= lastIdOf(block); id++) ids.push(id);
        }
      }
    }
    return ids;
  }

  /** Without a pin, what the file itself vouches for: by a sound seal, or a header's durable id. */
  #trusted(index: number): number {
    let trusted = 0;
    for (const block of this.builder.blocks) {
      if (block.segmentIndex !== index || !this.#isHeaderWhole(block)) continue;
      const isVouched = block.kind === BlockKind.seal ? this.#isWhole(block) : isWatermark(block);
      if (isVouched) trusted = Math.max(trusted, lastIdOf(block));
    }
    return trusted;
  }
}

const isWatermark = ({ kind }: BuiltBlock): boolean => kind === BlockKind.watermark;

function salvaged(dir: string) {
  const events: LoggedEvent[] = [];
  const gaps: SalvageGap[] = [];
  for (const item of salvage(dir)) {
    if (item.kind === 'event') events.push(item);
    else gaps.push(item);
  }
  return { events, gaps };
}

const hashOf = (dir: string): string => {
  const hash = createHash('sha256');
  for (const name of readdirSync(dir).sort()) hash.update(readFileSync(join(dir, name)));
  return hash.digest('hex');
};

const content = ({ type, timestampNs, payload }: LoggedEvent) => ({ type, timestampNs, payload });

async function check(some: Plan): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'flashstrike-property-'));
  const output = mkdtempSync(join(tmpdir(), 'flashstrike-property-'));
  try {
    const log = new DamagedLog(dir, some);
    const { lastEventId } = log.builder;
    const before = hashOf(dir);
    const { events, gaps } = salvaged(dir);
    const ids = events.map(({ eventId }) => eventId);
    assert.deepEqual(ids, log.expectedIds);
    for (const { eventId, type, timestampNs, payload } of events) {
      assert.equal(type, typeOf(eventId));
      assert.equal(timestampNs, timestampOf(eventId));
      assert.deepEqual(payload, payloadOf(eventId, payload.length));
    }
    // Events and gaps together are every id, each once.
    const missing = gaps.flatMap(({ firstEventId = 1, lastEventId: last, lost }) =>
      last === undefined
        ? []
        : Array.from({ length: lost ?? 0 }, (_, index) => firstEventId + index),
    );
    const all = Array.from({ length: lastEventId }, (_, index) => index + 1);
    assert.deepEqual(
      [...ids, ...missing].sort((a, b) => a - b),
      all,
    );

    const report = await salvageTo(dir, output);
    assert.deepEqual(report.gaps, gaps);
    assert.equal(report.lost, missing.length);
    const { ok, problems } = await verify(output);
    assert.deepEqual([ok, problems], [true, []]);
    const copied = [...replay(output)];
    assert.deepEqual(copied.map(content), events.map(content));
    const renamed = report.ranges.flatMap((range) =>
      Array.from({ length: range.lastEventId - range.firstEventId + 1 }, (_, index) => [
        range.firstEventId + index,
        range.newFirstEventId + index,
      ]),
    );
    assert.deepEqual(
      renamed,
      copied.map(({ eventId }, position) => [ids[position], eventId]),
    );
    assert.equal(hashOf(dir), before, 'the source is as it was');
  } finally {
    rmSync(dir, { recursive: true });
    rmSync(output, { recursive: true });
  }
}

test('random damage: all that was not hit comes back, in order, and gaps are all the rest', async () => {
  await fc.assert(fc.asyncProperty(plan, check), { numRuns: RUNS });
});

test('without damage: all events, no gap', async () => {
  const sound = plan.map((some) => ({ ...some, damages: [] }));
  await fc.assert(
    fc.asyncProperty(sound, async (some) => {
      await check(some);
      const dir = mkdtempSync(join(tmpdir(), 'flashstrike-property-'));
      try {
        new DamagedLog(dir, some);
        assert.deepEqual(salvaged(dir).gaps, []);
      } finally {
        rmSync(dir, { recursive: true });
      }
    }),
    { numRuns: 30 },
  );
});
