// `flashstrike report`: what is in the file, of logs in every state, and what must not be.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { EVENTS, leftByKill, openElsewhere } from '../support/attached-log.js';
import { cannotBeNobody, NOBODY } from '../support/nobody.js';
import { flashstrike, MAIN, temporaryFolder } from './cli-process.js';

const CANARY = 'canary';
const ENVIRONMENT = { FLASHSTRIKE_SECRET: `${CANARY}-environment` };

interface Document {
  readonly format: string;
  readonly versions: Record<string, unknown>;
  readonly machine: Record<string, unknown>;
  readonly log: Record<string, unknown>;
  readonly verdict?: Record<string, unknown>;
  readonly troubles: Record<string, unknown>;
  readonly telemetry: Record<string, unknown>;
  readonly stalls: Record<string, unknown>;
}

/** The report on `directory`, as JSON and as people read it. */
async function reportOn(
  context: TestContext,
  directory: string,
  ...args: string[]
): Promise<{ readonly document: Document; readonly text: string; readonly all: string }> {
  const folder = temporaryFolder(context);
  const files = [join(folder, 'report.json'), join(folder, 'report.txt')] as const;
  const home = join(folder, `${CANARY}-home`);
  const environment = { ...ENVIRONMENT, HOME: home, USER: `${CANARY}user` };
  for (const [index, output] of files.entries()) {
    const form = index === 0 ? ['--json'] : [];
    const all = ['report', directory, '--output', output, ...form, ...args];
    const { code, stdout, stderr } = await flashstrike(all, '', environment);
    assert.equal(code, 0, stderr);
    assert.equal(String(stdout), '');
    assert.match(stderr, /^written: .*; read it before you send it\n$/);
  }
  const [json, text] = files.map((file) => readFileSync(file, 'utf8'));
  const document: Document = JSON.parse(json ?? '');
  assert.equal(document.format, 'flashstrike-report-1');
  return { document, text: text ?? '', all: `${json}${text}` };
}

/** Folder, payloads, consumers, stray files: everything has a canary in its name. */
async function canaryLog(context: TestContext): Promise<string> {
  const directory = join(temporaryFolder(context), `${CANARY} of mine`, `${CANARY}-orders`);
  mkdirSync(directory, { recursive: true });
  const options = mappedOptions(context);
  const wal = await Wal.open(directory, { ...options, segmentBytes: 64 * 1024 });
  for (let left = 3000; left > 0; left--) wal.append(Buffer.from(`${CANARY}-payload-${left}`));
  await wal.durable();
  for (const name of [`${CANARY}-billing`, 'ab']) {
    const consumer = await wal.registerConsumer(name, { from: 1 });
    await consumer.acknowledge(5);
    await consumer.close();
  }
  await wal.close();
  writeFileSync(join(directory, `${CANARY}-passwords.txt`), `${CANARY}-content`);
  return directory;
}

function assertClean(all: string): void {
  const at = all.toLowerCase().indexOf(CANARY);
  assert.equal(at, -1, all.slice(Math.max(0, at - 200), at + 100));
  const host = hostname();
  // One that is a word or a number may be anywhere.
  const isTelling = /\d/.test(host) && /[a-z].*[a-z].*[a-z]/i.test(host);
  if (isTelling) assert.ok(!all.includes(host), 'the name of the host');
  const { username } = userInfo();
  if (username !== 'root') assert.ok(!all.includes(username), 'the name of the user');
  for (const value of Object.values(process.env)) {
    // Shorter ones are words and numbers that may be anywhere.
    if (value === undefined || value.length < 16) continue;
    assert.ok(!all.includes(value), `the value of an environment variable: ${value}`);
  }
}

const segmentIn = (directory: string, which: number): string =>
  join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith('.wal'))
      .at(which) ?? '',
  );

describe('flashstrike report', { skip: cannotMap, timeout: 900_000 }, () => {
  test('of a log that is open: telemetry, what is wrong, verdict, segments, machine, versions', async (context) => {
    const { directory } = await openElsewhere(context);
    const { document, text } = await reportOn(context, directory);
    const { versions, machine, log, verdict, troubles, telemetry } = document;
    assert.equal(versions['node'], process.versions.node);
    assert.match(String(versions['flashstrike']), /^\d+\.\d+\.\d+/);
    assert.equal(machine['platform'], 'linux');
    assert.ok(Number(machine['cores']) > 0 && Number(machine['memoryBytes']) > 0);
    for (const place of ['folder', 'sharedMemory']) {
      const { fileSystem, mountOptions } = machine[place] as Record<string, unknown>;
      assert.ok(typeof fileSystem === 'string' && Array.isArray(mountOptions), place);
    }
    assert.equal(log['locked'], true);
    assert.match(String(log['logId']), /^[0-9a-f]{16}$/);
    assert.equal((log['region'] as Record<string, unknown>)['status'], 'in-use');
    assert.ok((log['segments'] as unknown[]).length >= 1);
    assert.equal(verdict?.['verdict'], 'clean');
    // What a busy machine does to a log is told as well.
    assert.ok(Array.isArray(troubles['troubles']));
    assert.equal(telemetry['status'], 'running');
    assert.equal(telemetry['durableEventId'], EVENTS);
    assert.ok(Object.keys(telemetry['recorder'] as object).length > 4);
    const stalls = document.stalls['stalls'];
    assert.ok(Array.isArray(stalls) && Array.isArray(document.stalls['intervals']));
    const parts = ['versions', 'machine', 'log', 'verdict', 'troubles', 'telemetry', 'stalls'];
    for (const part of parts) {
      assert.match(text, new RegExp(`^== ${part}$`, 'm'));
    }
  });

  test('holds no payload, no consumer, no path, no name and no value of the environment', async (context) => {
    const directory = await canaryLog(context);
    const { document, all } = await reportOn(context, directory);
    assertClean(all);
    const consumers = document.log['consumers'] as { name: string; state: string }[];
    assert.deepEqual(
      consumers.map(({ name, state }) => [name, state]),
      [
        ['consumer-1', 'active'],
        ['consumer-2', 'active'],
      ],
    );
    const others = document.log['otherNames'] as { name: string; kind: string }[];
    assert.ok(others.some(({ name, kind }) => name === '<file>' && kind === 'unknown'));
  });

  test('nor the name of its folder where that was given as a relative path', async (context) => {
    const directory = await canaryLog(context);
    const output = join(temporaryFolder(context), 'report.json');
    const args = ['report', `./${basename(directory)}`, '--json', '--output', output];
    const { code, stderr } = await flashstrike(args, '', ENVIRONMENT, dirname(directory));
    assert.equal(code, 0, stderr);
    assertClean(readFileSync(output, 'utf8'));
  });

  test('of a user whom the system does not know, without a home', {
    skip: cannotBeNobody,
  }, async (context) => {
    const directory = await canaryLog(context);
    for (const path of [directory, dirname(directory), dirname(dirname(directory))]) {
      chmodSync(path, 0o755);
    }
    const folder = temporaryFolder(context);
    chmodSync(folder, 0o777);
    const output = join(folder, 'report.json');
    const user = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', '--'];
    const [command = '', ...args] = [...user, process.execPath, MAIN, 'report', directory];
    const { PATH } = process.env;
    const made = spawnSync(command, [...args, '--json', '--output', output], {
      encoding: 'utf8',
      env: { PATH },
    });
    assert.equal(made.status, 0, made.stderr);
    assertClean(readFileSync(output, 'utf8'));
  });

  test('nor of a log that is damaged, although the words for that name its files', async (context) => {
    const directory = await canaryLog(context);
    const segment = segmentIn(directory, 0);
    const bytes = readFileSync(segment);
    bytes.fill(0xa5, 6000, 6100);
    writeFileSync(segment, bytes);
    truncateSync(segmentIn(directory, -1), 5000);
    writeFileSync(join(directory, `${CANARY}-billing.consumer`), `${CANARY} torn`);
    const { document, all } = await reportOn(context, directory);
    assertClean(all);
    assert.equal(document.verdict?.['verdict'], 'corruption');
    const [problem] = document.verdict['problems'] as {
      file: string;
      code: string;
      message: string;
    }[];
    assert.match(problem?.code ?? '', /^ERR_FLASHSTRIKE_/);
    assert.match(problem?.message ?? '', /<log>/);
    assert.match(JSON.stringify(document.telemetry), /ERR_FLASHSTRIKE_NO_TELEMETRY/);
  });

  test('of a log whose process was killed', async (context) => {
    const { directory } = await leftByKill(context);
    const { document } = await reportOn(context, directory);
    assert.equal(document.telemetry['status'], 'dead');
    const [trouble] = document.troubles['troubles'] as { text: string; severity: string }[];
    assert.match(trouble?.text ?? '', /ended without closing/);
    assert.equal((document.log['region'] as Record<string, unknown>)['status'], 'waiting');
  });

  test('of a log without wal.meta, and of one whose LOCK is nonsense', async (context) => {
    const directory = await canaryLog(context);
    rmSync(join(directory, 'wal.meta'));
    writeFileSync(join(directory, 'LOCK'), `${CANARY} \u001b[2J nonsense`);
    const { document, all } = await reportOn(context, directory);
    assertClean(all);
    assert.ok(!all.includes('\u001b'), 'nothing that a terminal obeys');
    assert.deepEqual(document.log['meta'], { status: 'missing' });
    assert.ok(document.verdict !== undefined);
  });

  test('of a log that this user must not read: all that can be said', {
    skip: cannotBeNobody,
  }, async (context) => {
    const directory = await canaryLog(context);
    chmodSync(directory, 0o700);
    for (const above of [dirname(directory), dirname(dirname(directory))]) chmodSync(above, 0o755);
    const folder = temporaryFolder(context);
    chmodSync(folder, 0o777);
    const output = join(folder, 'report.json');
    const [command = '', ...args] = [...NOBODY, process.execPath, MAIN, 'report', directory];
    const made = spawnSync(command, [...args, '--json', '--output', output], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const document: Document = JSON.parse(readFileSync(output, 'utf8'));
    assert.ok(Number(document.machine['cores']) > 0);
    assert.match(JSON.stringify(document.log), /ERR_FLASHSTRIKE_ACCESS/);
    assertClean(JSON.stringify(document));
  });

  test('without reading all segments, on request', async (context) => {
    const directory = await canaryLog(context);
    const { document } = await reportOn(context, directory, '--skip-verify');
    assert.equal(document.verdict, undefined);
    assert.ok((document.log['segments'] as unknown[]).length > 1);
  });

  test('names its file by log and time, for this user alone, and overwrites none', async (context) => {
    const { directory } = await openElsewhere(context);
    const output = join(temporaryFolder(context), 'mine.txt');
    writeFileSync(output, 'mine');
    const { code, stderr } = await flashstrike(['report', directory, '--output', output]);
    assert.equal(code, 1);
    assert.match(stderr, /mine\.txt is there already, and is not overwritten/);
    assert.equal(readFileSync(output, 'utf8'), 'mine');
    const folder = temporaryFolder(context);
    const written = await flashstrike(['report', directory], '', {}, folder);
    assert.equal(written.code, 0, written.stderr);
    const [name = '', ...more] = readdirSync(folder);
    assert.deepEqual(more, []);
    assert.match(name, /^flashstrike-report-[0-9a-f]{16}-\d{8}T\d{6}Z\.txt$/);
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  });

  test('says where there is no log, and writes nothing', async (context) => {
    const output = join(temporaryFolder(context), 'report.txt');
    const { code, stderr } = await flashstrike([
      'report',
      temporaryFolder(context),
      '--output',
      output,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
    assert.ok(!existsSync(output));
  });
});
