// A matching engine: orders meet by price, then by time, in a book that outlives its process.
//   npm run build && node dist/examples/matching-engine/run.js ./book [LOBSTER message file]
// It runs the engine in a process of its own, kills that with SIGKILL in the middle, opens it
// again, and compares its book, order by order, with one that was never interrupted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Book } from './book.js';
import { commandsOf, madeCommands } from './commands.js';
import { hashOf, openEngine, submitUpTo } from './engine.js';

const DATA = '../shared/data/lobster_AAPL_2012-06-21_0930-1030_L50_message.csv.gz';
const [folder = './book', given, part] = process.argv.slice(2);
const file = given ?? (existsSync(DATA) ? DATA : 'made');
const commands = file === 'made' ? madeCommands(40_000, 21) : commandsOf(file);

/** The book of the first so many commands, in memory and in one go. */
function uninterrupted(count: number): Book {
  const book = new Book();
  for (const command of commands.slice(0, count)) book.apply(command);
  return book;
}

function compare(book: Book, count: number): void {
  const [found, expected] = [hashOf(book), hashOf(uninterrupted(count))];
  if (found !== expected) throw new Error(`the book is ${found}, and should be ${expected}`);
  console.log(`behind command ${count} the book of ${book.size} orders is identical: ${found}`);
}

/** Runs the engine in another process; returns how many commands it had answered. */
async function runAndKill(): Promise<number> {
  const most = String(Math.floor(commands.length * 0.7));
  const args = [fileURLToPath(import.meta.url), folder, file, most];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let answered = 0;
  for await (const line of createInterface(child.stdout)) {
    answered = Number(line);
    if (answered >= commands.length / 2) child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  console.log(`the engine ended with ${signal ?? code}; it had answered ${answered} commands`);
  return answered;
}

async function walk(): Promise<void> {
  const origin = file === 'made' ? 'made from a seed' : "an hour of an exchange's orders";
  console.log(`${commands.length} commands: ${origin}`);
  const answered = await runAndKill();
  const startMs = performance.now();
  await using engine = await openEngine(folder);
  const ms = Math.round(performance.now() - startMs);
  const { snapshot, replayedEvents } = engine.recovery;
  const from = snapshot === undefined ? 'nothing' : `the snapshot of command ${snapshot.eventId}`;
  console.log(`open again in ${ms} ms: from ${from}, and ${replayedEvents} commands behind it`);
  if (engine.eventId < answered) throw new Error('a command that was answered is lost');
  compare(engine.state, engine.eventId);
  await submitUpTo(engine, commands, commands.length, () => {});
  compare(engine.state, commands.length);
  const { buy, sell, trades, tradedShares } = engine.state;
  console.log(
    `${trades} trades, ${tradedShares} shares; ${buy.best?.price} to ${sell.best?.price}`,
  );
}

/** The engine by itself, up to a command; then it waits, open, for whoever kills it. */
async function serve(count: number): Promise<void> {
  const engine = await openEngine(folder);
  await submitUpTo(engine, commands, count, (answered) => console.log(answered));
  setInterval(() => {}, 1000);
}

await (part === undefined ? walk() : serve(Number(part)));
