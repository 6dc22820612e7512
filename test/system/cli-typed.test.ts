// Typed events on the command line: printed by what the log says of them, exported, and never
// guessed at.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { encodeSchema, SCHEMA_TYPE, schemaOf } from '../../src/events/schema-event.js';
import { defineEvent, defineJsonEvent, replay, replayEvents, Wal } from '../../src/index.js';
import { NO_SHARED_DATA, sharedData } from '../support/shared-data.js';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

const Order = defineEvent(
  'order',
  { id: 'u64', price: 'safeI64', key: { bytes: 2 }, spare: { spare: 2 }, note: 'string' },
  { version: 1 },
);
const OrderV2 = defineEvent(
  'order',
  { id: 'u64', note: 'string' },
  { version: 2, type: Order.type },
);
const Trade = defineEvent('trade', { price: 'f64' }, { version: 1 });
const Note = defineJsonEvent('note', { version: 1 });
const order = (id: bigint, note: string) => ({ id, price: -5, key: Uint8Array.of(1, 255), note });

const timesOf = (log: string): bigint[] => Array.from(replay(log), (event) => event.timestampNs);

async function printed(log: string, ...options: string[]): Promise<[string, string, number]> {
  const { code, stdout, stderr } = await flashstrike(['replay', log, ...options]);
  return [String(stdout), stderr, code ?? -1];
}

/** Events 2, 3 and 9 are orders, 5 a trade, 7 a note, 8 bytes; the others are schemas. */
async function mixedLog(log: string): Promise<void> {
  await using wal = await Wal.open(log);
  wal.appendEvent(Order, order(2n ** 64n - 1n, 'a "quote", and\na line'));
  wal.appendEvent(Order, order(2n, ''));
  wal.appendEvent(Trade, { price: Number.NaN });
  wal.appendEvent(Note, { any: 1 });
  wal.append(Buffer.from('bytes'));
  wal.appendEvent(Order, order(3n, '\u001b[31m'));
}

describe('command line: typed events', { concurrency: 2, timeout: 900_000 }, () => {
  it('lines and ndjson print names and fields, and bytes as bytes', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await mixedLog(log);
    const orders = [
      '{"id":"18446744073709551615","price":-5,"key":"01ff","note":"a \\"quote\\", and\\na line"}',
      '{"id":"2","price":-5,"key":"01ff","note":""}',
      '{"id":"3","price":-5,"key":"01ff","note":"\\u001b[31m"}',
    ];
    const lines =
      `order ${orders[0]}\norder ${orders[1]}\ntrade {"price":"NaN"}\nnote {"any":1}\nbytes\n` +
      `order ${orders[2]}\n`;
    assert.deepEqual(await printed(log), [lines, '', 0]);
    const times = timesOf(log);
    const document = (name: string, eventId: number, value: string | undefined): string =>
      `{"name":"${name}","eventId":${eventId},"timestampNs":"${times[eventId - 1]}",` +
      `"value":${value}}\n`;
    const documents =
      document('order', 2, orders[0]) +
      document('order', 3, orders[1]) +
      document('trade', 5, '{"price":"NaN"}') +
      document('note', 7, '{"any":1}') +
      'bytes\n' +
      document('order', 9, orders[2]);
    assert.deepEqual(await printed(log, '--format', 'ndjson'), [documents, '', 0]);
    const [raw] = await printed(log, '--raw', '--from', '7', '--to', '8');
    assert.equal(raw, '{"any":1}\nbytes\n');
    const inTheMiddle = await printed(log, '--from', '5', '--event', 'order');
    assert.deepEqual(inTheMiddle, [`order ${orders[2]}\n`, '', 0]);
    const followed = await printed(log, '--follow', '--from', '3', '--to', '5');
    assert.deepEqual(followed, [`order ${orders[1]}\ntrade {"price":"NaN"}\n`, '', 0]);
  });

  it('csv is a table of one schema, with a header', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await mixedLog(log);
    const times = timesOf(log);
    const table =
      'log.eventId,log.timestampNs,id,price,key,note\n' +
      `2,${times[1]},18446744073709551615,-5,01ff,"a ""quote"", and\na line"\n` +
      `3,${times[2]},2,-5,01ff,\n`;
    const last = `9,${times[8]},3,-5,01ff,\u001b[31m\n`;
    const all = await printed(log, '--format', 'csv', '--event', 'order');
    assert.deepEqual(all, [table + last, '', 0]);
    const [cut, error, code] = await printed(log, '--format', 'csv');
    assert.deepEqual([cut, code], [table, 1], 'what came before the second schema is there');
    assert.match(
      error,
      /event 5 of .* is trade@1, .* order@1: .*--event order@1 or --event trade@1/,
    );
    const notes = await printed(log, '--format', 'csv', '--from', '6', '--to', '8');
    assert.equal(notes[0], `log.eventId,log.timestampNs,value\n7,${times[6]},"{""any"":1}"\n`);
    assert.match(notes[1], /left out: 1 event of which the log does not say/);
    assert.equal(notes[2], 0);
    const none = await printed(
      log,
      '--format',
      'csv',
      '--event',
      'order',
      '--from',
      '8',
      '--to',
      '8',
    );
    assert.deepEqual(none, ['log.eventId,log.timestampNs,id,price,key,note\n', '', 0]);
    const typo = await printed(log, '--format', 'csv', '--event', 'ordr');
    assert.deepEqual([typo[0], typo[2]], ['', 1]);
    assert.match(typo[1], /no event ordr in what was read of .*; there are note, order, trade/);
  });

  it('csv does not put two versions with other fields under one header', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    {
      await using wal = await Wal.open(log);
      wal.appendEvent(Order, order(1n, 'one'));
    }
    {
      await using wal = await Wal.open(log);
      wal.appendEvent(OrderV2, { id: 2n, note: 'two' });
    }
    const times = timesOf(log);
    const second = `log.eventId,log.timestampNs,id,note\n4,${times[3]},2,two\n`;
    const [first, error, code] = await printed(log, '--format', 'csv', '--event', 'order');
    assert.match(first, /^log\.eventId.*\n2,\d+,1,-5,01ff,one\n$/);
    assert.equal(code, 1);
    assert.match(error, /event 4 .* is order@2, and those before it are order@1/);
    const chosen = await printed(log, '--format', 'csv', '--event', 'order@2');
    assert.deepEqual(chosen, [second, '', 0]);
    const [lines] = await printed(log);
    assert.match(lines, /^order \{"id":"1",.*\}\norder \{"id":"2","note":"two"\}\n$/);
  });

  it('prints as bytes what is not as its schema says, or has none that can be read', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const damaged = encodeSchema(schemaOf('trade', 1, undefined), Trade.type, 1);
    damaged.fill(0x78, -4, -3);
    {
      await using wal = await Wal.open(log);
      wal.appendEvent(Trade, { price: 1 });
      wal.append(Buffer.from('short'), Trade.type);
      wal.append(Buffer.from('shorter'), Trade.type);
      wal.append(damaged, SCHEMA_TYPE);
      wal.append(Buffer.from('8 bytes!'), Trade.type);
    }
    const [lines, notes, code] = await printed(log);
    assert.equal(lines, 'trade {"price":1}\nshort\nshorter\n8 bytes!\n');
    assert.equal(code, 0);
    const told = notes.trimEnd().split('\n');
    assert.equal(told.length, 2, notes);
    assert.match(told[0] ?? '', /^Event 3 is no trade: .*printed as bytes$/);
    assert.match(told[1] ?? '', /^The schema event 5 cannot be read: .*printed as bytes/);
    const csv = await printed(log, '--format', 'csv');
    assert.equal(csv[0], `log.eventId,log.timestampNs,price\n2,${timesOf(log)[1]},1\n`);
    assert.match(csv[1], /left out: 3 events/);
    assert.equal(csv[2], 1, 'what is missing in a table must not look like success');
  });

  it('a large table goes through a pipe that is closed early, and as a whole', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const [events, batch] = [200_000, 10_000];
    {
      await using wal = await Wal.open(log);
      for (let id = 1; id <= events; id++) {
        wal.appendEvent(Order, order(BigInt(id), 'x'));
        if (id % batch === 0) await wal.durable();
      }
    }
    const args = ['replay', log, '--format', 'csv', '--from', '3'];
    const command = new RunningCommand(args);
    command.child.stdout.once('data', () => command.child.stdout.destroy());
    const { code, stderr } = await command.finished;
    assert.deepEqual([code, stderr], [0, '']);
    const slow = new RunningCommand(args);
    // A reader that rests keeps the command waiting, and loses nothing by it.
    slow.child.stdout.once('data', () => {
      slow.child.stdout.pause();
      setTimeout(() => slow.child.stdout.resume(), 300);
    });
    const { stdout } = await slow.finished;
    const rows = String(stdout).trimEnd().split('\n');
    assert.equal(rows.length, events);
    assert.match(rows.at(-1) ?? '', new RegExp(`,${events},-5,01ff,x$`));
  });

  it('inspect lists what the log says, and the last event; verify names the one before a tear', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    {
      await using wal = await Wal.open(log);
      wal.appendEvent(Trade, { price: 1.5 });
      await wal.durable();
    }
    const { stdout } = await flashstrike(['inspect', log]);
    assert.match(String(stdout), /^typed {4}trade, version 1, type \d+: price f64$/m);
    assert.match(String(stdout), /^last {5}event 2: trade \{"price":1\.5\}$/m);
    const json = await flashstrike(['inspect', log, '--json']);
    const { typed, segments } = JSON.parse(String(json.stdout)) as {
      readonly typed: unknown;
      readonly segments: readonly { readonly file: string; readonly usedBytes: number }[];
    };
    const { name, version, type, schemaId } = Trade;
    assert.deepEqual(typed, {
      definitions: [
        {
          name,
          version,
          type,
          schemaId: schemaId.toString(16).padStart(16, '0'),
          fields: { price: 'f64' },
        },
      ],
      lastEvent: { eventId: 2, name: 'trade', value: { price: 1.5 } },
    });
    const [segment] = segments;
    assert.ok(segment !== undefined);
    const file = openSync(join(log, segment.file), 'r+');
    writeSync(file, Buffer.alloc(100, 0x5a), 0, 100, segment.usedBytes);
    closeSync(file);
    const verified = await flashstrike(['verify', log]);
    assert.equal(verified.code, 0);
    assert.match(
      String(verified.stdout),
      /torn tail.*\n(.*\n)* +event 2 is trade \{"price":1\.5\}$/m,
    );
  });

  it('record --format lobster records typed events, which read back equal', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const rows = [
      '34200.004241176,1,16113575,18,5853300,1',
      '34200.5,4,18446744073709551615,9007199254740991,-5,-1',
    ];
    await flashstrike(['record', log, '--format', 'lobster'], `${rows.join('\n')}\n`);
    const Row = defineEvent(
      'lobster_order',
      {
        timeSeconds: 'f64',
        orderId: 'u64',
        price: 'safeI64',
        quantity: 'safeU64',
        type: 'u32',
        direction: 'i32',
      },
      { version: 1 },
    );
    const values = Array.from(replayEvents(log, [Row]), ({ value }) => value);
    assert.deepEqual(values, [
      {
        timeSeconds: 34200.004241176,
        orderId: 16113575n,
        price: 5853300,
        quantity: 18,
        type: 1,
        direction: 1,
      },
      {
        timeSeconds: 34200.5,
        orderId: 2n ** 64n - 1n,
        price: -5,
        quantity: 2 ** 53 - 1,
        type: 4,
        direction: -1,
      },
    ]);
    const [lines] = await printed(log, '--to', '2');
    assert.equal(
      lines,
      'lobster_order {"timeSeconds":34200.004241176,"orderId":"16113575","price":5853300,' +
        '"quantity":18,"type":1,"direction":1}\n',
    );
  });

  const path = sharedData('lobster_AAPL');
  it('a real file of LOBSTER is the same as csv', {
    skip: path === undefined && NO_SHARED_DATA,
  }, async (context) => {
    assert.ok(path);
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log, '--format', 'lobster', '--input', path]);
    const [table, error, code] = await printed(log, '--format', 'csv');
    assert.deepEqual([error, code], ['', 0]);
    const rows = table.trimEnd().split('\n');
    assert.equal(
      rows.shift(),
      'log.eventId,log.timestampNs,timeSeconds,orderId,price,quantity,type,direction',
    );
    const expected = gunzipSync(readFileSync(path)).toString('latin1').trimEnd().split(/\r?\n/);
    assert.equal(rows.length, expected.length);
    for (const [index, line] of expected.entries()) {
      const [time, type, id, size, price, direction] = line.split(',').map(Number);
      const [, , ...row] = (rows[index] ?? '').split(',').map(Number);
      if (row.join() !== [time, id, price, size, type, direction].join()) {
        assert.fail(`row ${index + 1} is ${rows[index]}, not ${line}`);
      }
    }
  });
});
