import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { fc } from '../test/support/properties.js';
import {
  AssertionFailure,
  assert as assertInvariant,
  codeOf,
  deserializeError,
  ERROR_CODES,
  type ErrorCode,
  isError,
  isNoSpace,
  isOperational,
  limitError,
  messageOf,
  neededPermission,
  printable,
  serializeError,
  systemCode,
  WalError,
} from './errors.js';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });

describe('the table of codes', () => {
  const codes = Object.keys(ERROR_CODES);

  test('is sorted, and every code has the prefix', () => {
    assert.deepEqual(codes, [...codes].sort());
    for (const code of codes) assert.match(code, /^ERR_FLASHSTRIKE(_[A-Z]+)+$/);
  });

  test('explains each code in a sentence', () => {
    for (const text of Object.values(ERROR_CODES)) assert.match(text, /^\S.*[^.]\.$/);
    assert.equal(new Set(Object.values(ERROR_CODES)).size, codes.length);
  });
});

describe('WalError', () => {
  test('carries code, path, offset and cause', () => {
    const cause = systemError('EIO');
    const error = new WalError('ERR_FLASHSTRIKE_IO', 'Cannot write.', {
      path: '/log/0000000001.wal',
      offset: 4096,
      cause,
    });
    assert.ok(error instanceof Error);
    assert.equal(String(error), 'WalError: Cannot write.');
    const { code, path, offset } = error;
    assert.deepEqual(
      { code, path, offset, cause: error.cause },
      { code: 'ERR_FLASHSTRIKE_IO', path: '/log/0000000001.wal', offset: 4096, cause },
    );
  });

  test('has no cause at all when none is given', () => {
    assert.equal('cause' in new WalError('ERR_FLASHSTRIKE_CLOSED', 'Closed.'), false);
  });
});

describe('an error that crosses threads', () => {
  const details = fc.record(
    {
      path: fc.string(),
      offset: fc.nat(),
      cause: fc.option(fc.constantFrom(systemError('ENOSPC'), new Error('plain'))),
    },
    { requiredKeys: [] },
  );
  const anyError = fc
    .tuple(
      fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[])),
      fc.string(),
      details,
      fc.boolean(),
    )
    .map(([code, message, { path, offset, cause }, wrapped]) => {
      const inner = new WalError(code, message, { path, offset, cause: cause ?? undefined });
      return wrapped ? new WalError('ERR_FLASHSTRIKE_FAILED', 'outer', { cause: inner }) : inner;
    });

  test('is the same on the other side, by structured clone and by JSON', () => {
    fc.assert(
      fc.property(anyError, (error) => {
        const data = serializeError(error);
        for (const copy of [structuredClone(data), JSON.parse(JSON.stringify(data))]) {
          const back = deserializeError(copy);
          assert.ok(back instanceof WalError);
          assert.deepEqual(serializeError(back), data);
          assert.equal(back.message, error.message);
        }
      }),
    );
  });

  test('keeps the code of the system, through any number of causes', () => {
    const cause = new WalError('ERR_FLASHSTRIKE_IO', 'io', { cause: systemError('EDQUOT') });
    const back = deserializeError(
      serializeError(new WalError('ERR_FLASHSTRIKE_FAILED', 'failed', { cause })),
    );
    assert.ok(back instanceof WalError && back.cause instanceof WalError);
    assert.equal(systemCode(back.cause.cause), 'EDQUOT');
    assert.equal(isNoSpace(back), true);
  });

  test('is no WalError when its code is not ours', () => {
    const back = deserializeError({ code: 'toString', message: 'strange' });
    assert.equal(back instanceof WalError, false);
    assert.equal(codeOf(back), 'toString');
  });

  test('may be anything that was thrown', () => {
    assert.deepEqual(serializeError('text'), { code: 'ERR_UNKNOWN', message: 'text' });
    assert.deepEqual(serializeError(undefined), { code: 'ERR_UNKNOWN', message: 'undefined' });
    assert.deepEqual(serializeError(systemError('EIO')), { code: 'EIO', message: 'EIO: write' });
  });
});

describe('systemCode', () => {
  const thrown = (code: unknown, errno?: unknown): Error =>
    Object.assign(new Error('thrown'), { code, ...(errno === undefined ? {} : { errno }) });

  // Node's write, its writev and its fdatasync do not agree: EDQUOT is none of libuv's errors.
  test('names what Node has no name for by its number', () => {
    assert.equal(systemCode(thrown('UNKNOWN', -122)), 'EDQUOT');
    assert.equal(systemCode(thrown('Unknown system error -122', -122)), 'EDQUOT');
    assert.equal(isNoSpace(thrown('UNKNOWN', -122)), true);
  });

  test('is none for wrong calls, broken invariants, and what other parts of Node say', () => {
    for (const code of ['ERR_ASSERTION', 'ERR_INVALID_ARG_TYPE', 'Z_DATA_ERROR', 'toString']) {
      assert.equal(systemCode(thrown(code)), undefined);
      assert.equal(codeOf(thrown(code)), code);
      assert.equal(isOperational(thrown(code)), false);
    }
    assert.equal(isOperational(new AssertionFailure('broken')), false);
    assert.equal(isOperational(new TypeError('wrong')), false);
    assert.equal(isOperational(thrown('EIO')), true);
    assert.equal(isOperational(thrown('EAI_AGAIN')), true);
    assert.equal(isOperational(new WalError('ERR_FLASHSTRIKE_IO', 'io')), true);
  });

  test('leaves every other code of the system as it is', () => {
    assert.equal(systemCode(thrown('EIO', -122)), 'EIO');
    assert.equal(systemCode(thrown('UNKNOWN')), 'UNKNOWN');
    assert.equal(systemCode(thrown('UNKNOWN', -99_999)), 'UNKNOWN');
    assert.equal(systemCode(thrown(5)), undefined);
    assert.equal(systemCode('EIO'), undefined);
  });
});

describe('isNoSpace', () => {
  test('is true for a full disk, a full quota, and our errors about them', () => {
    const full = new WalError('ERR_FLASHSTRIKE_NO_SPACE', 'Full.');
    const wrapped = new WalError('ERR_FLASHSTRIKE_IO', 'io', { cause: systemError('ENOSPC') });
    for (const error of [systemError('ENOSPC'), systemError('EDQUOT'), full, wrapped]) {
      assert.equal(isNoSpace(error), true);
    }
  });

  test('is false for every other error, and for what is none', () => {
    const others = [
      systemError('EIO'),
      new WalError('ERR_FLASHSTRIKE_IO', 'io', { cause: systemError('EFBIG') }),
      new Error('ENOSPC'),
      { code: 'ENOSPC' },
      Object.assign(new Error('number'), { code: 28 }),
      undefined,
    ];
    for (const error of others) assert.equal(isNoSpace(error), false);
  });
});

describe('assert', () => {
  test('stops on a broken invariant with a code that no operating failure has', () => {
    assertInvariant(true, 'never seen');
    assert.throws(() => assertInvariant(false, 'ids skip from 4 to 6'), {
      name: 'AssertionFailure',
      code: 'ERR_ASSERTION',
      message: 'ids skip from 4 to 6',
    });
    assert.equal(new AssertionFailure('x') instanceof WalError, false);
  });
});

describe('printable', () => {
  const codePoints = fc.array(
    fc.oneof(fc.nat(0x10ffff), fc.nat(0x9f), fc.integer({ min: 0x2000, max: 0x206f })),
  );

  test('spells what could steer a terminal or hide text', () => {
    assert.equal(printable('\x1b]0;title\x07'), '\\u{1b}]0;title\\u{7}');
    assert.equal(printable('a\nb\r\tc\0'), 'a\\u{a}b\\u{d}\\u{9}c\\u{0}');
    assert.equal(printable('\u009b31m'), '\\u{9b}31m');
    assert.equal(printable('user\u202egnp.exe\u2066'), 'user\\u{202e}gnp.exe\\u{2066}');
    assert.equal(printable('\u2028\u2029\ufeff\u200b'), '\\u{2028}\\u{2029}\\u{feff}\\u{200b}');
    assert.equal(printable('\ud800'), '\\u{d800}');
    assert.equal(printable('\u{e0041}'), '\\u{e0041}');
  });

  test('leaves readable text of any script alone', () => {
    const text = 'Zürich 東京 عربى "quoted" \\ 😀';
    assert.equal(printable(text), text);
  });

  test('leaves nothing behind that steers, whatever it is given', () => {
    fc.assert(
      fc.property(codePoints, (points) => {
        const text = String.fromCodePoint(...points);
        assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        assert.equal(printable(printable(text)), printable(text));
      }),
    );
  });
});

test('a limit that was met is told by its name and its remedy', () => {
  const met = (code: string, message = code): readonly (string | undefined)[] => {
    const error = limitError('/log', Object.assign(new Error(message), { code }));
    return [error?.code, error?.message];
  };
  for (const [error, remedy] of [
    [met('EMFILE'), /open files \(ulimit -n\)/],
    [met('ENFILE'), /fs\.file-max/],
    [met('ENOMEM'), /memory .*vm\.max_map_count/],
    [met('EAGAIN'), /threads .*pids\.max/],
    [met('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE'), /ulimit -n/],
    [met('ERR_WORKER_INIT_FAILED', 'Worker initialization failure'), /threads or memory/],
    [met('', 'Array buffer allocation failed'), /memory/],
  ] as const) {
    const [code, message = ''] = error;
    assert.equal(code, 'ERR_FLASHSTRIKE_RESOURCES');
    assert.match(message, remedy);
    assert.match(message, /^\/log: .*Raise the limit, then open the log again\.$/);
  }
  assert.deepEqual(met('ENOSPC'), [undefined, undefined]);
  const ours = new WalError('ERR_FLASHSTRIKE_IO', 'EMFILE');
  assert.equal(limitError('/log', ours), undefined, 'what has a code of ours keeps it');
  const cause = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  const about = new WalError('ERR_FLASHSTRIKE_IO', 'Reading failed.', { cause });
  const limit = limitError('/log', about);
  assert.equal(limit?.code, 'ERR_FLASHSTRIKE_RESOURCES', 'unless a limit is behind it');
  assert.equal(limit?.cause, cause);
  assert.equal(limitError('/log', limit), limit);
});

describe('an error of another realm', () => {
  /** As Node's own look to a module that was loaded into a context of its own. */
  const foreign = (code: string): unknown =>
    runInNewContext(`Object.assign(new Error('it says'), { code: '${code}', errno: -2 })`);

  test('is judged like one of this realm', () => {
    const error = foreign('ENOENT');
    assert.ok(!(error instanceof Error));
    assert.ok(isError(error));
    assert.equal(codeOf(error), 'ENOENT');
    assert.equal(systemCode(error), 'ENOENT');
    assert.equal(messageOf(error), 'it says');
    assert.ok(isOperational(error));
    assert.ok(isNoSpace(foreign('ENOSPC')));
    assert.deepEqual(serializeError(error), { code: 'ENOENT', message: 'it says' });
  });

  test('is not what only looks like one', () => {
    for (const value of [{ code: 'ENOENT', message: 'x' }, 'ENOENT', null, undefined]) {
      assert.ok(!isError(value));
      assert.equal(codeOf(value), undefined);
    }
  });
});

test('what the permission model of Node refuses is no access, and the option is known', () => {
  const refused = (permission: string) =>
    Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED', permission });
  assert.equal(systemCode(refused('FileSystemRead')), 'EACCES');
  assert.equal(neededPermission(refused('FileSystemRead')), '--allow-fs-read');
  assert.equal(neededPermission(refused('FileSystemWrite')), '--allow-fs-write');
  assert.equal(neededPermission(refused('WorkerThreads')), '--allow-worker');
  assert.equal(neededPermission(new Error('x')), undefined);
});
