// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createFasten } from '../capture/create.ts'
import { trustNobody, type Trust } from '../core/anchor.ts'
import { parseVerifierKey, type VerifierKey } from '../core/verifier-key.ts'
import type { LogVerdict, Verdict } from '../core/verdict.ts'
import { openForReading } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import type { Sealed } from '../store/seal/sealer.ts'
import { createShell, type Shell } from './fixtures/sql-shell.ts'
import { logOf } from './fixtures/trail.ts'
import { verifyLogs } from './local-verify.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

const log = logOf('audit')
let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-anchored-'))
  path = join(folder, 'a.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** One life of a service: emits, signs, and ends. Answers the last checkpoint of the audit log. */
async function live(rows: number): Promise<Sealed> {
  const fasten = createFasten({
    service_id: 'plant',
    node_id: 'edge-7',
    audit_dsn: `sqlite:///${path}`,
    sys_dsn: `sqlite:///${path}`,
    api_dsn: `sqlite:///${path}`,
    drain_thread: false,
    stdout: ['none'],
    notices: { write: () => true },
    exit_hooks: false,
    // A crowded machine is no failure.
    flush_timeout_ms: 60_000,
  })
  for (let index = 0; index < rows; index++) fasten.emit({ code: 'DOCTOR_PROBE', target: `valve/${index}` })
  const sealed = await fasten.checkpoint()
  await fasten.close()
  return (
    sealed.find((each) => each.log === log || each.log.startsWith(`${log}~`)) ??
    assert.fail('nothing was signed')
  )
}

async function verified(trust: Partial<Trust> = {}, file = path): Promise<Verdict> {
  const store = await openForReading(file)
  try {
    return await verifyLogs([store], {}, sha256, undefined, { ...trustNobody, ...trust })
  } finally {
    await store.close()
  }
}

function tamper(work: (shell: Shell) => void): void {
  const database = openBeside(path)
  try {
    work(createShell(database))
  } finally {
    database.close()
  }
}

/** The key of the log, as an auditor was handed it in good times. */
async function handedKey(): Promise<VerifierKey> {
  const store = await openForReading(path)
  const [first] = await store.scan({ stream: 'audit', order: 'stored', limit: 1 })
  await store.close()
  const { public_key } = JSON.parse(first?.leaf ?? '{}').detail as { public_key: string }
  return parseVerifierKey(public_key, sha256)
}

const kinds = ({ breaks }: LogVerdict): unknown[] =>
  breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index])
const of = (verdict: Verdict, name = log): LogVerdict =>
  verdict.logs.find((each) => each.log === name) ?? assert.fail(`no verdict on ${name}`)

describe('a log with signed checkpoints', () => {
  test('is anchored by the key that an auditor was handed, in whole and in part', async () => {
    await live(6)
    const key = await handedKey()
    const whole = of(await verified({ logs: [key] }))
    assert.deepEqual([whole.verdict, whole.unanchored_rows, whole.anchored_to?.size], ['PASS', 0, 7])
    const store = await openForReading(path)
    for (const range of [{ from_seq: 3 }, { to_seq: 4 }, { from_seq: 2, to_seq: 5 }]) {
      const part = of(await verifyLogs([store], range, sha256, undefined, { ...trustNobody, logs: [key] }))
      assert.deepEqual([part.anchored_to?.size, part.unanchored_rows, part.breaks], [7, 0, []])
    }
    await store.close()
  })

  test('rows behind the newest checkpoint are counted as nobody’s word', async () => {
    await live(6)
    await live(3)
    tamper(({ sql }) => sql('DELETE FROM fasten_checkpoints WHERE size > 7'))
    const verdict = of(await verified())
    assert.deepEqual([verdict.anchored_to?.size, verdict.unanchored_rows], [7, 3])
    assert.match(verdict.notes.join(), /rows from 7 on lie behind the newest signed checkpoint/)
    tamper(({ sql }) => sql('DELETE FROM fasten_checkpoints'))
    const unsigned = of(await verified())
    assert.deepEqual([unsigned.anchored_to, unsigned.unanchored_rows], [null, 10])
  })

  test('rewritten as a whole, hashes, head and all, it fails against the signature', async () => {
    await live(8)
    const key = await handedKey()
    tamper(({ rewrite, head }) => {
      let prev_hash = rewrite('audit', 4, { actor: 'mallory' })
      for (let seq = 5; seq < 9; seq++) prev_hash = rewrite('audit', seq, { prev_hash })
      head('audit', 'head_hash', prev_hash)
    })
    const verdict = of(await verified({ logs: [key] }))
    assert.equal(verdict.verdict, 'FAIL')
    assert.deepEqual(kinds(verdict), [['checkpoint_mismatch', 8, 8]])
  })

  test('with its tail cut and checkpoints deleted, it fails against one that was kept, and names what is gone', async () => {
    const { note } = await live(8)
    const key = await handedKey()
    tamper(({ sql, remove, head, hash }) => {
      remove('audit', 5, 99)
      head('audit', 'size', 5)
      head('audit', 'head_hash', hash('audit', 4))
      sql('DELETE FROM fasten_checkpoints')
    })
    const blind = of(await verified())
    assert.deepEqual([blind.verdict, blind.anchored_to], ['PASS', null])
    const kept = [{ note, from: 'kept.txt' }]
    const verdict = of(await verified({ logs: [key], kept }))
    assert.equal(verdict.verdict, 'FAIL')
    assert.deepEqual(kinds(verdict), [['log_shorter_than_checkpoint', 5, 8]])
    assert.equal(verdict.rows_missing, 4)
  })

  test('gone altogether, it still fails against a kept checkpoint', async () => {
    const { note } = await live(4)
    const key = await handedKey()
    tamper(({ sql }) => {
      for (const table of ['audit_log', 'fasten_logs', 'fasten_checkpoints']) sql(`DELETE FROM ${table}`)
    })
    const verdict = of(await verified({ logs: [key], kept: [{ note, from: 'kept.txt' }] }))
    assert.deepEqual(kinds(verdict), [['log_shorter_than_checkpoint', 0, 4]])
  })
})

describe('over a restart', () => {
  /** What the second life found, and wrote as row 0 of the log it opened instead. */
  async function successor(): Promise<{ log: unknown; reason: unknown; size: unknown }> {
    const store = await openForReading(path)
    const rows = await store.scan({ stream: 'audit', filter: { log: `${log}~2` }, order: 'stored', limit: 1 })
    await store.close()
    const detail = JSON.parse(rows[0]?.leaf ?? '{}').detail as { previous_log: Record<string, unknown> }
    const { log: name, reason, size } = detail.previous_log
    return { log: name, reason, size }
  }

  test('an untouched log is simply continued', async () => {
    await live(3)
    await live(3)
    const verdict = await verified({ logs: [await handedKey()] })
    assert.deepEqual([verdict.verdict, verdict.logs.map((each) => each.log)], ['PASS', [log]])
  })

  test('an older copy of the file that was put back is not continued', async () => {
    await live(3)
    copyFileSync(path, join(folder, 'older'))
    await live(3)
    copyFileSync(join(folder, 'older'), path)
    await live(2)
    assert.deepEqual(await successor(), { log, reason: 'rolled_back', size: 7 })
  })

  test('a file that was deleted is not begun again as if nothing had been', async () => {
    const { note } = await live(3)
    rmSync(path)
    await live(2)
    assert.deepEqual(await successor(), { log, reason: 'log_missing', size: 4 })
    const verdict = await verified({ kept: [{ note, from: 'kept.txt' }], logs: [] })
    assert.notEqual(verdict.verdict, 'PASS')
  })

  test('a tail that was cut with plain SQL, head and checkpoints too, is not grown again', async () => {
    await live(6)
    tamper(({ sql, remove, head, hash }) => {
      remove('audit', 4, 99)
      head('audit', 'size', 4)
      head('audit', 'head_hash', hash('audit', 3))
      sql('DELETE FROM fasten_checkpoints')
    })
    await live(2)
    assert.deepEqual(await successor(), { log, reason: 'rolled_back', size: 7 })
  })

  test('rows that were rewritten under what was signed are not built upon', async () => {
    await live(6)
    tamper(({ rewrite, head }) => head('audit', 'head_hash', rewrite('audit', 6, { actor: 'mallory' })))
    await live(2)
    assert.deepEqual(await successor(), { log, reason: 'diverged', size: 7 })
  })
})
