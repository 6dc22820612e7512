// What must not leave the machine, taken out of texts: where things lie, what people and machines
// are called. Known names first, by what they stand for; then every other path, whatever it is.
import { homedir, hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Machine } from '../doctor/machine.js';
import { orUndefined } from '../doctor/this-machine.js';

/** Shorter names of users, hosts and consumers are words as well: only named places are known. */
const SHORTEST_NAME = 3;
/** Behind a path in a sentence of ours; a path may have blanks in it, so it ends no sooner. */
const OTHER_PATH =
  /(^|[\s'"(=[])\/(?!dev\/shm\/flashstrike-)[^\n]*?(?=: |, | \(|; |\. |\.?$|['")\]])/gm;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** Whole words only: in `canary` there is no `can`. */
const wholeWord = (text: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(text)}(?![\\p{L}\\p{N}_])`, 'gu');
/** And what lies below: of /srv/log, not the beginning of /srv/log-acme. */
const wholePath = (path: string): RegExp =>
  new RegExp(`${escaped(path)}(?![\\p{L}\\p{N}_-])`, 'gu');
/** A path of which a known one is the beginning. */
const neighbourOf = (path: string): RegExp => new RegExp(`${escaped(path)}[^\\s'")\\]]*`, 'gu');

/** Stands for the name of a file that is not ours. */
export const FILE = '<file>';

/** Keys of enumerations: a user who is called `clean` is no verdict. */
const ENUMERATIONS = new Set(['kind', 'severity', 'state', 'status', 'verdict']);
const isOurWord = (key: string, value: unknown): boolean =>
  ENUMERATIONS.has(key) && typeof value === 'string' && /^[a-z]+(-[a-z]+)*$/.test(value);

/** Takes names out of texts. */
export class Redaction {
  readonly #paths = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #consumers: string[] = [];
  readonly #files: string[] = [];

  constructor(directory: string, machine: Pick<Machine, 'environment' | 'realPath' | 'userName'>) {
    for (const path of [directory, resolve(directory), machine.realPath(directory)]) {
      this.#addPath(path, '<log>');
    }
    // A user without HOME and without an entry in the system's list has none.
    for (const home of [machine.environment('HOME'), orUndefined(homedir)]) {
      this.#addPath(home, '~');
    }
    for (const user of [machine.userName, machine.environment('USER')]) {
      this.#addName(user, '<user>');
    }
    this.#addName(hostname(), '<host>');
  }

  /** What stands for the name of a consumer: the same for the same name. */
  consumer(name: string): string {
    const known = this.#consumers.indexOf(name);
    const index = known >= 0 ? known : this.#consumers.push(name) - 1;
    return `consumer-${index + 1}`;
  }

  /** A file in the folder that is none of the log's. */
  addFile(name: string): void {
    this.#files.push(name);
  }

  /** A text without such names. */
  text(text: string): string {
    let left = text;
    const paths = [...this.#paths].sort(([a], [b]) => b.length - a.length);
    for (const [path, stand] of paths) left = left.replace(wholePath(path), stand);
    left = left.replace(OTHER_PATH, '$1<path>');
    // Where no sentence of ours leads to it, such as in a URL.
    for (const [path] of paths) left = left.replace(neighbourOf(path), '<path>');
    for (const name of this.#consumers) {
      const stand = this.consumer(name);
      left = left.replaceAll(`${name}.consumer`, `${stand}.consumer`);
      left = left.replaceAll(`consumer ${name}`, `consumer ${stand}`);
      if (name.length >= SHORTEST_NAME) left = left.replace(wholeWord(name), stand);
    }
    for (const name of this.#files) {
      // As the notes of `verify` begin with it.
      left = left.replaceAll(`${name} is `, `${FILE} is `);
      if (name.length >= SHORTEST_NAME) left = left.replace(wholeWord(name), FILE);
    }
    for (const [name, stand] of this.#names) left = left.replace(wholeWord(name), stand);
    return left;
  }

  /** All texts of plain data; its keys are ours, and so are words that name a kind or state. */
  data(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => this.data(each));
    const plain: object =
      'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value;
    const entries = Object.entries(plain).map(([key, each]) => [
      key,
      isOurWord(key, each) ? each : this.data(each),
    ]);
    return Object.fromEntries(entries);
  }

  #addPath(path: string | undefined, stand: string): void {
    // The root, and what is relative, would be found everywhere.
    if (path?.startsWith('/') && path.length > 1) this.#paths.set(path, stand);
  }

  #addName(name: string | undefined, stand: string): void {
    if (name === undefined || name.length < SHORTEST_NAME || name === 'root') return;
    this.#names.set(name, stand);
  }
}
