// SPDX-License-Identifier: Apache-2.0

/** Between a tail, which may be fast, and a screen, which need not be. */
export interface Inbox<T> {
  /** Puts something in; resolves when more may come. Whoever awaits it cannot fill the memory: what is not taken stays where it came from. */
  put(item: T): Promise<void>
  /** Everything that is in it, which is then empty. */
  takeAll(): readonly T[]
}

/** An inbox for so many items; `onItem` is told of each. */
export function createInbox<T>(itemsMax: number, onItem: () => void): Inbox<T> {
  let items: T[] = []
  let waiting: (() => void)[] = []
  return {
    put(item) {
      items.push(item)
      onItem()
      return items.length < itemsMax ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))
    },
    takeAll() {
      const [taken, released] = [items, waiting]
      items = []
      waiting = []
      for (const resolve of released) resolve()
      return taken
    },
  }
}
