// One folder of the simulated disk: the names that the kernel has, those that the disk has, and
// what was done to them in between. A crash leaves any part of that: a file system that journals
// keeps the order, others promise nothing before the folder was synced. A rename is one change,
// never half.
import type { Random } from '../../src/cli/demo/random.js';
import { type CrashChances, SimulatedFile } from './simulated-file.js';

export type SimulatedNode = SimulatedFile | SimulatedFolder;

interface NameChange {
  /** Set, and the name that it had before a rename, or removed. */
  readonly name: string;
  readonly node: SimulatedNode | undefined;
  readonly source: string | undefined;
}

export class SimulatedFolder {
  readonly kind = 'directory';
  readonly inode: bigint;
  readonly #names = new Map<string, SimulatedNode>();
  #durableNames = new Map<string, SimulatedNode>();
  #unsynced: NameChange[] = [];
  /** So often names have come or gone. */
  changes = 1n;
  /** Clean for the kernel, not on the disk, and written with what is changed next. */
  #lost: NameChange[] = [];

  constructor(inode: bigint) {
    this.inode = inode;
  }

  get names(): ReadonlyMap<string, SimulatedNode> {
    return this.#names;
  }

  set(name: string, node: SimulatedNode): void {
    this.#change({ name, node, source: undefined });
  }

  remove(name: string): void {
    this.#change({ name, node: undefined, source: undefined });
  }

  /** Within this folder. */
  rename(source: string, name: string): void {
    this.#change({ name, node: this.#names.get(source), source });
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.changes++;
    this.#unsynced.push(change);
  }

  /** What an earlier sync has lost, this one does not bring, unless there is a change behind it. */
  sync(): void {
    if (this.#unsynced.length === 0) return;
    for (const change of [...this.#lost, ...this.#unsynced]) apply(this.#durableNames, change);
    this.#lost = [];
    this.#unsynced = [];
  }

  /**
   * A sync that fails: some changes reached the disk, and the kernel takes all for written.
   * @param isInBlocks a folder is written in blocks: the next change brings what was lost here
   */
  loseChanges(survives: () => boolean, isInBlocks: boolean): void {
    for (const change of this.#unsynced) {
      if (survives()) apply(this.#durableNames, change);
      else if (isInBlocks) this.#lost.push(change);
    }
    this.#unsynced = [];
  }

  crash(random?: Random, chances?: CrashChances): void {
    if (random !== undefined && chances !== undefined) this.#keepSome(random, chances);
    this.#unsynced = [];
    this.#lost = [];
    this.#names.clear();
    for (const [name, node] of this.#durableNames) {
      node.crash(random, chances);
      this.#names.set(name, node);
    }
  }

  #keepSome(random: Random, { kept }: CrashChances): void {
    const inOrder = random.below(2) === 0;
    for (const change of this.#unsynced) {
      if (random.below(100) < kept) apply(this.#durableNames, change);
      else if (inOrder) return;
    }
  }

  /** @param copies what was copied before: a node may be linked twice, now and durably */
  copyInto(copy: SimulatedFolder, copies: Map<SimulatedNode, SimulatedNode>): SimulatedFolder {
    const copied = (node: SimulatedNode): SimulatedNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const made = node.kind === 'file' ? node.copy() : new SimulatedFolder(node.inode);
      copies.set(node, made);
      if (node.kind === 'directory' && made.kind === 'directory') node.copyInto(made, copies);
      return made;
    };
    for (const [name, node] of this.#names) copy.#names.set(name, copied(node));
    for (const [name, node] of this.#durableNames) copy.#durableNames.set(name, copied(node));
    const copyOf = (change: NameChange): NameChange => ({
      ...change,
      node: change.node && copied(change.node),
    });
    copy.#unsynced = this.#unsynced.map(copyOf);
    copy.#lost = this.#lost.map(copyOf);
    return copy;
  }

  /** All files below, a file as often as it has names. */
  *files(): Generator<SimulatedFile> {
    for (const node of this.#names.values()) {
      if (node instanceof SimulatedFile) yield node;
      else yield* node.files();
    }
  }
}

function apply(names: Map<string, SimulatedNode>, { name, node, source }: NameChange): void {
  // Where an earlier change was lost, the old name may be another file's, or none's.
  if (source !== undefined && names.get(source) === node) names.delete(source);
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}
