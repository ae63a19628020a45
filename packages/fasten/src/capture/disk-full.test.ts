// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createLogVerifier } from '../core/verify.ts'
import { openForReading } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import { createCodeRegistry } from '../core/code.ts'
import { createFasten } from './create.ts'

/** A file system of its own, `megabytes` large, or the reason why there is none. */
function smallDisk(
  atEnd: (work: () => unknown) => void,
  megabytes: number,
): string | { readonly why: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-full-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { why: 'mounting a small file system takes root on Linux' }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    return { why: `mount refused: ${String(error).split('\n')[0]}` }
  }
  atEnd(() => execFileSync('umount', ['-l', folder]))
  return folder
}

it('outlives a full disk: refuses with a code, resumes without a restart, and loses no row it accepted', async (t) => {
  const endings: (() => unknown)[] = []
  t.after(async () => {
    for (const work of endings.reverse()) await work()
  })
  const folder = smallDisk((work) => endings.push(work), 12)
  if (typeof folder !== 'string') return t.skip(folder.why)
  const path = join(folder, 'audit.db')
  const notices: string[] = []
  const registry = createCodeRegistry()
  registry.register('order', {
    ORDER_PLACED: { category: 'order', action: 'create' },
    ORDER_PAID: { category: 'order', action: 'pay', fail_closed: true },
  })
  const fasten = createFasten({
    registry,
    service_id: 's',
    node_id: 'n',
    audit_dsn: `sqlite:///${path}`,
    stdout: [],
    overflow_rows_max: 50,
    notices: { write: (text) => notices.push(text) },
  })
  endings.push(() => fasten.close(1000))
  await fasten.emit({ code: 'ORDER_PLACED', target: 'first' }).stored

  const ballast = join(folder, 'ballast')
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(ballast, Buffer.alloc(Math.max(bavail * bsize - (1 << 20), 0), 1))

  const inSpool: string[] = []
  const held: Promise<string>[] = []
  let refused = 0
  const note = 'x'.repeat(2000)
  for (let index = 0; index < 2500; index++) {
    const receipt = fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}`, detail: { note } })
    if (receipt.accepted) inSpool.push(receipt.id)
    else {
      const outcome = receipt.durable.then(
        () => receipt.id,
        (error: { code: string }) => {
          assert.equal(error.code, 'SPOOL_FULL')
          refused++
          return ''
        },
      )
      held.push(outcome)
    }
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(held.length > 50, 'the disk must have been full, or the test does not bite')
  assert.throws(() => fasten.emit({ code: 'ORDER_PAID', target: 'order/1' }), { code: 'SPOOL_FULL' })
  assert.ok(
    notices.some((notice) => /SPOOL_FULL: .*no space left.*free disk space/.test(notice)),
    notices.join(''),
  )
  assert.equal(existsSync(join(folder, 'audit.db-spool')), true)

  rmSync(ballast)
  const heldIds = (await Promise.all(held)).filter((id) => id !== '')
  assert.equal(heldIds.length, 50, 'what waited in memory is written once there is room')
  assert.ok(refused > 0)
  const paid = fasten.emit({ code: 'ORDER_PAID', target: 'order/1' })
  await paid.stored
  assert.equal(await fasten.flush(30_000), true)

  const stats = fasten.stats()
  assert.equal(stats.refused, refused + 1)
  assert.equal(stats.accepted, stats.stored)
  const store = await openForReading(path)
  endings.push(() => store.close())
  const [head] = await store.heads()
  assert.ok(head)
  const verifier = createLogVerifier({ log: head.log, head, digest: sha256, columns: true })
  const ids = new Set<string>()
  const codes = new Set<string>()
  for await (const row of store.evidence(head.log)) {
    verifier.push(row)
    ids.add(String(row.columns['id']))
    codes.add(String(row.columns['code']))
  }
  assert.deepEqual(
    [...inSpool, ...heldIds, paid.id].filter((id) => !ids.has(id)),
    [],
  )
  assert.ok(codes.has('DISK_FULL'), 'the trail says that the disk was full')
  assert.deepEqual(verifier.finish().breaks, [])
  t.diagnostic(
    `disk full: ${inSpool.length} rows accepted, ${heldIds.length} held and then written, ${stats.refused} refused and told, 0 lost`,
  )
})
