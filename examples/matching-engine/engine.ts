// The engine as a durable machine: command n is event n of its log.
import { createHash } from 'node:crypto';
import { openMachine, type TypedMachine, type TypedMachineOptions } from '../../src/index.js';
import { type Answer, Book } from './book.js';
import { Command } from './command.js';

const AT_ONCE = 500;

const options: TypedMachineOptions<Book, Answer, typeof Command> = {
  events: [Command],
  initial: () => new Book(),
  apply: (book, { value }) => book.apply(value),
  snapshot: (book) => book.toText(),
  restore: (content) => Book.fromText(content.text()),
  hash: (book) => book.toText(),
  snapshots: { everyEvents: 10_000 },
};

export type Engine = TypedMachine<Book, Answer, typeof Command>;
export const openEngine = (folder: string): Promise<Engine> => openMachine(folder, options);

/**
 * Goes on with the commands behind those that the book has, up to the `count`th.
 * @param answered told how many are durable, each time that some more are
 */
export async function submitUpTo(
  engine: Engine,
  commands: readonly Command[],
  count: number,
  answered: (count: number) => void,
): Promise<void> {
  while (engine.eventId < count) {
    const next = commands.slice(engine.eventId, Math.min(engine.eventId + AT_ONCE, count));
    await Promise.all(next.map((each) => engine.submit(Command, each)));
    answered(engine.eventId);
  }
}

export const hashOf = (book: Book): string =>
  createHash('sha256').update(book.toText()).digest('hex').slice(0, 16);
