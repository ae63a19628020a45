// SPDX-License-Identifier: Apache-2.0
/** Breaks every flush of this process that goes through `node:fs`: it reports success and does nothing. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const flush = (_handle: number, done: (error: null) => void): void => queueMicrotask(() => done(null))
Object.assign(fs, { fdatasync: flush, fsync: flush, fdatasyncSync() {}, fsyncSync() {} })
syncBuiltinESMExports()
