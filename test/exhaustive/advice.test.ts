// Logs damaged in each kind and position, read by all who tell of it; then every advice that was
// given is obeyed, each on a fresh copy of the damaged folder. What could be read before must be
// there after, and what the advice promises must hold.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { codeOf, WalError } from '../../src/errors.js';
import { type RecoveryReport, replay, salvage, salvageTo, verify } from '../../src/index.js';
import { ADVICE_WORDS, withoutRingAdvice } from '../../src/reading/advice.js';
import type { RecoveryMode } from '../../src/recovery/recover-log.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { SteppedLog } from '../support/stepped-log.js';

const SEGMENTS = 4;
const EVENTS_EACH = 6;
const MODES: readonly RecoveryMode[] = [
  'default',
  'strict',
  'tolerate-tail',
  'accept-loss',
  'accept-copy',
];

/** Three finished segments and one that is not, all durable, and a wal.meta that says so. */
function sound(dir: string, logId?: bigint): LogBuilder {
  const builder = new LogBuilder(dir, {
    payloadBytes: 700,
    ...(logId === undefined ? {} : { logId }),
  });
  for (let index = 1; index <= SEGMENTS; index++) {
    builder.segment();
    for (let block = 0; block < EVENTS_EACH / 2; block++) builder.events(2);
    if (index < SEGMENTS) builder.seal();
  }
  return builder.meta().write();
}

interface Folders {
  /** What a backup holds. */
  readonly backup: LogBuilder;
  readonly foreign: LogBuilder;
  /** To be damaged. */
  readonly dir: string;
}

interface Damage {
  readonly name: string;
  readonly make: (folders: Folders) => void;
  /** Names that were exchanged. */
  readonly swapped?: readonly [string, string];
}

const segment = (index: number): string => `${String(index).padStart(10, '0')}.wal`;

function change(path: string, how: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, how(bytes) ?? bytes);
}

/** Each kind, in the segment `index`. */
function damagesOf(index: number): Damage[] {
  const name = segment(index);
  const at = (dir: string) => join(dir, name);
  const kind = (what: string, make: Damage['make']): Damage => ({ name: `${what} ${name}`, make });
  const other = segment(index === SEGMENTS ? index - 1 : index + 1);
  return [
    kind('zeroed', ({ dir }) => change(at(dir), (bytes) => bytes.fill(0))),
    kind('emptied', ({ dir }) => writeFileSync(at(dir), '')),
    kind('cut', ({ dir }) => change(at(dir), (bytes) => bytes.subarray(0, 6000))),
    kind('flipped header', ({ dir }) => change(at(dir), (bytes) => bytes.fill(0xff, 0, 64))),
    ...[0, 1, 2].map((block) =>
      kind(`block ${block} and all behind it in`, ({ dir, backup }) =>
        change(at(dir), (bytes) => bytes.fill(0xee, backup.blockOf(index, block).offset + 90)),
      ),
    ),
    kind('one byte of block 1', ({ dir, backup }) =>
      change(at(dir), (bytes) => {
        const place = backup.blockOf(index, 1).offset + 90;
        bytes[place] = (bytes[place] ?? 0) ^ 1;
        return undefined;
      }),
    ),
    kind('zeros from block 1 on', ({ dir, backup }) =>
      change(at(dir), (bytes) => bytes.fill(0, backup.blockOf(index, 1).offset)),
    ),
    kind('foreign', ({ dir, foreign }) => copyFileSync(foreign.pathOf(index), at(dir))),
    kind('missing', ({ dir }) => rmSync(at(dir))),
    {
      name: `swapped ${name} and ${other}`,
      swapped: [name, other],
      make: ({ dir }) => {
        renameSync(at(dir), join(dir, 'x'));
        renameSync(join(dir, other), at(dir));
        renameSync(join(dir, 'x'), join(dir, other));
      },
    },
  ];
}

const META: readonly Damage[] = [
  { name: 'wal.meta missing', make: ({ dir }) => rmSync(join(dir, 'wal.meta')) },
  {
    name: 'wal.meta flipped',
    make: ({ dir }) => change(join(dir, 'wal.meta'), (b) => b.fill(7, 20, 30)),
  },
  {
    name: 'wal.meta foreign',
    make: ({ dir, foreign }) => copyFileSync(join(foreign.dir, 'wal.meta'), join(dir, 'wal.meta')),
  },
  {
    name: 'wal.meta and the last segment missing',
    make: ({ dir }) => {
      rmSync(join(dir, 'wal.meta'));
      rmSync(join(dir, segment(SEGMENTS)));
    },
  },
  {
    name: 'all segments missing',
    make: ({ dir }) => {
      for (let index = 1; index <= SEGMENTS; index++) rmSync(join(dir, segment(index)));
    },
  },
  {
    name: 'nothing but LOCK',
    make: ({ dir }) => {
      for (const name of readdirSync(dir)) rmSync(join(dir, name));
      writeFileSync(join(dir, 'LOCK'), JSON.stringify({ regions: [] }));
    },
  },
  {
    name: 'a torn tail that was never durable',
    make: ({ dir, backup }) => {
      const { offset } = backup.blockOf(SEGMENTS, -1);
      change(join(dir, segment(SEGMENTS)), (bytes) => bytes.fill(0xee, offset + 90, offset + 190));
      const older = new LogBuilder(dir);
      older
        .meta({ segmentIndex: SEGMENTS, durableEventId: 20, lastEventId: 20, offset: 5000 })
        .write();
    },
  },
  {
    name: 'a foreign segment behind the last one',
    make: ({ dir, foreign }) => {
      copyFileSync(foreign.pathOf(SEGMENTS), join(dir, segment(SEGMENTS + 1)));
    },
  },
];

const DAMAGES = [1, 2, 3, 4].flatMap(damagesOf).concat(META);

type Events = ReadonlyMap<number, string>;

/** Events up to the first error, which is returned, too. */
function replayed(dir: string): { readonly events: Events; readonly error: unknown } {
  const events = new Map<number, string>();
  try {
    for (const { eventId, payload } of replay(dir)) {
      events.set(eventId, Buffer.from(payload).toString('latin1'));
    }
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return { events, error };
  }
  return { events, error: undefined };
}

/** By payload, because a salvaged copy counts anew behind a gap. */
const salvaged = (dir: string): readonly string[] =>
  [...salvage(dir)].flatMap((item) =>
    item.kind === 'event' ? [Buffer.from(item.payload).toString('latin1')] : [],
  );

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

/** Opens the log on this thread, and closes it. */
function openedWith(dir: string, recovery: RecoveryMode): RecoveryReport {
  const log = new SteppedLog({ storage: nodeStorage }, dir, { recovery });
  log.close();
  return log.recovery;
}

/** Everything that anyone says of the folder; opens are tried on copies. */
async function told(dir: string, scratch: () => string): Promise<string[]> {
  const report = await verify(dir);
  const inspected = inspectLog(dir).segments.map(({ defect }) => defect ?? '');
  const gaps = [...salvage(dir)].flatMap((item) => (item.kind === 'gap' ? [item.message] : []));
  const opens: string[] = [];
  for (const mode of MODES) {
    const copy = scratch();
    cpSync(dir, copy, { recursive: true });
    try {
      opens.push(openedWith(copy, mode).advice);
    } catch (error) {
      assert.ok(error instanceof WalError, String(error));
      opens.push(error.message);
    }
  }
  const problems = report.problems.map(({ message }) => message);
  return [
    report.advice,
    ...problems,
    messageOf(replayed(dir).error),
    ...inspected,
    ...gaps,
    ...opens,
  ];
}

interface Case extends Folders {
  readonly damage: Damage;
  readonly before: Events;
  readonly scratch: () => string;
}

/** Puts back whatever the backup has and the folder lacks or has otherwise. */
async function restoreAll({ dir, backup }: Case): Promise<void> {
  for (const name of readdirSync(backup.dir)) copyFileSync(join(backup.dir, name), join(dir, name));
  const last = segment(SEGMENTS + 1);
  if (readdirSync(dir).includes(last))
    renameSync(join(dir, last), join(backup.dir, 'kept-elsewhere'));
  const { events, error } = replayed(dir);
  assert.equal(error, undefined);
  assert.equal(events.size, SEGMENTS * EVENTS_EACH);
  assert.ok((await verify(dir)).ok);
}

/** What the advice says of opening; undefined: the log need not open so. */
const openAs =
  (mode: RecoveryMode, isSalvagedBefore = false) =>
  async ({ dir, before, scratch }: Case): Promise<void> => {
    const saved = salvaged(dir);
    if (isSalvagedBefore) await saves({ dir, before, scratch } as Case);
    openedWith(dir, mode);
    const { events } = replayed(dir);
    for (const [eventId, payload] of before)
      assert.equal(events.get(eventId), payload, `${eventId}`);
    if (isSalvagedBefore) return;
    const now = new Set(salvaged(dir));
    assert.deepEqual(
      saved.filter((payload) => !now.has(payload)),
      [],
      'what salvage gave is gone',
    );
  };

/** The salvaged copy has all that salvage gives, which is all that replay gives and more. */
async function saves({ dir, before, scratch }: Case): Promise<void> {
  const output = scratch();
  await salvageTo(dir, output);
  const kept = new Set(salvaged(dir));
  for (const [eventId, payload] of before) assert.ok(kept.has(payload), `event ${eventId}`);
  const copied = replayed(output);
  assert.equal(copied.error, undefined);
  assert.deepEqual([...copied.events.values()], salvaged(dir));
}

async function namesBack(given: Case): Promise<void> {
  const { swapped } = given.damage;
  if (swapped === undefined) return restoreAll(given);
  const [a, b] = swapped.map((name) => join(given.dir, name)) as [string, string];
  renameSync(a, `${a}.x`);
  renameSync(b, a);
  renameSync(`${a}.x`, b);
  assert.equal(replayed(given.dir).events.size, SEGMENTS * EVENTS_EACH);
}

const nothing = async ({ dir, before }: Case): Promise<void> => {
  const { events } = replayed(dir);
  assert.deepEqual(events, before);
};

type Advice = keyof typeof ADVICE_WORDS;

/** How each advice is obeyed. A new one is a compile error here. */
const OBEY: Readonly<Record<Advice, (given: Case) => Promise<void>>> = {
  nothing,
  restore: restoreAll,
  restoreNamed: restoreAll,
  restoreMeta: restoreAll,
  putBack: restoreAll,
  renameBack: namesBack,
  ownFile: restoreAll,
  ownMeta: restoreAll,
  metaBack: restoreAll,
  beginAnew: openAs('tolerate-tail'),
  withoutTail: openAs('default', true),
  withoutRing: async () => assert.match(withoutRingAdvice, /the ring, which is kept/),
  acceptLoss: openAs('accept-loss'),
  acceptCopy: openAs('accept-copy', true),
  openCopy: nothing,
  copyOpened: nothing,
  lossOpened: restoreAll,
  salvage: saves,
};

/** Met elsewhere: by a ring that waits, and in a folder that provably is a copy. */
const ELSEWHERE: readonly Advice[] = ['withoutRing', 'openCopy'];

const met = new Set<Advice>();

for (const damage of DAMAGES) {
  test(`${damage.name}: no advice costs an event when it is obeyed`, async (t) => {
    const backup = sound(temporaryFolder(t));
    const foreign = sound(temporaryFolder(t), 0x99n);
    const damaged = join(temporaryFolder(t), 'log');
    cpSync(backup.dir, damaged, { recursive: true });
    damage.make({ backup, foreign, dir: damaged });
    const root = temporaryFolder(t);
    let copies = 0;
    const scratch = (): string => join(root, String(++copies));

    const messages = await told(damaged, scratch);
    const { events: before } = replayed(damaged);
    const advices = new Set<Advice>();
    for (const message of messages) {
      for (const advice of Object.keys(ADVICE_WORDS) as Advice[]) {
        if (message.includes(ADVICE_WORDS[advice])) advices.add(advice);
      }
    }
    assert.ok(advices.size > 0);
    for (const advice of advices) {
      met.add(advice);
      const dir = scratch();
      cpSync(damaged, dir, { recursive: true });
      try {
        await OBEY[advice]({ backup, foreign, dir, damage, before, scratch });
      } catch (error) {
        const text = messages.find((message) => message.includes(ADVICE_WORDS[advice]));
        assert.fail(`${advice} (${text}): ${codeOf(error) ?? ''} ${messageOf(error)}`);
      }
    }
  });
}

test('every advice was met', () => {
  const unmet = (Object.keys(ADVICE_WORDS) as Advice[]).filter((each) => !met.has(each));
  assert.deepEqual(unmet.sort(), [...ELSEWHERE].sort());
});

after(() => met.clear());
