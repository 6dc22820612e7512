// What the mutation check switches off: `find` stands exactly once in `file`; at least one of `tests`
// must fail with `replace` in its place.
export const MUTATIONS = [
  {
    name: 'watermark rule: a durable event may be lost',
    file: 'src/recovery/tail-judgement.ts',
    find: 'durableLost: claims.durableEventId >= nextEventId,',
    replace: 'durableLost: false,',
    tests: ['src/recovery/tail-judgement.test.ts', 'src/recovery/manager.test.ts'],
  },
  {
    name: 'watermark: the durable id never gets into the file',
    file: 'src/recorder/segment-writer.ts',
    find: 'if (active === undefined || active.durableClaim >= this.#durableEventId) return;',
    replace: 'return;',
    tests: ['src/recorder/segment-writer.test.ts'],
  },
  {
    name: 'chain: a block follows any other',
    file: 'src/recovery/segment-reader.ts',
    find: 'if (previous !== undefined && block.previousBlockChecksum !== previous) {',
    replace: 'if (false) {',
    tests: ['src/recovery/segment-reader.test.ts'],
  },
  {
    name: 'salt: not in the checksum of a header',
    file: 'src/segment/block-header.ts',
    find: 'salt ^ BigInt(fileOffset)',
    replace: 'BigInt(fileOffset)',
    tests: ['src/segment/block-header.test.ts'],
  },
  {
    name: 'salt: the same in all segments',
    file: 'src/recorder/segment-writer.ts',
    find: 'salt: this.#d.random64(),',
    replace: 'salt: 0n,',
    tests: ['src/recorder/segment-writer-rotation.test.ts'],
  },
  {
    name: 'header checksum: any will do',
    file: 'src/segment/block-header.ts',
    find: 'if (headerChecksum !== checksumOf(bytes, at, salt, fileOffset)) {',
    replace: 'if (false) {',
    tests: ['src/segment/block-header.test.ts'],
  },
  {
    name: 'payload checksum: any will do',
    file: 'src/segment/block-header.ts',
    find: 'if (xxh64(payload, salt) !== header.payloadChecksum) {',
    replace: 'if (false) {',
    tests: ['src/segment/block-header.test.ts'],
  },
  {
    name: 're-dirtying: the prefix is only read',
    file: 'src/recovery/manager.ts',
    find: '    storage.write(file.fd, [part], at);\n',
    replace: '',
    tests: ['src/recovery/manager.test.ts'],
  },
  {
    name: 're-dirtying: the prefix is not synced',
    file: 'src/recovery/manager.ts',
    find: '  storage.sync(file.fd);\n',
    replace: '',
    tests: ['src/recovery/manager.test.ts'],
  },
  {
    name: 'sticky failure: a failed writer goes on',
    file: 'src/recorder/segment-writer.ts',
    find: 'if (this.#state === LogState.failed) return this.#idleMs();',
    replace: '',
    tests: ['src/recorder/segment-writer-failure.test.ts'],
  },
  {
    name: 'rotation: the sealed segment is not synced',
    file: 'src/recorder/segment-writer.ts',
    find: '    active.sync();\n    this.#predecessor',
    replace: '    this.#predecessor',
    tests: ['src/recorder/segment-writer-rotation.test.ts'],
  },
  {
    name: 'rotation: the header page is not synced',
    file: 'src/recorder/active-segment.ts',
    find: '    storage.sync(fd);\n    storage.renameNoReplace',
    replace: '    storage.renameNoReplace',
    tests: ['src/recorder/segment-writer-rotation.test.ts'],
  },
  {
    name: 'rotation: the folder is not synced',
    file: 'src/recorder/active-segment.ts',
    find: '    storage.syncDirectory(directory);\n',
    replace: '',
    tests: ['src/recorder/segment-writer-rotation.test.ts'],
  },
  {
    name: 'open: the folder is not synced',
    file: 'src/recorder/opening.ts',
    find: '      storage.syncDirectory(directory);\n',
    replace: '',
    tests: ['src/recorder/opening.test.ts'],
  },
  {
    name: 'meta: the folder is not synced behind the rename',
    file: 'src/recorder/meta-store.ts',
    find: '    this.#storage.syncDirectory(this.#directory);\n',
    replace: '',
    tests: ['src/recorder/worker/meta-coordinator.test.ts'],
  },
  {
    name: 'meta: the new file is not synced before the rename',
    file: 'src/recorder/meta-store.ts',
    find: '      this.#storage.sync(fd);\n',
    replace: '',
    tests: ['src/recorder/worker/meta-coordinator.test.ts'],
  },
  {
    name: 'readers: the end is judged without a second look',
    file: 'src/recovery/tail-judgement.ts',
    find: '  if (reader.validatesNow()) return undefined;\n',
    replace: '',
    tests: ['src/recovery/tail-judgement.test.ts', 'src/recovery/cursor.test.ts'],
  },
  {
    name: 'ring: a frame is published before its payload',
    file: 'src/ring/ring-producer.ts',
    find: `    this.#bytes.set(payload, offset + FRAME_HEADER_BYTES);
    this.#ids[NEXT_ID] = id + 1;
    this.#advance(span);
`,
    replace: `    this.#ids[NEXT_ID] = id + 1;
    this.#advance(span);
    this.publish();
    this.#bytes.set(payload, offset + FRAME_HEADER_BYTES);
`,
    tests: ['src/ring/ring.test.ts'],
  },
  {
    name: 'region: that of another log will do',
    file: 'src/memory/region-file.ts',
    find: 'if (logId !== undefined && header.logId !== logId)',
    replace: 'if (false)',
    tests: ['src/memory/region-file.test.ts'],
  },
  {
    name: 'region: that of the folder it was copied from will do',
    file: 'src/memory/region-file.ts',
    find: 'if (header.lockDevice !== lockDevice || header.lockInode !== lockInode) {',
    replace: 'if (false) {',
    tests: ['src/memory/region-file.test.ts'],
  },
  {
    name: 'region: that of another boot will do',
    file: 'src/memory/region-file.ts',
    find: 'if (!isKnownBoot(header.bootId) || Buffer.compare(header.bootId, bootId()) !== 0) {',
    replace: 'if (false) {',
    tests: ['src/memory/region-file.test.ts'],
  },
  {
    name: 'lock: nobody is kept out',
    file: 'src/storage/lock-file.ts',
    find: "if (mode === 'flock') flock(fd, path);",
    replace: '',
    tests: ['src/storage/lock-file.test.ts'],
  },
  {
    name: 'lock: that of a replaced file will do',
    file: 'src/storage/lock-file.ts',
    find: 'if (candidate.isNamed()) lock = candidate;',
    replace: 'lock = candidate;',
    tests: ['src/storage/lock-file.test.ts'],
  },
  {
    name: 'threads: native calls are disturbed by the end',
    file: 'src/recorder/signals.ts',
    find: "if (this.get('processEnds') === 0) return body();",
    replace: 'return body();',
    tests: ['src/recorder/signals.test.ts'],
  },
];
