// The moment that the reader points at: in all charts at once. None is chosen while nobody points.

export class Moments {
  #atSeconds: number | undefined;
  readonly #listeners: (() => void)[] = [];

  get atSeconds(): number | undefined {
    return this.#atSeconds;
  }

  set(atSeconds: number | undefined): void {
    if (atSeconds === this.#atSeconds) return;
    this.#atSeconds = atSeconds;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
