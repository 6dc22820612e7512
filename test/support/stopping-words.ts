// Words of shared memory whose writer can be stopped between any two of its stores. Only plain
// stores are seen: see `cannotStop`.

/** Why a writer cannot be stopped between two stores here, or false. */
export const cannotStop: string | false =
  process.arch === 'x64' ? false : 'elsewhere than on x64 some of the stores are atomic calls';

/** `words`, but each store tells `onStore` first: its word and its value. */
export function watchedWords(
  words: Uint32Array,
  onStore: (at: number, value: number) => void,
): Uint32Array {
  /** Word after word: what stops half-way has the first of them. */
  const setAll = (source: ArrayLike<number>, first = 0): void => {
    for (let word = 0; word < source.length; word++) {
      const value = source[word] as number;
      onStore(first + word, value);
      words[first + word] = value;
    }
  };
  return new Proxy(words, {
    get: (target, name) => (name === 'set' ? setAll : Reflect.get(target, name)),
    set(target, name, value) {
      onStore(Number(name), Number(value));
      return Reflect.set(target, name, value);
    },
  });
}

export interface WordStore {
  readonly at: number;
  readonly value: number;
}

/** The stores that `act` makes, in their order; `words` are as before when it returns. */
export function storesOf(words: Uint32Array, act: (watched: Uint32Array) => void): WordStore[] {
  const before = words.slice();
  const stores: WordStore[] = [];
  act(watchedWords(words, (at, value) => stores.push({ at, value })));
  words.set(before);
  return stores;
}
