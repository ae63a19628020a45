// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createRoots } from './fixtures/spools.ts'
import {
  countQuarantine,
  discardQuarantine,
  listQuarantine,
  quarantine,
  type QuarantineEntry,
} from './quarantine.ts'
import { quarantineDirectory } from './spool/layout.ts'

const newRoot = createRoots()

const entryOf = (name: string, bytes: Uint8Array = Buffer.from('{}')): QuarantineEntry => ({
  name,
  kind: 'row',
  code: 'ROW_TOO_LARGE',
  message: 'too large',
  quarantined_at: '2031-03-01T00:00:00.000000Z',
  spool: '00112233445566aa',
  position: 7,
  log: '_/svc/node/audit',
  bytes,
})

/** A file system of its own, or undefined where only root may have one. */
function tinyDisk(t: TestContext, root: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', root], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`mounting a small file system takes root on Linux: ${String(error).split('\n')[0]}`)
    return false
  }
  t.after(() => execFileSync('umount', ['-l', root]))
  return true
}

describe('quarantine', () => {
  it('gives back every byte, in the order of names, and forgets what is discarded', () => {
    const root = newRoot()
    assert.deepEqual([listQuarantine(root), countQuarantine(root)], [[], 0])
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const entries = [
      entryOf('b', every),
      entryOf('a'),
      { ...entryOf('c'), kind: 'bytes' as const, log: null },
    ]
    quarantine(root, entries)
    quarantine(root, entries.slice(0, 1))
    const listed = listQuarantine(root).map((entry) => ({ ...entry, bytes: Uint8Array.from(entry.bytes) }))
    const sent = entries.map((entry) => ({ ...entry, bytes: Uint8Array.from(entry.bytes) }))
    assert.deepEqual(
      listed,
      sent.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    )
    discardQuarantine(root, ['b', 'never there'])
    assert.deepEqual([listQuarantine(root).map(({ name }) => name), countQuarantine(root)], [['a', 'c'], 2])
  })

  it('is readable by its owner alone', { skip: process.platform === 'win32' }, () => {
    const root = newRoot()
    quarantine(root, [entryOf('a')])
    const mode = (path: string): number => statSync(path).mode & 0o777
    const folder = quarantineDirectory(root)
    assert.deepEqual([mode(folder), mode(join(folder, 'a.json'))], [0o700, 0o600])
  })

  it('on a disk that is nearly full keeps a row whole or says that it could not', (t) => {
    const root = newRoot()
    if (!tinyDisk(t, root, '64k')) return
    const ballast = join(root, 'ballast')
    writeFileSync(ballast, Buffer.alloc(48 << 10))
    // What fits is written by one plain write, which answers that it wrote less and calls that a success.
    const large = entryOf('large', Buffer.alloc(15_000, 1))
    assert.throws(() => quarantine(root, [large]), { name: 'FastenError', code: 'QUARANTINE_IO' })
    assert.deepEqual(listQuarantine(root), [])
    rmSync(ballast)
    quarantine(root, [large])
    assert.deepEqual(
      listQuarantine(root).map(({ bytes }) => bytes.length),
      [15_000],
    )
  })

  it('says which file is not what was written there', () => {
    const root = newRoot()
    quarantine(root, [entryOf('a')])
    const path = join(quarantineDirectory(root), 'a.json')
    writeFileSync(path, '{"kind"')
    assert.throws(() => listQuarantine(root), {
      name: 'FastenError',
      code: 'QUARANTINE_UNREADABLE',
      at: path,
    })
    assert.deepEqual(readdirSync(quarantineDirectory(root)), ['a.json'])
  })
})
