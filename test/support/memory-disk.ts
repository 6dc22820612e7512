// A disk in memory: what the kernel has (cached) apart from what a power cut leaves (durable), for
// the pages of each file and the names in each folder.
//
// - A sync makes the dirty pages of a file durable; `loseDirtyPages` marks them clean without that,
//   as a kernel does after a failed write-back: a later sync returns and changes nothing.
// - A folder's sync makes its names durable. A file that no durable name leads to is gone.
import { dirname } from 'node:path';
import { WalError } from '../../src/errors.js';
import type { DirectoryEntry, FileStatus, OpenMode, Storage } from '../../src/storage/storage.js';
import { PAGE_BYTES } from '../../src/units.js';
import { systemError } from './faulty-storage.js';

class MemoryFile {
  readonly kind = 'file';
  readonly inode: bigint;
  bytes: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  readonly dirtyPages = new Set<number>();

  constructor(inode: bigint) {
    this.inode = inode;
  }

  resize(bytes: number): void {
    const resized = new Uint8Array(bytes);
    resized.set(this.bytes.subarray(0, bytes));
    this.bytes = resized;
  }

  write(part: Uint8Array, offset: number): void {
    if (part.length === 0) return;
    const end = offset + part.length;
    if (end > this.bytes.length) this.resize(end);
    this.bytes.set(part, offset);
    for (let page = Math.floor(offset / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      this.dirtyPages.add(page);
    }
  }

  sync(): void {
    const durable = new Uint8Array(this.bytes.length);
    durable.set(this.durable.subarray(0, durable.length));
    for (const page of this.dirtyPages) {
      const start = page * PAGE_BYTES;
      durable.set(this.bytes.subarray(start, start + PAGE_BYTES), start);
    }
    this.dirtyPages.clear();
    this.durable = durable;
  }

  cutPower(): void {
    this.bytes = Uint8Array.from(this.durable);
    this.dirtyPages.clear();
  }

  copy(): MemoryFile {
    const copy = new MemoryFile(this.inode);
    copy.bytes = Uint8Array.from(this.bytes);
    copy.durable = Uint8Array.from(this.durable);
    for (const page of this.dirtyPages) copy.dirtyPages.add(page);
    return copy;
  }
}

class MemoryFolder {
  readonly kind = 'directory';
  readonly inode: bigint;
  names = new Map<string, MemoryNode>();
  durableNames = new Map<string, MemoryNode>();

  constructor(inode: bigint) {
    this.inode = inode;
  }

  cutPower(): void {
    this.names = new Map(this.durableNames);
    for (const node of this.names.values()) node.cutPower();
  }

  /** @param copies what was copied before: a node may be linked twice, now and durably */
  copyInto(copy: MemoryFolder, copies: Map<MemoryNode, MemoryNode>): MemoryFolder {
    const copied = (node: MemoryNode): MemoryNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const made = node.kind === 'file' ? node.copy() : new MemoryFolder(node.inode);
      copies.set(node, made);
      if (node.kind === 'directory' && made.kind === 'directory') node.copyInto(made, copies);
      return made;
    };
    for (const [name, node] of this.names) copy.names.set(name, copied(node));
    for (const [name, node] of this.durableNames) copy.durableNames.set(name, copied(node));
    return copy;
  }
}

type MemoryNode = MemoryFile | MemoryFolder;

const FIRST_DESCRIPTOR = 100_000;

export class MemoryDisk implements Storage {
  /** The files' sizes may not sum to more. */
  capacityBytes = Number.POSITIVE_INFINITY;
  readonly #files: MemoryFile[] = [];
  readonly #descriptors = new Map<number, MemoryFile>();
  #nextInode = 1n;
  #nextDescriptor = FIRST_DESCRIPTOR;
  readonly #root = new MemoryFolder(0n);

  /** A process dies: its descriptors go, what the kernel has stays. */
  kill(): void {
    this.#descriptors.clear();
  }

  /** The same files on another disk, none of them open. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.capacityBytes = this.capacityBytes;
    disk.#nextInode = this.#nextInode;
    const copies = new Map<MemoryNode, MemoryNode>();
    this.#root.copyInto(disk.#root, copies);
    for (const node of copies.values()) if (node.kind === 'file') disk.#files.push(node);
    return disk;
  }

  /** Only what was synced is left. */
  cutPower(): void {
    this.kill();
    this.#root.cutPower();
  }

  /** Write-back failed: the pages are clean now, and the disk does not have them. */
  loseDirtyPages(): void {
    for (const file of this.#files) file.dirtyPages.clear();
  }

  /** All of a file as the kernel has it. */
  contentOf(path: string): Uint8Array {
    const node = this.#find(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    return node.bytes;
  }

  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (node?.kind !== 'directory') throw systemError('ENOTDIR', path);
      node = node.names.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  #folder(path: string): MemoryFolder {
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', path);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', path);
    return node;
  }

  /** The folder that holds `path`, and the name in it. */
  #place(path: string): { folder: MemoryFolder; name: string } {
    return { folder: this.#folder(dirname(path)), name: path.slice(path.lastIndexOf('/') + 1) };
  }

  #file(fd: number): MemoryFile {
    const file = this.#descriptors.get(fd);
    if (file === undefined) throw systemError('EBADF', `descriptor ${fd}`);
    return file;
  }

  #checkSpace(file: MemoryFile, bytes: number): void {
    const linked = this.#files.filter((each) => each !== file && this.#isLinked(each));
    const used = linked.reduce((sum, each) => sum + each.bytes.length, 0);
    if (used + bytes > this.capacityBytes) throw systemError('ENOSPC', `${bytes} bytes`);
  }

  #isLinked(file: MemoryFile, folder = this.#root): boolean {
    for (const node of folder.names.values()) {
      if (node === file) return true;
      if (node.kind === 'directory' && this.#isLinked(file, node)) return true;
    }
    return false;
  }

  open(path: string, mode: OpenMode): number {
    const { folder, name } = this.#place(path);
    let node = folder.names.get(name);
    if (node !== undefined && mode === 'create') throw systemError('EEXIST', path);
    if (node?.kind === 'directory') {
      throw new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', `${path} is a folder.`, { path });
    }
    if (node === undefined) {
      if (mode === 'read' || mode === 'write') throw systemError('ENOENT', path);
      node = new MemoryFile(this.#nextInode++);
      this.#files.push(node);
      folder.names.set(name, node);
    }
    const fd = this.#nextDescriptor++;
    this.#descriptors.set(fd, node);
    return fd;
  }

  close(fd: number): void {
    this.#file(fd);
    this.#descriptors.delete(fd);
  }

  statusOf(fd: number): FileStatus {
    return statusOf(this.#file(fd));
  }

  statusAt(path: string): FileStatus | undefined {
    const node = this.#find(path);
    return node === undefined ? undefined : statusOf(node);
  }

  read(fd: number, target: Uint8Array, offset: number): number {
    const part = this.#file(fd).bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  write(fd: number, parts: readonly Uint8Array[], offset: number): void {
    const file = this.#file(fd);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const end = offset + bytes;
    if (end > file.bytes.length) this.#checkSpace(file, end);
    file.write(Buffer.concat(parts), offset);
  }

  /** As ext4 does it: where space runs out, a part stays allocated. */
  allocate(fd: number, bytes: number): void {
    const file = this.#file(fd);
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
    this.#file(fd).resize(bytes);
  }

  sync(fd: number): void {
    this.#file(fd).sync();
  }

  syncDirectory(path: string): void {
    const folder = this.#folder(path);
    folder.durableNames = new Map(folder.names);
  }

  rename(source: string, target: string): void {
    const from = this.#place(source);
    const to = this.#place(target);
    const node = from.folder.names.get(from.name);
    if (node === undefined) throw systemError('ENOENT', source);
    from.folder.names.delete(from.name);
    to.folder.names.set(to.name, node);
  }

  renameNoReplace(source: string, target: string): void {
    if (this.#find(target) !== undefined) throw systemError('EEXIST', target);
    this.rename(source, target);
  }

  unlink(path: string): void {
    const { folder, name } = this.#place(path);
    const node = folder.names.get(name);
    if (node === undefined) throw systemError('ENOENT', path);
    if (node.kind === 'directory') throw systemError('EISDIR', path);
    folder.names.delete(name);
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
    folder.names.set(name, new MemoryFolder(this.#nextInode++));
    return topmost ?? path;
  }
}

const statusOf = (node: MemoryNode): FileStatus => ({
  kind: node.kind,
  bytes: node.kind === 'file' ? node.bytes.length : 0,
  device: 1n,
  inode: node.inode,
  links: 1,
  owner: 0,
});
