// One run of one benchmark in a process of its own: its options, what it prints, its result.
import { BENCHMARKS, type BenchmarkName, type Goal } from '../benchmarks.js';
import { scale } from './folder.js';
import { machineLine } from './machine.js';
import { type BenchOptions, type Condition, parseOptions, USAGE } from './options.js';
import { formatTable, verdictOf } from './report.js';
import type { Column, GoalResult, Plot, Result, Row, Table } from './result.js';
import { ResultHash } from './statistics.js';
import { takeTurns, type Way } from './turns.js';

const DEFAULT_ROUNDS = 3;

export class Run {
  readonly rounds: number;
  readonly condition: Condition;
  readonly hash = new ResultHash();
  readonly #name: BenchmarkName;
  readonly #machine: string;
  readonly #goals: ReadonlyMap<string, Goal>;
  readonly #measured = new Map<string, number>();
  readonly #missing = new Map<string, string>();
  readonly #tables: Table[] = [];
  readonly #plots: Plot[] = [];
  readonly #notes: string[] = [];

  constructor(
    name: BenchmarkName,
    readonly options: BenchOptions,
  ) {
    this.#name = name;
    this.rounds = options.rounds ?? DEFAULT_ROUNDS;
    this.condition = options.conditions[0] ?? 'quiet';
    this.#machine = machineLine();
    const { title, nonGoal, goals } = BENCHMARKS[name];
    this.#goals = new Map(Object.entries(goals));
    this.say(`${name}: ${title}`);
    this.say(`${this.#machine}, scale ${scale}, ${this.rounds} rounds, ${this.condition}`);
    this.say(`not a goal: ${nonGoal}`);
  }

  /** A line for whoever watches; data on stdout stays data. */
  say(line: string): void {
    (this.options.isJson ? process.stderr : process.stdout).write(`${line}\n`);
  }

  /** As {@link say}, and kept in the result. */
  note(text: string): void {
    this.#notes.push(text);
    this.say(text);
  }

  /** Whether the way of this name was asked for. */
  isWanted(name: string): boolean {
    const { only } = this.options;
    return only.length === 0 || only.some((word) => name.includes(word));
  }

  /**
   * The ways take turns; prints and keeps the table, and gives back its rows by way.
   * @param turns of each way in a round: many short ones where the disk changes its mood often
   */
  async compare(
    title: string,
    columns: readonly Column[],
    ways: readonly Way[],
    baseline?: string,
    turns = 1,
  ): Promise<Map<string, Row>> {
    const chosen = ways.filter(({ name }) => this.isWanted(name));
    const rows = await takeTurns(chosen, this.rounds * turns);
    this.table({ title, columns, rows, ...(baseline !== undefined && { baseline }) });
    return new Map(rows.map((row) => [row.way, row]));
  }

  table(table: Table): void {
    this.#tables.push(table);
    this.say(`\n${formatTable(table).trimEnd()}`);
  }

  plot(plot: Plot): void {
    this.#plots.push(plot);
  }

  /** NaN means that a way which it needs did not run, Infinity that it got nothing done. */
  goal(key: string, measured: number): void {
    if (!this.#goals.has(key)) throw new Error(`${this.#name} has no goal '${key}'`);
    if (Number.isFinite(measured)) this.#measured.set(key, measured);
    else if (Number.isNaN(measured)) this.#missing.set(key, 'a way that it needs did not run');
    else this.#missing.set(key, 'the other got nothing done');
  }

  noGoal(key: string, reason: string): void {
    if (!this.#goals.has(key)) throw new Error(`${this.#name} has no goal '${key}'`);
    this.#missing.set(key, reason);
  }

  end(): Result {
    const goals = [...this.#goals].map(([key, goal]) => this.#resultOf(key, goal));
    this.say('');
    for (const goal of goals) this.say(`${goal.text}: ${verdictOf(goal)}`);
    const hash = this.hash.text;
    if (hash !== undefined) this.say(`result hash ${hash}`);
    return {
      benchmark: this.#name,
      condition: this.condition,
      date: new Date().toISOString().slice(0, 10),
      machine: this.#machine,
      scale,
      rounds: this.rounds,
      tables: this.#tables,
      plots: this.#plots,
      goals,
      notes: this.#notes,
      ...(hash !== undefined && { hash }),
    };
  }

  #resultOf(key: string, goal: Goal): GoalResult {
    const measured = this.#measured.get(key);
    if (measured !== undefined) return { ...goal, measured };
    return { ...goal, missing: this.#missing.get(key) ?? 'not asked for' };
  }
}

/** The whole program of a file `NAME.bench.ts`. */
export async function benchmark(
  name: BenchmarkName,
  body: (run: Run) => Promise<void> | void,
): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.isHelp) {
    process.stdout.write(USAGE);
    return;
  }
  const run = new Run(name, options);
  await body(run);
  const result = run.end();
  if (options.isJson) process.stdout.write(`${JSON.stringify(result)}\n`);
}
