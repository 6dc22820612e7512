// A read model in another process: one process records orders, another follows the log and answers
// questions from a table in its memory. No lock, no network, nothing asked of the writer.
//   npm run build && node dist/examples/read-model.js ./read-model
// A question names the order that the answer must know of, so who has written reads its own write.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { follow, Wal } from '../src/index.js';

const [folder = './read-model', wanted = '5000'] = process.argv.slice(2);
const ORDERS = Number(wanted);

interface Question {
  readonly account: number;
  /** The answer is to know of all orders up to this one. */
  readonly atLeast: number;
}

interface Answer {
  readonly balance: number;
  /** The order up to which the model was built. */
  readonly asOf: number;
}

type Balances = Map<number, number>;

/** The one way in which the table changes, for the one who writes and the one who follows. */
function apply(balances: Balances, order: Uint8Array): void {
  const view = new DataView(order.buffer, order.byteOffset, order.byteLength);
  const account = view.getUint32(0, true);
  balances.set(account, (balances.get(account) ?? 0) + view.getInt32(4, true));
}

/** Follows the log from its first event: a model is made anew in seconds, so it is not stored. */
async function serve(): Promise<void> {
  const balances: Balances = new Map();
  const waiting: Question[] = [];
  let asOf = 0;
  const answerWaiting = (): void => {
    for (const question of waiting.splice(0)) {
      if (question.atLeast > asOf) waiting.push(question);
      else process.send?.({ balance: balances.get(question.account) ?? 0, asOf } satisfies Answer);
    }
  };
  process.on('message', (question: Question) => {
    waiting.push(question);
    answerWaiting();
  });
  // Whoever asked is gone: so is the need for answers.
  const gone = new AbortController();
  process.on('disconnect', () => gone.abort());
  // Killed while this process loaded its modules: that event has passed.
  if (!process.connected) gone.abort();
  for await (const { eventId, payload } of follow(folder, { signal: gone.signal, reuse: true })) {
    apply(balances, payload);
    asOf = eventId;
    if (waiting.length > 0) answerWaiting();
  }
}

async function ask(model: ChildProcess, question: Question): Promise<Answer> {
  model.send(question);
  const died = once(model, 'exit').then(() => Promise.reject(new Error('the model has died')));
  const [answer] = await Promise.race([once(model, 'message'), died]);
  return answer;
}

async function write(): Promise<void> {
  const wal = await Wal.open(folder);
  const start = (): ChildProcess =>
    fork(fileURLToPath(import.meta.url), [folder], { env: { ...process.env, READ_MODEL: '1' } });
  let model = start();
  const balances: Balances = new Map();
  for (const { payload } of wal.replay()) apply(balances, payload);
  const order = new Uint8Array(8);
  const view = new DataView(order.buffer);
  while (wal.lastEventId < ORDERS) {
    const account = wal.lastEventId % 10;
    view.setUint32(0, account, true);
    view.setInt32(4, (wal.lastEventId % 13) - 6, true);
    wal.append(order);
    apply(balances, order);
    if (wal.lastEventId % 1000 !== 0) continue;
    // What is durable can be followed. Then the model is killed: the next one builds it again.
    const atLeast = wal.lastEventId;
    await wal.durable(atLeast);
    const { balance, asOf } = await ask(model, { account, atLeast });
    const verdict = balance === balances.get(account) ? 'agrees' : 'DIFFERS';
    console.log(`account ${account}: ${balance} as of order ${asOf}, ${verdict}`);
    model.kill('SIGKILL');
    await once(model, 'exit');
    model = start();
  }
  model.kill();
  await wal.close();
}

await (process.env['READ_MODEL'] === '1' ? serve() : write());
