import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WalError } from '../../errors.js';
import { KIB, MIB } from '../../units.js';
import type { WalOptions } from '../threads/wal-options.js';
import { largestEventBytes } from './event-limit.js';
import { describe as inWords, resolveOptions } from './options.js';

const GIB = 1024 * MIB;

/** The error of `resolveOptions`, which must be one that a user can act on. */
function refusal(options: unknown): WalError {
  let error: unknown;
  try {
    resolveOptions(options);
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof WalError, `${inWords(options)} was accepted`);
  assert.equal(error.code, 'ERR_FLASHSTRIKE_INVALID_OPTION');
  return error;
}

test('without options the defaults hold', () => {
  const defaults = {
    segmentBytes: 64 * MIB,
    ringBytes: 16 * MIB,
    maxEventBytes: MIB - 88,
    preparedSegments: 2,
    preallocate: 'zero',
    sync: { mode: 'interval', intervalMs: 10, maxUnsyncedBytes: 8 * 2 ** 20 },
    stallTimeoutMs: 10_000,
    stallThresholdMs: 100,
    threads: 'shared',
    timestamps: 'precise',
    recovery: 'default',
    verify: 'tail',
    oldRing: 'refuse',
    sharedMemory: 'auto',
    sharedMemoryDirectory: '/dev/shm',
    appendSampling: 64,
    retention: undefined,
    compression: 'none',
    hotSegments: 4,
    create: true,
    lockTimeoutMs: 0,
    lock: 'flock',
  };
  assert.deepEqual(resolveOptions(), defaults);
  assert.deepEqual(resolveOptions({}), defaults);
  const undefinedOnes = { segmentBytes: undefined, sync: undefined, create: undefined };
  assert.deepEqual(resolveOptions(undefinedOnes), defaults, 'undefined is not given');
  assert.deepEqual(resolveOptions({ sync: {} }), defaults);
});

test('what is resolved cannot be changed any more', () => {
  assert.ok(Object.isFrozen(resolveOptions()));
});

test('the limits themselves are accepted', () => {
  const limits: readonly object[] = [
    { segmentBytes: 64 * KIB },
    { segmentBytes: GIB },
    { ringBytes: 64 * KIB },
    { ringBytes: GIB },
    { retention: { segments: 1, bytes: 64 * KIB, ageMs: 1 } },
    { preparedSegments: 1 },
    { preparedSegments: 4 },
    { preallocate: 'recycle' },
    { preallocate: 'allocate' },
    { sync: { mode: 'manual' } },
    { sync: { mode: 'every-block' } },
    { sync: { intervalMs: 1 } },
    { sync: { intervalMs: 3_600_000 } },
    { sync: { maxUnsyncedBytes: 64 * 1024 } },
    { sync: { maxUnsyncedBytes: 2 ** 30 } },
    { stallTimeoutMs: 0 },
    { stallThresholdMs: 0 },
    { stallTimeoutMs: 2 ** 31 - 1 },
    { maxEventBytes: 1 },
    { maxEventBytes: MIB - 88 },
    { maxEventBytes: 4 * MIB - 88 },
    { appendSampling: 1 },
    { timestamps: 'coarse' },
    { recovery: 'strict' },
    { recovery: 'tolerate-tail' },
    { sharedMemory: 'off' },
    { sharedMemory: 'required' },
    { sharedMemoryDirectory: '/tmp' },
    { create: false },
    { lock: 'none' },
  ];
  for (const options of limits) {
    const resolved: object = resolveOptions(options);
    for (const [name, value] of Object.entries(options)) {
      const expected = name === 'sync' ? { ...resolveOptions().sync, ...value } : value;
      assert.deepEqual(Reflect.get(resolved, name), expected);
    }
  }
});

describe('a message names the option and what it was given', () => {
  const NUMBERS: Readonly<Record<string, readonly unknown[]>> = {
    segmentBytes: [
      0,
      1,
      -4096,
      64 * KIB - 4096,
      64 * KIB + 1,
      100_000,
      GIB + 4096,
      2 ** 31,
      2 ** 53,
    ],
    ringBytes: [0, 1, 32 * KIB, 65_537, 96 * KIB, 2 * GIB, 2 ** 40],
    maxEventBytes: [0, -1, 4 * MIB, 2 ** 32],
    preparedSegments: [0, 5, -1, 2 ** 32 + 1],
    preallocate: ['none', '', true, 0],
    stallTimeoutMs: [-1, 2 ** 31],
    stallThresholdMs: [-1, 0.5, 3_600_001],
    appendSampling: [-1, 2 ** 30 + 1],
    'sync.intervalMs': [0, -1, 3_600_001],
  };
  const NOT_INTEGERS = [1.5, Number.NaN, Number.POSITIVE_INFINITY, '65536', 65536n, true, [], {}];
  const CHOICES: readonly string[] = [
    'timestamps',
    'recovery',
    'sharedMemory',
    'lock',
    'sync.mode',
  ];
  const NOT_CHOICES = ['', 'none of these', 'Strict', 0, true, {}, ['off']];

  const given = (name: string, value: unknown): object => {
    const [outer = '', inner] = name.split('.');
    return { [outer]: inner === undefined ? value : { [inner]: value } };
  };

  function check(name: string, value: unknown): void {
    const { message } = refusal(given(name, value));
    assert.ok(message.includes(name), message);
    assert.ok(message.includes(inWords(value)), message);
  }

  for (const [name, outOfRange] of Object.entries(NUMBERS)) {
    test(`${name}: too small, too large, or no integer`, () => {
      for (const value of [...outOfRange, ...NOT_INTEGERS]) check(name, value);
    });
  }

  for (const name of CHOICES) {
    test(`${name}: not one of the words`, () => {
      for (const value of NOT_CHOICES) check(name, value);
    });
  }

  test('recovery: salvage reads and opens nothing, and is told as such', () => {
    const options = { recovery: 'salvage' } as unknown as WalOptions;
    assert.throws(() => resolveOptions(options), {
      code: 'ERR_FLASHSTRIKE_INVALID_OPTION',
      message: /'salvage' cannot open a log.*salvage\(dir\).*flashstrike salvage/,
    });
  });

  test('create: neither true nor false', () => {
    for (const value of ['yes', 1, 0, {}]) check('create', value);
  });

  test('sharedMemoryDirectory: no path', () => {
    for (const value of ['', 'a\0b', 5, {}, true]) check('sharedMemoryDirectory', value);
  });

  test('sync: no object', () => {
    for (const value of ['manual', 10, null, true]) check('sync', value);
  });

  test('ringBytes: no power of two is told as such', () => {
    assert.match(refusal({ ringBytes: 96 * KIB }).message, /power of two/);
  });

  test('segmentBytes: no multiple of a page is told as such', () => {
    assert.match(refusal({ segmentBytes: 64 * KIB + 8 }).message, /multiple of 4096/);
  });

  test('a string is shown in quotes and not at any length', () => {
    const { message } = refusal({ recovery: 'x'.repeat(100_000) });
    assert.ok(message.length < 500);
    assert.match(message, /"x+"/);
  });
});

describe('unknown options', () => {
  test('are refused, and those that there are are told', () => {
    const { message } = refusal({ segmentbytes: 1 });
    assert.match(message, /segmentbytes/);
    assert.match(message, /\bsegmentBytes\b/);
  });

  test('are refused inside of sync too', () => {
    assert.match(refusal({ sync: { interval: 1 } }).message, /sync\.interval\b/);
  });

  test('that every object inherits are not taken for options', () => {
    for (const name of ['constructor', 'toString', '__proto__x', 'hasOwnProperty']) {
      assert.match(refusal({ [name]: 1 }).message, new RegExp(name));
    }
  });

  test('with a value of undefined are unknown all the same', () => {
    refusal({ fsync: undefined });
  });
});

test('options must be an object', () => {
  for (const value of [null, 5, 'text', [], true, () => {}]) {
    assert.match(refusal(value).message, /options must be an object/);
  }
});

describe('an event must fit', () => {
  test('a quarter of the ring, 64 MiB, and a fresh segment, whichever is the least', () => {
    assert.equal(largestEventBytes(64 * KIB, 64 * MIB), 16 * KIB - 88);
    assert.equal(largestEventBytes(16 * MIB, 64 * MIB), 4 * MIB - 88);
    assert.equal(largestEventBytes(GIB, 64 * MIB), 64 * MIB - 36 * KIB - 88);
    assert.equal(largestEventBytes(GIB, GIB), 64 * MIB);
    assert.equal(largestEventBytes(GIB, 64 * KIB), 28 * KIB - 88);
  });

  test('a limit above that is refused with the numbers of this ring and segment', () => {
    const small = { ringBytes: 64 * KIB, maxEventBytes: 16 * KIB - 87 };
    assert.match(refusal(small).message, /maxEventBytes must be an integer from 1 to 16296;/);
    assert.equal(resolveOptions({ ...small, maxEventBytes: 16_296 }).maxEventBytes, 16_296);
  });
});
