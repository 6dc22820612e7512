import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { flashstrike, temporaryFolder } from './cli-process.js';

const VERBS = [
  'record',
  'replay',
  'verify',
  'inspect',
  'consumers',
  'trim',
  'salvage',
  'backup',
  'restore',
  'archive',
  'replicate',
  'audit',
  'top',
  'metrics',
  'doctor',
  'demo',
  'bench',
  'completion',
];

describe('command line: usage', { concurrency: 2, timeout: 900_000 }, () => {
  for (const args of [
    [],
    ['nonsense'],
    ['--nonsense'],
    ['record'],
    ['record', ''],
    ['record', 'LOG', 'more'],
    ['trim', 'LOG'],
    ['trim', 'LOG', '--before', '0'],
    ['record', 'LOG', '--input'],
    ['record', 'LOG', '--format', 'xml'],
    ['record', 'LOG', '--sync', 'sometimes'],
    ['replay'],
    ['replay', 'LOG', '--from', 'one'],
    ['replay', 'LOG', '--from', '0'],
    ['replay', 'LOG', '--from', '-1'],
    ['replay', 'LOG', '--from', '1.5'],
    ['replay', 'LOG', '--from', '1e3'],
    ['replay', 'LOG', '--to', ''],
    ['replay', 'LOG', '--to', '9007199254740992'],
    ['record', 'LOG', '--format', 'csv'],
    ['replay', 'LOG', '--format', 'xml'],
    ['replay', 'LOG', '--format', 'csv', '--raw'],
    ['replay', 'LOG', '--event', 'order', '--raw'],
    ['replay', 'LOG', '--event', 'order', '--format', 'lobster'],
    ['replay', 'LOG', '--event', 'or der'],
    ['replay', 'LOG', '--event', 'order@'],
    ['verify'],
    ['verify', 'LOG', '--jsn'],
    ['inspect'],
    ['inspect', 'LOG', '--remove'],
    ['consumers'],
    ['consumers', 'LOG', '--remove'],
    ['consumers', 'LOG', '--json', '--remove', 'billing'],
    ['backup'],
    ['backup', 'LOG'],
    ['backup', 'LOG', ''],
    ['backup', 'LOG', 'TARGET', 'more'],
    ['backup', 'LOG', 'TARGET', '--lock', 'some'],
    ['replay', 'LOG', '--from-time', '2026'],
    ['replay', 'LOG', '--from-time', '1764489600'],
    ['replay', 'LOG', '--from-time', '1764489600000'],
    ['completion'],
    ['completion', 'csh'],
    ['restore', 'BACKUP'],
    ['restore', 'BACKUP', 'LOG', '--to-id', '0'],
    ['restore', 'BACKUP', 'LOG', '--to-time', 'noon'],
    ['restore', 'BACKUP', 'LOG', '--to-id', '1', '--to-time', '2026-11-30'],
    ['restore', 'LOG', '--from', 'nats://a:4222'],
    ['restore', 'BACKUP', 'LOG', '--from', 'nats://a:4222', '--stream', 'orders'],
    ['restore', 'BACKUP', 'LOG', '--stream', 'orders'],
    ['restore', 'BACKUP', 'LOG', '--follow'],
    ['restore', 'BACKUP', 'LOG', '--objects', 'file:///objects'],
    ['restore', 'LOG', '--objects', '/objects'],
    ['restore', 'LOG', '--objects', 'file:///'],
    ['restore', 'LOG', '--objects', 'file:///objects', '--follow'],
    ['restore', 'LOG', '--objects', 's3://no_bucket/x'],
    ['restore', 'LOG', '--objects', 'file:///objects', '--s3-endpoint', 'http://a:9000'],
    ['archive', 'LOG'],
    ['archive', 'LOG', '--to', 's3://'],
    ['archive', 'LOG', '--to', 's3://me:secret@bucket/x'],
    ['archive', 'LOG', '--to', 's3://bucket/../x'],
    ['archive', 'LOG', '--to', 's3://bucket/x', '--s3-endpoint', 'ftp://a'],
    ['archive', 'LOG', '--to', 'file:///objects', '--s3-endpoint', 'http://a:9000'],
    ['archive', 'LOG', '--to', 'objects'],
    ['archive', 'LOG', '--to', 'file:objects'],
    ['archive', 'LOG', '--to', 'https://objects'],
    ['archive', 'LOG', '--to', 'file:///objects', '--consumer', 'a/b'],
    ['replicate', 'LOG', '--stream', 'orders'],
    ['replicate', 'LOG', '--nats', 'a:4222'],
    ['replicate', 'LOG', '--nats', 'https://a:4222', '--stream', 'orders'],
    ['replicate', 'LOG', '--nats', 'me:secret@a:4222', '--stream', 'orders'],
    ['replicate', 'LOG', '--nats', 'a:4222,', '--stream', 'orders'],
    ['replicate', 'LOG', '--nats', 'a:0', '--stream', 'orders'],
    ['replicate', 'LOG', '--nats', 'a:4222', '--stream', 'a.b'],
    ['replicate', 'LOG', '--nats', 'a:4222', '--stream', 'orders', '--create-replicas', '2'],
    ['audit', 'LOG', '--nats', 'a:4222'],
    ['top'],
    ['top', 'LOG', '--interval', '0'],
    ['top', 'LOG', '--interval', '99'],
    ['top', 'LOG', '--interval', '1s'],
    ['top', 'LOG', 'more'],
    ['metrics'],
    ['metrics', 'LOG', 'LOG'],
    ['metrics', 'LOG', ''],
    ['metrics', 'LOG', '--prefix', ''],
    ['metrics', 'LOG', '--prefix', '9lives'],
    ['metrics', 'LOG', '--prefix', 'a-b'],
    ['metrics', 'LOG', '--listen', ''],
    ['metrics', 'LOG', '--listen', '65536'],
    ['metrics', 'LOG', '--listen', 'localhost:9464'],
    ['metrics', 'LOG', '--listen', 'example.org:9464'],
    ['metrics', 'LOG', '--listen', '127.0.0.1'],
    ['metrics', 'LOG', '--listen', '::1:9464'],
    ['metrics', 'LOG', '--listen', '[127.0.0.1]:9464'],
    ['doctor'],
    ['doctor', 'LOG', '--seconds', '0'],
    ['doctor', 'LOG', '--seconds', '1.5'],
    ['doctor', 'LOG', 'more'],
    ['demo', '--events', 'many'],
    ['demo', '--seed', '-1'],
    ['demo', 'extra'],
    ['bench', 'there-is-no-such-benchmark'],
  ]) {
    it(`'${args.join(' ')}' is a usage error: 2, told on stderr only`, async (context) => {
      const folder = temporaryFolder(context);
      const log = join(folder, 'log');
      const { code, stdout, stderr } = await flashstrike(
        args.map((argument) => (argument === 'LOG' ? log : argument)),
      );
      assert.equal(code, 2, stderr);
      assert.equal(String(stdout), '');
      assert.notEqual(stderr, '');
      assert.ok(!existsSync(log), 'a usage error must not make a log');
    });
  }

  it('--help names every verb, and only those there are', async () => {
    const { code, stdout, stderr } = await flashstrike(['--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    const shown = [...String(stdout).matchAll(/^ {2}([a-z]+)(?: .*)?$/gm)].map((match) => match[1]);
    for (const verb of VERBS) assert.ok(shown.includes(verb), `${verb} is not in ${shown}`);
  });

  for (const verb of VERBS) {
    it(`${verb} --help has examples and exit codes`, async () => {
      const { code, stdout } = await flashstrike([verb, '--help']);
      assert.equal(code, 0);
      assert.match(String(stdout), new RegExp(`Examples:\n +\\$ flashstrike ${verb}`));
      assert.match(String(stdout), /Exit code: 0 [\s\S]*\b2\s+usage/);
    });
  }

  for (const verb of ['', ...VERBS]) {
    it(`${verb} --help fits 80 columns`, async () => {
      const { stdout } = await flashstrike([...(verb === '' ? [] : [verb]), '--help']);
      const lines = String(stdout).split('\n');
      // Commands are there to be copied.
      const long = lines.filter((line) => line.length > 80 && !/^ +\$ /.test(line));
      assert.deepEqual(long, []);
    });
  }

  for (const [args, told] of [
    [['repaly', 'LOG'], /^error: unknown command 'repaly'\n\(Did you mean replay\?\)/],
    [
      ['salvage'],
      /\nUsage: flashstrike salvage \[options\] <dir> \(see flashstrike salvage --help\)\n$/,
    ],
    [['help', 'repaly'], /^error: unknown command 'repaly'\n\(Did you mean replay\?\)/],
    [['replay', 'LOG', '--form', '1'], /^error: unknown option '--form'\n\(Did you mean/],
    [['replay', 'LOG', '--from-time', '2026'], /like 2026-11-30, .*nanoseconds since 1970/],
  ] as const) {
    it(`'${args.join(' ')}' says what may have been meant`, async () => {
      const { code, stderr } = await flashstrike(args);
      assert.equal(code, 2);
      assert.match(stderr, told);
    });
  }

  it('--version prints the version of the package', async () => {
    const { code, stdout } = await flashstrike(['--version']);
    assert.equal(code, 0);
    assert.match(String(stdout), /^\d+\.\d+\.\d+\n$/);
  });

  it('bench hands names and options on to the benchmarks', async () => {
    const list = await flashstrike(['bench', '--list']);
    assert.equal(list.code, 0, list.stderr);
    assert.match(String(list.stdout), /^append\n {4}append into a ring/m);
    const help = await flashstrike(['bench', '--', '--help']);
    assert.match(String(help.stdout), /--condition/);
  });
});
