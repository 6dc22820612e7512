// What it costs to read the fields of a typed event: views, views by what the log says of itself,
// fields read from the bytes by hand, objects, and the same event as JSON. Each reads a log from
// the page cache, every checksum verified, and sums three fields.
import { join } from 'node:path';
import { defineEvent, type EventCursor, EventDecoder, openCursor, Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { ratioOf, type Way } from './harness/turns.js';

const EVENTS = scaled(1_000_000);
const UNSYNCED = { sync: { mode: 'manual' }, timestamps: 'coarse' } as const;
const Order = defineEvent(
  'order',
  {
    orderId: 'safeU64',
    price: 'safeI64',
    quantity: 'u32',
    account: 'u32',
    side: { enum: ['buy', 'sell'] },
    kind: { enum: ['limit', 'market', 'cancel'] },
    symbol: { string: 8 },
  },
  { version: 1 },
);
const order = (id: number) =>
  ({
    orderId: id,
    price: 5_850_000 + (id % 1000),
    quantity: 1 + (id % 500),
    account: id % 1000,
    side: id % 2 === 0 ? 'buy' : 'sell',
    kind: 'limit',
    symbol: 'AAPL',
  }) as const;

const NOTHING = 'a cursor alone, no field read';
const BY_HAND = 'DataView, by hand';
const VIEW = 'Order.view()';
const DECODER = 'EventDecoder.view';
const TOLD = 'EventDecoder.view, by what the log says';
const OBJECT = 'Order.decode, an object an event';
const JSON_TEXT = 'JSON.parse';

/** Reads all events; returns the sum of what `read` returns. */
function sumOf(directory: string, type: number, read: (cursor: EventCursor) => number): number {
  const cursor = openCursor(directory);
  let sum = 0;
  while (cursor.next()) if (cursor.type === type) sum += read(cursor);
  cursor.close();
  return sum;
}

interface Fields {
  readonly price: number;
  readonly quantity: number;
  readonly side: string;
}

const taken = ({ price, quantity, side }: Fields): number => price + quantity + side.length;

const [PRICE, QUANTITY, SIDE] = [8, 16, 24];
const TWO_POW_32 = 2 ** 32;

function byHand(): (cursor: EventCursor) => number {
  let view: DataView = new DataView(new ArrayBuffer(0));
  return ({ block, payloadOffset }) => {
    if (view.buffer !== block.buffer) view = new DataView(block.buffer);
    const at = block.byteOffset + payloadOffset;
    const price =
      view.getInt32(at + PRICE + 4, true) * TWO_POW_32 + view.getUint32(at + PRICE, true);
    const side = view.getUint8(at + SIDE) === 0 ? 'buy' : 'sell';
    return price + view.getUint32(at + QUANTITY, true) + side.length;
  };
}

function byDecoder(directory: string, decoder: EventDecoder): number {
  const cursor = openCursor(directory);
  let sum = 0;
  while (cursor.next()) {
    const typed = decoder.view(cursor);
    if (typed !== undefined) sum += taken(typed.value as Fields);
  }
  cursor.close();
  return sum;
}

function byView(directory: string): number {
  const view = Order.view();
  return sumOf(directory, Order.type, (cursor) => taken(view.show(cursor)));
}

function byJson(directory: string): number {
  return sumOf(directory, 0, ({ block, payloadOffset, payloadBytes }) => {
    const end = payloadOffset + payloadBytes;
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    return taken(JSON.parse(bytes.toString('utf8', payloadOffset, end)) as Fields);
  });
}

async function record(directory: string, append: (wal: Wal, id: number) => void): Promise<void> {
  const wal = await Wal.open(directory, { ...logSizes, ...UNSYNCED });
  for (let id = 1; id <= EVENTS; id++) append(wal, id);
  await wal.close();
}

await benchmark('decode', (run) =>
  withFolder(async (folder) => {
    const [typed, json] = [join(folder, 'typed'), join(folder, 'json')];
    await record(typed, (wal, id) => wal.appendEvent(Order, order(id)));
    await record(json, (wal, id) => wal.append(Buffer.from(JSON.stringify(order(id)))));
    let expected = 0;
    for (let id = 1; id <= EVENTS; id++) expected += taken(order(id));
    const way = (name: string, read: () => number, sum = expected): Way => ({
      name,
      run() {
        const startMs = performance.now();
        const found = read();
        const elapsedMs = performance.now() - startMs;
        if (found !== sum) throw new Error(`${name} read something else`);
        run.hash.add(found);
        return { values: { rate: (EVENTS / elapsedMs) * 1e3 } };
      },
    });
    const ways = [
      way(NOTHING, () => sumOf(typed, Order.type, () => 1), EVENTS),
      way(BY_HAND, () => sumOf(typed, Order.type, byHand())),
      way(VIEW, () => byView(typed)),
      way(DECODER, () => byDecoder(typed, new EventDecoder(typed, [Order]))),
      way(TOLD, () => byDecoder(typed, new EventDecoder(typed))),
      way(OBJECT, () => sumOf(typed, Order.type, (cursor) => taken(Order.decode(cursor)))),
      way(JSON_TEXT, () => byJson(json)),
    ];
    const title = `${EVENTS} events of 7 fields, three of them read`;
    const rows = await run.compare(title, [{ name: 'rate', unit: '/s' }], ways, BY_HAND);
    const ratioTo = (base: string): number => ratioOf(rows.get(VIEW), rows.get(base), 'rate');
    run.goal('view', ratioTo(BY_HAND));
    run.goal('json', ratioTo(JSON_TEXT));
  }),
);
