// A disk in memory: what the kernel has apart from what the disk has, for each sector of a file and
// each name in a folder. It can be killed (what the kernel has stays), cut from power (what was
// synced stays), crashed from a seed (anything in between), run full, and be damaged.
import { dirname, resolve } from 'node:path';
import type { Random } from '../../src/cli/demo/random.js';
import { systemCode, WalError } from '../../src/errors.js';
import type { DirectoryEntry, FileStatus, OpenMode, Storage } from '../../src/storage/storage.js';
import { systemError } from '../support/interposed-storage.js';
import { type CrashChances, SimulatedFile } from './simulated-file.js';
import { SimulatedFolder, type SimulatedNode } from './simulated-folder.js';

const FIRST_DESCRIPTOR = 100_000;
const FIRST_BIRTH_NS = 1_700_000_000_000_000_000n;

/** All of it, none of it, or parts: each is a crash of its own kind. */
const CRASHES: readonly CrashChances[] = [
  { kept: 0, torn: 0 },
  { kept: 100, torn: 0 },
  { kept: 50, torn: 0 },
  { kept: 50, torn: 30 },
  { kept: 90, torn: 5 },
];

interface OpenFile {
  readonly file: SimulatedFile;
  readonly isWritable: boolean;
}

export class SimulatedDisk implements Storage {
  /** The files' sizes may not sum to more. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /**
   * What is overwritten takes new space, as where a snapshot keeps the old: a write may end
   * half-way.
   */
  copiesOnWrite = false;
  /** Calls so far that found no space. */
  spaceRefusals = 0;
  readonly #descriptors = new Map<number, OpenFile>();
  #nextInode = 1n;
  #nextDescriptor = FIRST_DESCRIPTOR;
  readonly #root = new SimulatedFolder(0n);

  /** A process dies: its descriptors go, what the kernel has stays. */
  kill(): void {
    this.#descriptors.clear();
  }

  /** The same files on another disk, none of them open. */
  copy(): SimulatedDisk {
    const disk = new SimulatedDisk();
    disk.capacityBytes = this.capacityBytes;
    disk.copiesOnWrite = this.copiesOnWrite;
    disk.#nextInode = this.#nextInode;
    this.#root.copyInto(disk.#root, new Map());
    return disk;
  }

  /** Only what was synced is left. */
  cutPower(): void {
    this.kill();
    this.#root.crash();
  }

  /** What was synced is left, and of the rest whatever chance leaves. */
  crash(random: Random): void {
    this.kill();
    this.#root.crash(random, CRASHES[random.below(CRASHES.length)]);
  }

  /** Write-back failed: all is clean now, and the disk has none of it. */
  loseDirtyPages(): void {
    for (const file of this.#files()) file.loseDirtySectors(() => false);
  }

  /**
   * A sync that fails: what is dirty of this file is clean now, and some of it reached the disk.
   */
  failSync(fd: number, random: Random): void {
    this.#file(fd).loseDirtySectors(() => random.below(2) === 0);
  }

  /**
   * The same with the names in a folder: a later sync returns, and brings nothing.
   * @param isInBlocks what is changed behind it brings them along: a folder is written in blocks
   */
  failSyncDirectory(path: string, random: Random, isInBlocks = false): void {
    this.#folder(path).loseChanges(() => random.below(2) === 0, isInBlocks);
  }

  /** The kernel forgets what is clean: what a failed sync has lost is gone for its readers too. */
  dropCaches(): void {
    for (const file of this.#root.files()) file.dropCache();
  }

  /** Gives the file `source` a second name, as a snapshot by hard links does. */
  link(source: string, path: string): void {
    const node = this.#find(source);
    if (node?.kind !== 'file') throw systemError('ENOENT', source);
    const { folder, name } = this.#place(path);
    if (folder.names.has(name)) throw systemError('EEXIST', path);
    folder.set(name, node);
  }

  /** The medium is damaged: a bit flips, a write of someone else lands here. */
  damage(path: string, offset: number, bytes: Uint8Array): void {
    const node = this.#find(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    node.damage(offset, bytes);
  }

  /** All of a file as the kernel has it. */
  contentOf(path: string): Uint8Array {
    const node = this.#find(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    return node.bytes;
  }

  /** Linked files, and those that are only open. */
  #files(): Set<SimulatedFile> {
    const open = [...this.#descriptors.values()].map(({ file }) => file);
    return new Set([...this.#root.files(), ...open]);
  }

  #find(path: string): SimulatedNode | undefined {
    let node: SimulatedNode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (node?.kind !== 'directory') throw systemError('ENOTDIR', path);
      if (name === '.') continue;
      node = node.names.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  #folder(path: string): SimulatedFolder {
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', path);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', path);
    return node;
  }

  /** The folder that holds `path`, and the name in it. */
  #place(path: string): { folder: SimulatedFolder; name: string } {
    return { folder: this.#folder(dirname(path)), name: path.slice(path.lastIndexOf('/') + 1) };
  }

  #openFile(fd: number): OpenFile {
    const open = this.#descriptors.get(fd);
    if (open === undefined) throw systemError('EBADF', `descriptor ${fd}`);
    return open;
  }

  #file(fd: number): SimulatedFile {
    return this.#openFile(fd).file;
  }

  #writable(fd: number, refusal = 'EBADF'): SimulatedFile {
    const { file, isWritable } = this.#openFile(fd);
    if (!isWritable) throw systemError(refusal, `descriptor ${fd} is open to be read only`);
    return file;
  }

  #statusOf(node: SimulatedNode): FileStatus {
    return {
      kind: node.kind,
      bytes: node.kind === 'file' ? node.bytes.length : 0,
      device: 1n,
      inode: node.inode,
      links: node.kind === 'file' ? this.#linksOf(node) : 1,
      owner: 0,
      birthNs: FIRST_BIRTH_NS + node.inode,
    };
  }

  #linksOf(file: SimulatedFile): number {
    let links = 0;
    for (const each of this.#root.files()) if (each === file) links++;
    return links;
  }

  /** Of all files that have a name. */
  get usedBytes(): number {
    let used = 0;
    for (const { bytes } of new Set(this.#root.files())) used += bytes.length;
    return used;
  }

  #checkSpace(file: SimulatedFile, bytes: number): void {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return;
    let used = bytes;
    for (const each of new Set(this.#root.files())) if (each !== file) used += each.bytes.length;
    if (used > this.capacityBytes) throw this.#noSpace(bytes);
  }

  #noSpace(bytes: number): Error {
    this.spaceRefusals++;
    return systemError('ENOSPC', `${bytes} bytes`);
  }

  open(path: string, mode: OpenMode): number {
    const { folder, name } = this.#place(path);
    let node = folder.names.get(name);
    if (node !== undefined && mode === 'create') throw systemError('EEXIST', path);
    if (node?.kind === 'directory') throw unsafe(path, 'a folder');
    const mayBeLinked = mode === 'read' || mode === 'rewrite';
    if (node !== undefined && !mayBeLinked && this.#linksOf(node) > 1) {
      throw unsafe(path, 'a hard link');
    }
    if (node === undefined) {
      if (mode === 'read' || mode === 'write' || mode === 'rewrite') {
        throw systemError('ENOENT', path);
      }
      node = new SimulatedFile(this.#nextInode++);
      folder.set(name, node);
    }
    const fd = this.#nextDescriptor++;
    this.#descriptors.set(fd, { file: node, isWritable: mode !== 'read' });
    return fd;
  }

  close(fd: number): void {
    this.#file(fd);
    this.#descriptors.delete(fd);
  }

  statusOf(fd: number): FileStatus {
    return this.#statusOf(this.#file(fd));
  }

  statusAt(path: string): FileStatus | undefined {
    const node = this.#find(path);
    return node === undefined ? undefined : this.#statusOf(node);
  }

  /** It never fills by itself: a full one is a fault that is injected. */
  freeBytes(path: string): number {
    if (this.#find(path) === undefined) throw systemError('ENOENT', path);
    return 2 ** 40;
  }

  /** There are no links on it. */
  realPath(path: string): string | undefined {
    try {
      return this.#find(path) === undefined ? undefined : resolve(path);
    } catch (error) {
      if (systemCode(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  read(fd: number, target: Uint8Array, offset: number): number {
    const part = this.#file(fd).bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  write(fd: number, parts: readonly Uint8Array[], offset: number): void {
    const file = this.#writable(fd);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes === 0) return;
    const end = offset + bytes;
    if (end > file.bytes.length) this.#checkSpace(file, end);
    else if (this.copiesOnWrite) {
      const left = this.#takeSpace(bytes);
      if (left < bytes) {
        file.write(Buffer.concat(parts).subarray(0, left), offset);
        throw this.#noSpace(bytes);
      }
    }
    let at = offset;
    for (const part of parts) {
      file.write(part, at);
      at += part.length;
    }
  }

  /** For good; returns how much of it there was. */
  #takeSpace(bytes: number): number {
    const { capacityBytes } = this;
    if (capacityBytes === Number.POSITIVE_INFINITY) return bytes;
    const left = Math.min(bytes, Math.max(0, capacityBytes - this.usedBytes));
    this.capacityBytes -= left;
    return left;
  }

  /** As ext4 does it: where space runs out, a part stays allocated. */
  allocate(fd: number, bytes: number): void {
    const file = this.#writable(fd);
    if (bytes <= file.bytes.length) return;
    try {
      this.#checkSpace(file, bytes);
    } catch (error) {
      file.resize(Math.max(file.bytes.length, Math.floor(bytes / 2)));
      throw error;
    }
    file.resize(bytes);
  }

  truncate(fd: number, bytes: number): void {
    this.#writable(fd, 'EINVAL').resize(bytes);
  }

  writeZeros(fd: number, offset: number, bytes: number): void {
    this.write(fd, [new Uint8Array(bytes)], offset);
  }

  /** Nothing more than may happen at any time. */
  startWriteback(fd: number, _offset: number, _bytes: number): void {
    this.#file(fd);
  }

  isOpenElsewhere(fd: number): boolean {
    const file = this.#file(fd);
    for (const [other, open] of this.#descriptors) {
      if (other !== fd && open.file === file) return true;
    }
    return false;
  }

  sync(fd: number): void {
    this.#file(fd).sync();
  }

  syncDirectory(path: string): void {
    this.#folder(path).sync();
  }

  rename(source: string, target: string): void {
    const [from, to] = [this.#place(source), this.#place(target)];
    const node = from.folder.names.get(from.name);
    if (node === undefined) throw systemError('ENOENT', source);
    if (target.startsWith(`${source}/`)) throw systemError('EINVAL', target);
    const replaced = to.folder.names.get(to.name);
    // So it is with two names of one file as well: both stay.
    if (replaced === node) return;
    if (replaced !== undefined) checkReplaceable(node, replaced, target);
    if (from.folder === to.folder) {
      to.folder.rename(from.name, to.name);
      return;
    }
    from.folder.remove(from.name);
    to.folder.set(to.name, node);
  }

  renameNoReplace(source: string, target: string): void {
    const [from, to] = [this.#place(source), this.#place(target)];
    const isTaken = to.folder.names.has(to.name);
    if (isTaken && from.folder.names.has(from.name)) throw systemError('EEXIST', target);
    this.rename(source, target);
  }

  unlink(path: string): void {
    const { folder, name } = this.#place(path);
    const node = folder.names.get(name);
    if (node === undefined) throw systemError('ENOENT', path);
    if (node.kind === 'directory') throw systemError('EISDIR', path);
    folder.remove(name);
  }

  folderChange(path: string): bigint | undefined {
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', path);
    return node.kind === 'directory' ? node.changes : undefined;
  }

  list(path: string): readonly DirectoryEntry[] {
    return [...this.#folder(path).names]
      .map(([name, { kind }]): DirectoryEntry => ({ name, kind }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  makeDirectory(path: string): string | undefined {
    const found = this.#find(path);
    if (found?.kind === 'directory') return undefined;
    if (found !== undefined) throw systemError('EEXIST', path);
    const topmost = this.makeDirectory(dirname(path));
    const { folder, name } = this.#place(path);
    folder.set(name, new SimulatedFolder(this.#nextInode++));
    return topmost ?? path;
  }
}

function checkReplaceable(node: SimulatedNode, replaced: SimulatedNode, path: string): void {
  if (replaced.kind === 'file') {
    if (node.kind === 'directory') throw systemError('ENOTDIR', path);
  } else if (node.kind === 'file') throw systemError('EISDIR', path);
  else if (replaced.names.size > 0) throw systemError('ENOTEMPTY', path);
}

const unsafe = (path: string, what: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', `${path} is ${what}.`, { path });
