/** The part of a full map that is dropped at once: finding the oldest entry takes time, because a Map steps
 * over all those deleted before. */
const DROPPED_PART = 1 / 16

/** A map of at most `max` entries. When it is full, the sixteenth of them that was set longest ago is
 * dropped. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #max: number

  constructor(max: number) {
    super()
    this.#max = max
  }

  /** Setting a key again makes it the latest one. */
  override set(key: Key, value: Value): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > this.#max) this.#dropOldest()
    return this
  }

  #dropOldest(): void {
    const kept = this.#max - Math.floor(this.#max * DROPPED_PART)
    for (const key of this.keys()) {
      if (this.size <= kept) return
      this.delete(key)
    }
  }
}
