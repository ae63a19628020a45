// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { createRoots, log, openSpool } from '../fixtures/spools.ts'
import { listSegments, segmentPath, spoolDirectory } from '../spool/layout.ts'
import { scrubSpools } from './scrub-spools.ts'
import { encodeSealed } from './sealed.ts'
import { sealedFramesIn } from './sealed-frames.ts'

const newRoot = createRoots()
const spool = '00000000000000ee'
const hex = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)
const key = { id: hex('key'), tenant: '', subject: hex('bob'), kek: hex('kek').slice(0, 16), made_at: '' }
const wrapped = { ...key, wrapped: Buffer.from(hex('wrapped')).toString('base64') }
const box = Buffer.from(hex('box')).toString('base64')
const sealed = encodeSealed({ keys: [wrapped], values: [{ pointer: '/actor', key: key.id, box }] })

/** A spool of three segments with one sealed row each, and the paths of its files. */
function threeSegments(): { readonly root: string; readonly paths: readonly string[]; append(): void } {
  const root = newRoot()
  const writer = openSpool(root, spool)
  const append = (): void => void writer.append(log, '{}', sealed)
  for (let row = 0; row < 3; row++) append()
  const directory = spoolDirectory(root, spool)
  return { root, append, paths: listSegments(directory).map((start) => segmentPath(directory, start)) }
}

test('segments that a living drainer removes meanwhile are passed over', async () => {
  const { root, paths } = threeSegments()
  assert.equal(paths.length, 3)
  const [first = '', second = ''] = paths
  const scrubbed = await scrubSpools(root, [wrapped], async () => {
    // The drainer comes between the look at the first and its scrubbing, and between the list of files and the second.
    for (const path of [first, second]) rmSync(path, { force: true })
    return 1_000_000n
  })
  assert.deepEqual(scrubbed, { blanked: 1, waiting: 0 })
})

test('a second look reads what was written since, and nothing twice', () => {
  const { root, append } = threeSegments()
  const seen = new Map<string, number>()
  const look = (): number => [...sealedFramesIn(root, seen)].length
  assert.deepEqual([look(), look()], [3, 0])
  append()
  assert.deepEqual([look(), look()], [1, 0])
})
