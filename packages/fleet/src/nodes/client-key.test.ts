// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { createEnrolmentToken } from './enrolment/create-enrolment-token.ts'
import { createSystemClock } from 'fasten/store'
import { startNode } from '../ingest/fixtures/real-node.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const skip = hasOpenssl ? false : 'not run: openssl (Debian package openssl) is not installed'
const folder = mkdtempSync(join(tmpdir(), 'fleet-tls-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)

const openssl = (...parts: string[]): void =>
  void execFileSync('openssl', parts, { cwd: folder, stdio: 'pipe' })

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
    '-subj',
    `/CN=${name}`,
  )
}

/** A certificate that `ca` signs, over the key that is there already or a new one. */
function certificate(name: string, ca: string, key = name): void {
  if (key === name)
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
  openssl('req', '-new', '-key', `${key}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1\n')
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${ca}.crt`,
    '-CAkey',
    `${ca}.key`,
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    'ext',
    '-out',
    `${name}.crt`,
  )
}

interface Told {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

test(
  'a credential opens nothing without the client certificate that it enrolled with',
  { skip },
  async (t) => {
    authority('ca')
    authority('other-ca')
    certificate('server', 'ca')
    certificate('node', 'ca')
    certificate('stranger', 'ca')
    certificate('forged', 'other-ca', 'node')
    certificate('renewed', 'ca', 'node')
    const postgres = await startPostgres()
    const fleet = await startFleet({
      databaseUrl: await postgres.freshDatabase(),
      env: {
        FLEET_TLS_CERT: at('server.crt'),
        FLEET_TLS_KEY: at('server.key'),
        FLEET_TLS_CLIENT_CA: at('ca.crt'),
      },
    })
    t.after(async () => {
      await fleet.close()
      await postgres.remove()
    })
    assert.match(fleet.url, /^https:/)

    const ask = (
      cert: string | undefined,
      key: string,
      path: string,
      body: object,
      credential?: string,
    ): Promise<Told> =>
      new Promise((resolve, reject) => {
        const sent = request(
          `${fleet.url}${path}`,
          {
            method: 'POST',
            agent: false,
            ca: readFileSync(at('ca.crt')),
            ...(cert === undefined
              ? {}
              : { cert: readFileSync(at(`${cert}.crt`)), key: readFileSync(at(`${key}.key`)) }),
            headers: {
              'content-type': 'application/json',
              ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
            },
          },
          (response) => {
            text(response).then(
              (said) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(said) as Told['body'] }),
              reject,
            )
          },
        )
        sent.on('error', reject)
        sent.end(JSON.stringify(body))
      })
    const { database, fasten } = fleet
    const { token } = await createEnrolmentToken(
      { database, fasten, clock: createSystemClock() },
      { actor: 'os:test', tenants: 'all' },
      { usesMax: 1, expiresInS: 60 },
    )
    const order = { token, source_node_id: 'm-1', software: 'x/1', public_keys: ['1'.repeat(64)] }
    for (const [cert, key] of [
      [undefined, ''],
      ['forged', 'node'],
    ] as const)
      assert.partialDeepStrictEqual(await ask(cert, key, '/ingest/v1/enrol', order), {
        status: 403,
        body: { code: 'CERTIFICATE_NEEDED' },
      })
    const { status, body } = await ask('node', 'node', '/ingest/v1/enrol', order)
    assert.equal(status, 201, JSON.stringify(body))
    const credential = String(body['credential'])

    const places = async (cert: string | undefined, key: string, with_ = credential): Promise<number> =>
      (await ask(cert, key, '/ingest/v1/places', { logs: [] }, with_)).status
    assert.deepEqual(
      [
        await places('node', 'node'),
        await places('renewed', 'node'),
        await places(undefined, ''),
        await places('stranger', 'stranger'),
        await places('forged', 'node'),
      ],
      [200, 200, 401, 401, 401],
    )
    const rotated = await ask('node', 'node', '/ingest/v1/credential', {}, credential)
    const next = String(rotated.body['credential'])
    assert.deepEqual(
      [await places('stranger', 'stranger', next), await places('node', 'node', next)],
      [401, 200],
    )

    // An administrator's is bound to the certificate of its first use: so a node changes its key.
    const admin = await fleet.key('admin')
    const brought = await ask(undefined, '', `/api/v1/nodes/${String(body['node_id'])}/credential`, {}, admin)
    const last = String(brought.body['credential'])
    assert.deepEqual(
      [
        await places(undefined, '', last),
        await places('stranger', 'stranger', last),
        await places('node', 'node', last),
      ],
      [401, 200, 401],
    )
    const reasons = (await fleet.told('ACCESS_DENIED')).map(({ reason }) => reason)
    assert.ok(reasons.includes('the client certificate has another key'))

    // The SDK itself, with the files that its variables name; it changes its credential when the fleet says so, and keeps the new one.
    const { token: other } = await createEnrolmentToken(
      { database, fasten, clock: createSystemClock() },
      { actor: 'os:test', tenants: 'all' },
      { usesMax: 1, expiresInS: 600 },
    )
    const settings = {
      fleet_url: fleet.url,
      fleet_token: other,
      fleet_cert: at('node.crt'),
      fleet_key: at('node.key'),
      fleet_ca: at('ca.crt'),
    }
    const first = startNode({ source_node_id: 'm-2', settings })
    const kept = (): { readonly node_id: string; readonly credential: string; readonly mode: number } => {
      const keys = join(first.folder, 'keys')
      const path = join(keys, readdirSync(keys).find((name) => /^fleet-\w+\.json$/.test(name)) ?? '')
      return {
        ...(JSON.parse(readFileSync(path, 'utf8')) as ReturnType<typeof kept>),
        mode: statSync(path).mode & 0o777,
      }
    }
    const live = async (node: typeof first): Promise<void> => {
      await node.live(2)
      await node.fasten.close()
      const { fleet: shipping } = node.fasten.stats()
      assert.deepEqual([shipping?.unshipped, shipping?.last_error], [0, null])
    }
    await live(first)
    const before = kept()
    assert.equal(before.mode, 0o600)
    const asked = await ask(undefined, '', `/api/v1/nodes/${before.node_id}/rotate`, {}, admin)
    assert.equal(asked.status, 200)
    await live(startNode({ source_node_id: 'm-2', folder: first.folder, settings }))
    const changed = kept()
    assert.notEqual(changed.credential, before.credential)
    await live(startNode({ source_node_id: 'm-2', folder: first.folder, settings }))
    assert.deepEqual(
      [
        kept().credential,
        await places('node', 'node', before.credential),
        await places('node', 'node', changed.credential),
      ],
      [changed.credential, 401, 200],
    )
    const [spool] = (
      await fleet.database.pool.query('SELECT spool_bytes_max FROM fleet_node_status WHERE node_id = $1', [
        before.node_id,
      ])
    ).rows as { spool_bytes_max: string }[]
    assert.equal(Number(spool?.spool_bytes_max), 2 ** 30)
    await first.close()
  },
)
