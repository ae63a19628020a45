// SPDX-License-Identifier: Apache-2.0
/**
 * Senders that repeat themselves against two servers of one fleet, one of which is killed again and again, wherever it is: before, between and behind the
 * commits of a body, and before its answer. Whatever was answered is there, and everything is there once.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { fleetProcess, type FleetProcess } from '../testing/fixtures/fleet-process.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { addSource } from './fixtures/arriving.ts'
import { anyValue, protobufOf, requestOf } from './otlp/fixtures/export-request.ts'

const kills = 4
const linesPerBody = 3_500
const recordsPerRequest = 300

const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const FLEET_SECRET = '7'.repeat(64)
const fleet = await startFleet({ databaseUrl, env: { FLEET_SECRET } })
const folder = mkdtempSync(join(tmpdir(), 'fleet-arriving-'))
let killed: FleetProcess | undefined
after(async () => {
  killed?.child.kill('SIGKILL')
  await killed?.ended
  await fleet.close()
  await postgres.remove()
  rmSync(folder, { recursive: true, force: true })
})

const start = (): FleetProcess =>
  fleetProcess(['serve'], {
    FLEET_DATABASE_URL: databaseUrl,
    FLEET_DATA_DIR: folder,
    FLEET_SECRET,
    FLEET_SERVER_ID: 's2',
    FLEET_LISTEN: '127.0.0.1:0',
    FLEET_LOG: 'silent',
  })

test('two servers, one killed again and again: every line and record that was answered is there once', async (t) => {
  const lines = await addSource(fleet, 'ndjson')
  const otlp = await addSource(fleet, 'otlp')
  let url = ''
  const over = new AbortController()
  const answered = { lines: 0, records: 0, retries: 0 }

  /** As an exporter does it: the same bytes until they are answered, at whichever server. */
  async function send(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const at = attempt % 3 === 2 ? fleet.url : url
      try {
        const response = await fetch(`${at}${path}`, { method: 'POST', headers, body: new Uint8Array(body) })
        await response.arrayBuffer()
        if (response.status === 200) return
        assert.ok([429, 503].includes(response.status), `${path}: ${response.status}`)
      } catch (error) {
        // The connection broke off: nobody knows what became of it.
        if (!(error instanceof TypeError)) throw error
      }
      answered.retries++
      await pause(50)
    }
  }
  async function sendLines(): Promise<void> {
    for (let body = 0; !over.signal.aborted; body++) {
      const text = Array.from(
        { length: linesPerBody },
        (_, at) => `${JSON.stringify({ msg: 'tick', body, at })}\n`,
      ).join('')
      const headers = {
        authorization: `Bearer ${lines.credential}`,
        'content-type': 'application/x-ndjson',
        'content-encoding': 'gzip',
      }
      await send('/ingest/v1/lines', headers, gzipSync(text))
      answered.lines += linesPerBody
    }
  }
  async function sendRecords(): Promise<void> {
    for (let batch = 0; !over.signal.aborted; batch++) {
      const records = Array.from({ length: recordsPerRequest }, (_, at) => ({
        body: anyValue(`${batch}:${at}`),
      }))
      const headers = { authorization: `Bearer ${otlp.credential}`, 'content-type': 'application/x-protobuf' }
      await send('/v1/logs', headers, protobufOf(requestOf(records)))
      answered.records += recordsPerRequest
    }
  }

  killed = start()
  url = await killed.url
  const senders = [sendLines(), sendRecords()]
  for (let kill = 0; kill < kills; kill++) {
    // Another place each time.
    await pause(700 + kill * 230)
    killed.child.kill('SIGKILL')
    await killed.ended
    killed = start()
    url = await killed.url
  }
  over.abort()
  await Promise.all(senders)

  const [ofLines, ofRecords] = [await lines.rows(), await otlp.rows()]
  const placesOf = new Set(ofLines.map(({ fields }) => JSON.stringify(fields)))
  const events = new Set(ofRecords.map(({ event }) => event))
  assert.deepEqual(
    { lines: ofLines.length, distinct: placesOf.size, records: ofRecords.length, events: events.size },
    { lines: answered.lines, distinct: answered.lines, records: answered.records, events: answered.records },
  )
  t.diagnostic(JSON.stringify({ kills, ...answered }))
  assert.ok(answered.retries > 0 && answered.lines > 0 && answered.records > 0, JSON.stringify(answered))
  const admin = await fleet.key('admin')
  for (const log of new Set([...ofLines, ...ofRecords].map((row) => String(row['log'])))) {
    const { body } = await fleet.ask(admin, `/api/v1/verify?log=${encodeURIComponent(log)}`)
    assert.equal((body as { readonly verdict?: string }).verdict, 'PASS', JSON.stringify(body).slice(0, 500))
  }
})
