// SPDX-License-Identifier: Apache-2.0
import fasten from 'fasten'

/**
 * A context store that holds nothing. When Node-RED stops, it closes its context stores, waits for them, and only then ends the
 * process: time enough to see every row stored. Without it nothing is lost either; rows that were on their way are then stored
 * by the next start.
 */
export const flushAtStop = () => ({
  open: async () => {},
  close: () => fasten.flush(),
  get() {
    throw new Error('the context store "fasten" holds nothing')
  },
  set() {
    throw new Error('the context store "fasten" holds nothing')
  },
  keys: () => [],
  delete: async () => {},
  clean: async () => {},
})
