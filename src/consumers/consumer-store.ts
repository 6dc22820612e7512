// The file of one consumer that is in use: locked, so that nobody else acknowledges in its name.
// What is written here waits for no disk: the syncs are made elsewhere (see DiskSyncs).
import { join } from 'node:path';
import { assert } from '../errors.js';
import { readRecord } from '../reading/consumer-files.js';
import { reading } from '../reading/read-failure.js';
import {
  CONSUMER_BYTES,
  CONSUMER_DROP_OFFSET,
  type ConsumerDrop,
  ConsumerDropLayout,
  type ConsumerRecord,
  type ConsumerSlot,
  confirmationOffset,
  decodeConsumer,
  decodeDrop,
  encodeConfirmation,
  encodeConsumer,
  encodeSlot,
  slotOffset,
} from '../segment/consumer-record.js';
import { isDefect } from '../segment/defect.js';
import { consumerFileName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { consumerLost, damagedConsumer, writing } from './consumer-failure.js';
import type { ConsumerPlace } from './consumer-place.js';
import { abandon, type Held, holdNamed, isSameFile, writeWhole } from './named-file.js';

/** What a slot tells besides its sequence. */
type SlotContent = Omit<ConsumerSlot, 'sequence'>;

export class ConsumerStore {
  readonly name: string;
  readonly path: string;
  readonly #place: ConsumerPlace;
  #held: Held;
  readonly #record: ConsumerRecord;
  /** The slot that no power cut takes back. The other one is what is written next. */
  #durable: ConsumerSlot;

  private constructor(place: ConsumerPlace, name: string, held: Held, record: ConsumerRecord) {
    this.#place = place;
    this.name = name;
    this.path = pathOf(place, name);
    this.#held = held;
    this.#record = record;
    this.#durable = record.newest;
  }

  /**
   * Opens the consumer that is there; undefined where there is none.
   * @throws WalError ERR_FLASHSTRIKE_LOCKED, _CORRUPT, _UNSAFE_FILE, _IO …
   */
  static async open(place: ConsumerPlace, name: string): Promise<ConsumerStore | undefined> {
    const path = pathOf(place, name);
    const held = await writing(path, () => holdNamed(place, name, path, 'rewrite'));
    if (held === undefined) return undefined;
    const { storage } = place.ports;
    let store: ConsumerStore | undefined;
    try {
      const record = readRecord(storage, held.fd, path, { name, logId: place.logId });
      if (isDefect(record)) {
        const damaged = `${path} is not valid: ${record.message}.`;
        throw damagedConsumer({ name, path, damaged });
      }
      const opened = new ConsumerStore(place, name, held, record);
      store = opened;
      await writing(path, () => opened.#begin());
      return opened;
    } catch (error) {
      // It may have another file by now, and the number of the first be somebody else's.
      if (store === undefined) storage.close(held.fd);
      else store.close();
      throw error;
    }
  }

  /**
   * Creates the file; undefined where there is one meanwhile.
   * @throws WalError ERR_FLASHSTRIKE_LOCKED, _NO_SPACE, _ACCESS, _IO; there is no file then
   */
  static async create(
    place: ConsumerPlace,
    name: string,
    slot: SlotContent,
  ): Promise<ConsumerStore | undefined> {
    const { storage } = place.ports;
    const path = pathOf(place, name);
    const header = { name, logId: place.logId, createdTsNs: slot.timestampNs };
    const bytes = encodeConsumer(header, slot);
    const record = decodeConsumer(bytes);
    assert(!isDefect(record), 'what is written is valid');
    const held = await writing(path, () => writeWhole(place, name, bytes, 'new'));
    if (held === undefined) return undefined;
    try {
      await writing(path, () => place.syncs.syncDirectory(place.dir));
    } catch (error) {
      abandon(storage, held.fd, path);
      throw error;
    }
    return new ConsumerStore(place, name, held, record);
  }

  get slot(): ConsumerSlot {
    return this.#durable;
  }

  /** The mark of one that was dropped, or that is in front of the log, as the file tells now. */
  mark(): ConsumerDrop | undefined {
    const page = new Uint8Array(ConsumerDropLayout.size);
    const { fd } = this.#held;
    const read = () => this.#storage.read(fd, page, CONSUMER_DROP_OFFSET);
    const count = reading(this.path, read, CONSUMER_DROP_OFFSET);
    return decodeDrop(page.subarray(0, count), this.#record.seed);
  }

  /**
   * Writes the older slot anew; resolves once that is on disk.
   * @throws WalError ERR_FLASHSTRIKE_FILE_LOST, _NO_SPACE, _IO …: what was durable stays so
   */
  async put(content: SlotContent): Promise<void> {
    const { path, name } = this;
    await writing(path, async () => {
      const named = this.#storage.statusAt(path);
      if (named === undefined || !isSameFile(named, this.#held.status)) {
        throw consumerLost(path, name);
      }
      if (named.links > 1) await this.#separate();
      await this.#settle({ ...content, sequence: this.#durable.sequence + 1 });
    });
  }

  /**
   * Lets go of the file, and removes it where it may not stay.
   * @throws the system's error where it cannot be removed
   */
  close(remove = false): void {
    try {
      if (remove) this.#storage.unlink(this.path);
    } finally {
      this.#storage.close(this.#held.fd);
    }
  }

  get #storage(): Storage {
    return this.#place.ports.storage;
  }

  /** What stands in the newest slot may be on no disk: the process that wrote it may have died. */
  async #begin(): Promise<void> {
    if (this.#held.status.links > 1) await this.#separate();
    await this.#settle(this.#record.newest);
    // The same goes for its name.
    await this.#place.syncs.syncDirectory(this.#place.dir);
  }

  /** The order is what counts: written, on disk, confirmed. Also where the same stood there. */
  async #settle(slot: ConsumerSlot): Promise<void> {
    const { seed } = this.#record;
    const { fd } = this.#held;
    this.#storage.write(fd, [encodeSlot(slot, seed)], slotOffset(slot.sequence));
    await this.#place.syncs.sync(fd);
    const confirmation = encodeConfirmation(slot.sequence, seed);
    this.#storage.write(fd, [confirmation], confirmationOffset(slot.sequence));
    this.#durable = slot;
  }

  /** Somebody gave the file a second name, as a snapshot by hard links does: that one stays. */
  async #separate(): Promise<void> {
    const bytes = new Uint8Array(CONSUMER_BYTES);
    this.#storage.read(this.#held.fd, bytes, 0);
    const held = await writeWhole(this.#place, this.name, bytes, 'replacement');
    assert(held !== undefined, 'a replacement replaces');
    const { fd } = this.#held;
    this.#held = held;
    this.#storage.close(fd);
    await this.#place.syncs.syncDirectory(this.#place.dir);
  }
}

const pathOf = ({ dir }: ConsumerPlace, name: string): string => join(dir, consumerFileName(name));
