// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { FastenError } from '../../core/error.ts'
import { listSegments, segmentHeaderBytes, segmentPath } from './layout.ts'
import { acquireLock } from './lock.ts'
import { createSpoolReader } from './reader.ts'
import type { SpoolDamage } from './spool.ts'
import { createSpoolWriter, type SpoolFiles } from './writer.ts'
import { codePoint } from '../../core/fixtures/code-point.ts'

const id = '00112233445566aa'
const log = '_/svc/node/audit'
let directory: string

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'fasten-spool-'))
})
afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true })
})

const path = (): string => join(directory, id)

/** Everything a reader finds, slice by slice. */
function readAll(end?: number, rowsMax = 100): { texts: string[]; damage: SpoolDamage[]; position: number } {
  const reader = createSpoolReader(id, path())
  const texts: string[] = []
  const damage: SpoolDamage[] = []
  let position = 0
  for (;;) {
    const slice = reader.read(position, end ?? reader.end(), rowsMax)
    texts.push(...slice.drafts.map((draft) => Buffer.from(draft.text).toString()))
    damage.push(...slice.damage)
    if (slice.position === position) break
    position = slice.position
  }
  reader.close()
  return { texts, damage, position }
}

describe('spool', () => {
  it('gives back every draft in order, over segments, with its log', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: codePoint, maxLength: 400 }), { maxLength: 60 }),
        fc.integer({ min: 64, max: 2000 }),
        (texts, segmentBytesTarget) => {
          fs.rmSync(path(), { recursive: true, force: true })
          const writer = createSpoolWriter({ id, directory: path(), segmentBytesTarget, reserveBytes: 0 })
          const wellFormed = texts.map((text) => text.toWellFormed())
          for (const text of wellFormed) writer.append(log, text)
          writer.close()
          const read = readAll(undefined, 7)
          assert.deepEqual(read.texts, wellFormed)
          assert.deepEqual(read.damage, [])
          assert.equal(read.position, writer.position)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('never shows what lies beyond the end it was given', () => {
    const writer = createSpoolWriter({ id, directory: path() })
    const first = writer.append(log, 'one')
    writer.append(log, 'two')
    assert.deepEqual(readAll(first).texts, ['one'])
    writer.close()
  })

  it('trims whole segments and keeps the positions of the rest', () => {
    const writer = createSpoolWriter({ id, directory: path(), segmentBytesTarget: 100 })
    const positions = Array.from({ length: 20 }, (_, index) =>
      writer.append(log, `row ${index} ${'x'.repeat(50)}`),
    )
    const reader = createSpoolReader(id, path())
    const before = listSegments(path()).length
    reader.trim(positions[9] ?? 0)
    assert.ok(listSegments(path()).length < before)
    const slice = reader.read(positions[9] ?? 0, writer.position, 1)
    assert.match(Buffer.from(slice.drafts[0]?.text ?? []).toString(), /^row 10 /)
    reader.trim(writer.position)
    assert.equal(listSegments(path()).length, 1, 'the segment being written stays')
    reader.close()
    writer.close()
  })

  it('passes over any damaged byte, keeps it as evidence and loses no other row', () => {
    const writer = createSpoolWriter({ id, directory: path(), reserveBytes: 0 })
    const texts = Array.from(
      { length: 40 },
      (_, index) => `{"row":${index},"pad":"${'p'.repeat(index * 3)}"}`,
    )
    for (const text of texts) writer.append(log, text)
    writer.close()
    const file = segmentPath(path(), 0)
    const good = fs.readFileSync(file)
    fc.assert(
      fc.property(
        fc.integer({ min: segmentHeaderBytes, max: good.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const bad = Buffer.from(good)
          bad[at] = (bad[at] ?? 0) ^ flip
          fs.writeFileSync(file, bad)
          const read = readAll()
          assert.equal(read.texts.length, texts.length - 1, 'exactly the damaged row is missing')
          assert.ok(read.texts.every((text) => texts.includes(text)))
          assert.equal(read.damage.length, 1)
          const damage = read.damage[0]
          assert.ok(damage && damage.from + segmentHeaderBytes <= at && at < damage.to + segmentHeaderBytes)
          assert.deepEqual(
            Buffer.from(damage.bytes),
            bad.subarray(damage.from + segmentHeaderBytes, damage.to + segmentHeaderBytes),
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  it('reads what is whole of a file cut at any byte, and ignores zeros behind it', () => {
    const writer = createSpoolWriter({ id, directory: path(), reserveBytes: 0 })
    const ends = ['alpha', 'beta', 'gamma'].map((text) => writer.append(log, text))
    writer.close()
    const file = segmentPath(path(), 0)
    const good = fs.readFileSync(file)
    for (let size = segmentHeaderBytes; size <= good.length; size++) {
      const whole = ends.filter((end) => end + segmentHeaderBytes <= size).length
      fs.writeFileSync(file, good.subarray(0, size))
      assert.equal(readAll().texts.length, whole)
      const atFrameEnd = size === segmentHeaderBytes || ends.includes(size - segmentHeaderBytes)
      assert.equal(readAll().damage.length, atFrameEnd ? 0 : 1, `a torn frame at ${size} is kept as evidence`)
      if (!atFrameEnd) continue
      fs.writeFileSync(file, Buffer.concat([good.subarray(0, size), Buffer.alloc(300)]))
      assert.deepEqual(readAll().damage, [], 'zeros are no damage')
    }
  })

  it('survives a failure of every single file operation: what append answered is there, what it threw is not', async () => {
    const plan = async (files: SpoolFiles): Promise<{ answered: string[]; threw: string[] }> => {
      const answered: string[] = []
      const threw: string[] = []
      const writer = createSpoolWriter({
        id,
        directory: path(),
        segmentBytesTarget: 200,
        reserveBytes: 512,
        files,
      })
      for (let index = 0; index < 12; index++) {
        const text = `row ${index} ${'x'.repeat(60)}`
        try {
          writer.append(log, text)
          answered.push(text)
        } catch (error) {
          assert.ok(error instanceof FastenError && /^SPOOL_(FULL|IO)$/.test(error.code), String(error))
          threw.push(text)
        }
        if (index % 4 === 3)
          await writer.sync().catch((error: unknown) => assert.ok(error instanceof FastenError))
      }
      // The trouble has passed: what was answered can be made durable, without a restart.
      await writer.sync()
      writer.close()
      return { answered, threw }
    }
    const counter = failing(Infinity, 'EIO')
    await plan(counter.files)
    let refusals = 0
    for (const code of ['ENOSPC', 'EIO']) {
      for (let failAt = 0; failAt < counter.count(); failAt++) {
        fs.rmSync(path(), { recursive: true, force: true })
        const { files, failed } = failing(failAt, code)
        try {
          const { answered, threw } = await plan(files)
          const { texts } = readAll()
          assert.deepEqual(texts, answered, `operation ${failAt} (${failed()}) failing with ${code}`)
          refusals += threw.length
        } catch (error) {
          // The spool could not be made at all: said with a code, nothing was accepted.
          assert.ok(error instanceof FastenError, `operation ${failAt} (${failed()}): ${String(error)}`)
        }
      }
    }
    assert.ok(refusals > 0, 'some operation must have refused a row, or the test does not bite')
  })

  it('admits one holder of a lock, also within a process', () => {
    const file = join(directory, 'x.lock')
    const held = acquireLock(file)
    assert.ok(held)
    assert.equal(acquireLock(file), null)
    held.release({ remove: true })
    const again = acquireLock(file)
    assert.ok(again)
    again.release()
  })
})

/** `node:fs` whose operation number `failAt` fails once; a write may first write half. */
function failing(
  failAt: number,
  code: string,
): { files: SpoolFiles; count: () => number; failed: () => string } {
  let operations = 0
  let failed = 'none'
  const fault = (name: string): Error | null => {
    if (operations++ !== failAt) return null
    failed = name
    return Object.assign(new Error(`${code}: injected`), { code })
  }
  const guard = (name: string): void => {
    const error = fault(name)
    if (error) throw error
  }
  const files: SpoolFiles = {
    ...fs,
    openSync(...args: Parameters<typeof fs.openSync>) {
      guard('openSync')
      return fs.openSync(...args)
    },
    writeSync: ((
      handle: number,
      bytes: Buffer,
      offset: number = 0,
      length: number = bytes.length,
      position: number = 0,
    ): number => {
      const error = fault('writeSync')
      if (!error) return fs.writeSync(handle, bytes, offset, length, position)
      fs.writeSync(handle, bytes, offset, Math.floor(length / 2), position)
      throw error
    }) as SpoolFiles['writeSync'],
    fdatasync: ((handle: number, done: (error: NodeJS.ErrnoException | null) => void) => {
      const error = fault('fdatasync')
      if (error) setImmediate(done, error)
      else fs.fdatasync(handle, done)
    }) as typeof fs.fdatasync,
    fdatasyncSync: (handle) => {
      guard('fdatasyncSync')
      fs.fdatasyncSync(handle)
    },
    fsyncSync: (handle) => {
      guard('fsyncSync')
      fs.fsyncSync(handle)
    },
    renameSync: (from, to) => {
      guard('renameSync')
      fs.renameSync(from, to)
    },
    readSync: ((...args: Parameters<typeof fs.readSync>) => {
      guard('readSync')
      return fs.readSync(...args)
    }) as typeof fs.readSync,
  }
  return { files, count: () => operations, failed: () => failed }
}
