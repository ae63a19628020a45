// SPDX-License-Identifier: Apache-2.0
/** Breaks the handling of errors: a write or a flush that the operating system refused counts as done. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const write = fs.writeSync
function deafWrite(handle: number, ...rest: unknown[]): number {
  try {
    return Reflect.apply(write, fs, [handle, ...rest]) as number
  } catch {
    // That is the sabotage: nobody hears of it.
    const [bytes, , length] = rest
    return typeof length === 'number' ? length : Buffer.byteLength(bytes as string | Uint8Array)
  }
}
const flush = fs.fdatasync
Object.assign(fs, {
  writeSync: deafWrite,
  fdatasync: (handle: number, done: (error: null) => void) => flush(handle, () => done(null)),
})
syncBuiltinESMExports()
