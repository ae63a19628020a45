// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ApiRow, AuditRow, Row, SysRow } from 'fasten/core'
import type { Expectation } from '../../stage/expectation.ts'
import { fastenCommand } from '../../stage/fasten-command.ts'
import type { Server } from './server.ts'
import type { Story } from './story.ts'

interface Thread {
  readonly audit: readonly AuditRow[]
  readonly api: readonly ApiRow[]
  readonly sys: readonly SysRow[]
}

/** What must hold while the server runs. */
export function liveExpectations(server: Server, story: Story): readonly Expectation[] {
  const { origin, secrets, database } = server
  const bearer = { authorization: `Bearer ${secrets.readerToken}` }
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${origin}/admin/fasten${path}`, { headers: bearer })
    assert.equal(response.status, 200, `${path} answered ${response.status}`)
    return response.json()
  }
  const thread = async (requestId: string) =>
    (await ask(`/correlate?request_id=${encodeURIComponent(requestId)}`)) as Thread

  return [
    {
      text: 'a wrong password is one denied AUTH_FAILED row and one api row with status 403, under one request id',
      async check() {
        const { audit, api } = await thread(story.wrongPassword.request_id)
        assert.deepEqual(audit.map(brief('code', 'outcome', 'reason', 'target', 'method')), [
          { code: 'AUTH_FAILED', outcome: 'denied', reason: 'credentials', target: 'admin', method: 'http' },
        ])
        assert.deepEqual(api.map(brief('method', 'path', 'status')), [
          { method: 'POST', path: '/admin/auth/token', status: 403 },
        ])
      },
    },
    {
      text: 'a log-in is an AUTH_LOGIN row of that administrator, with the address it came from',
      async check() {
        const { audit, api } = await thread(story.logIn.request_id)
        assert.deepEqual(audit.map(brief('code', 'outcome', 'actor', 'actor_kind')), [
          { code: 'AUTH_LOGIN', outcome: 'success', actor: 'admin', actor_kind: 'admin' },
        ])
        assert.equal(audit[0]?.source?.ip, '127.0.0.1')
        assert.equal(api[0]?.status, 200)
      },
    },
    {
      text: 'a deployment without permission is refused and recorded as ACCESS_DENIED of the viewer',
      async check() {
        assert.equal(story.viewerDeploys.status, 401)
        const { audit, api } = await thread(story.viewerDeploys.request_id)
        assert.deepEqual(audit.map(brief('code', 'outcome', 'actor', 'target')), [
          { code: 'ACCESS_DENIED', outcome: 'denied', actor: 'viewer', target: 'flows.write' },
        ])
        assert.deepEqual(api.map(brief('status', 'actor')), [{ status: 401, actor: 'viewer' }])
      },
    },
    {
      text: 'a deployment is a FLOWS_DEPLOYED row, and what Node-RED logged while it deployed bears its request id',
      async check() {
        const { audit, api, sys } = await thread(story.deploy.request_id)
        assert.deepEqual(audit.map(brief('code', 'actor', 'retention_class')), [
          { code: 'FLOWS_DEPLOYED', actor: 'admin', retention_class: 'regulated' },
        ])
        assert.deepEqual(api.map(brief('status', 'actor')), [{ status: 200, actor: 'admin' }])
        assert.ok(
          sys.some((row) => row.event === 'Started flows'),
          `among ${sys.length} sys rows is no "Started flows"`,
        )
      },
    },
    {
      text: 'a setpoint call is one thread: the access, the typed change with before and after, the log line three nodes later',
      async check() {
        assert.equal(story.setpoint.status, 200)
        const { audit, api, sys } = await thread(story.setpoint.request_id)
        assert.deepEqual(audit.map(brief('code', 'target', 'actor', 'method', 'reason')), [
          {
            code: 'DEVICE_SETPOINT_UPDATED',
            target: 'tank-7',
            actor: 'ines',
            method: 'http',
            reason: 'batch 12 ferments warmer',
          },
        ])
        const { before, after, unit } = audit[0]?.detail ?? {}
        assert.deepEqual({ before, after, unit }, { before: 20, after: 22.5, unit: 'celsius' })
        assert.deepEqual(api.map(brief('method', 'route', 'path', 'status', 'actor')), [
          {
            method: 'POST',
            route: '/api/tank/:id/setpoint',
            path: '/api/tank/7/setpoint',
            status: 200,
            actor: 'ines',
          },
        ])
        assert.deepEqual(
          sys.map((row) => row.event),
          ['tank-7 now holds 22.5 °C'],
        )
      },
    },
    {
      text: 'an id the client brought is kept; one that poses as the scheduler is replaced and kept as evidence',
      async check() {
        assert.match(story.setpoint.request_id, /^order-4711-/)
        assert.doesNotMatch(story.forged.request_id, /^scheduler-/)
        const { audit } = await thread(story.forged.request_id)
        assert.deepEqual(audit.map(brief('code', 'inbound_request_id')), [
          { code: 'DEVICE_SETPOINT_UPDATED', inbound_request_id: 'scheduler-nightly' },
        ])
      },
    },
    {
      text: 'three calls behind one rate limiter: every row has the id of its own request',
      async check() {
        for (const [i, answer] of story.queued.entries()) {
          assert.equal(answer.status, 200)
          const { audit, api, sys } = await thread(answer.request_id)
          assert.deepEqual(
            audit.map((row) => [row.target, row.detail['after']]),
            [[`tank-${8 + i}`, 31 + i]],
          )
          assert.deepEqual(
            sys.map((row) => row.event),
            [`tank-${8 + i} now holds ${31 + i} °C`],
          )
          assert.equal(api.length, 1)
        }
      },
    },
    {
      text: 'a caller who is no operator gets 401: an access without an actor, and no change',
      async check() {
        const { audit, api } = await thread(story.stranger.request_id)
        assert.deepEqual(api.map(brief('status', 'actor')), [{ status: 401, actor: undefined }])
        assert.equal(audit.length, 0)
      },
    },
    {
      text: 'a call that fails is a failure row with the reason, an error in the log and a 502, in one thread',
      async check() {
        for (const [answer, reason] of [
          [story.calibration, /sensor of tank-7 does not answer/],
          [story.outOfRange, /400 °C is outside 0 to 95/],
        ] as const) {
          assert.equal(answer.status, 502)
          const { audit, api, sys } = await thread(answer.request_id)
          assert.deepEqual(audit.map(brief('code', 'outcome', 'target')), [
            { code: 'DEVICE_COMMAND_FAILED', outcome: 'failure', target: 'tank-7' },
          ])
          assert.match(audit[0]?.reason ?? '', reason)
          assert.equal(api[0]?.status, 502)
          assert.ok(
            sys.some((row) => row.level === 'error' && reason.test(row.event)),
            'the log has no such error',
          )
        }
      },
    },
    {
      text: "a message of the panel's is one thread too: the change it asked for, the log line, and the message that says what the tank holds",
      async check() {
        assert.equal(story.panel.request_id, story.panelRequestId)
        const { audit, api, sys } = await thread(story.panelRequestId)
        assert.deepEqual(audit.map(brief('code', 'target', 'actor', 'method', 'reason')), [
          {
            code: 'DEVICE_SETPOINT_UPDATED',
            target: 'tank-12',
            actor: 'ines',
            method: 'mqtt',
            reason: 'cleaning',
          },
        ])
        assert.deepEqual(
          sys.map((row) => row.event),
          ['tank-12 now holds 61 °C'],
        )
        assert.equal(api.length, 0)
      },
    },
    {
      text: 'a call whose client hung up is an access with status 499, though the flow is still at work',
      async check() {
        assert.equal(story.report.status, 'aborted')
        const { api, sys } = await thread(story.report.request_id)
        assert.deepEqual(api.map(brief('path', 'status', 'error')), [
          { path: '/api/report', status: 499, error: 'aborted' },
        ])
        assert.deepEqual(
          sys.map((row) => row.event),
          ['collecting the figures of the day'],
        )
      },
    },
    {
      text: 'each firing of the timer is a thread of its own, minted by the scheduler, whoever deployed the flow',
      async check() {
        const { rows } = (await ask('/audit?code=DEVICE_SAMPLED&limit=100')) as { rows: readonly AuditRow[] }
        assert.ok(rows.length >= 2, `the timer fired ${rows.length} times`)
        assert.equal(
          new Set(rows.map((row) => row.request_id)).size,
          rows.length,
          'two firings share a request id',
        )
        for (const row of rows) {
          assert.match(row.request_id, /^scheduler-every_two_seconds-[0-9a-f]{12}$/)
          assert.deepEqual(brief('method', 'actor_kind')(row), {
            method: 'scheduler',
            actor_kind: 'scheduler',
          })
        }
        const { sys } = await thread(rows.at(-1)?.request_id ?? '')
        assert.match(sys[0]?.event ?? '', /^tank-7 reads /)
      },
    },
    {
      text: 'the reader under /admin/fasten lets in who may read, and nobody else',
      async check() {
        const status = async (headers: Record<string, string>, path: string): Promise<number> =>
          (await fetch(`${origin}/admin${path}`, { headers })).status
        assert.equal(await status({}, '/fasten/audit'), 401)
        assert.equal(await status({ authorization: 'Bearer wrong' }, '/fasten/audit'), 401)
        assert.equal(await status({ authorization: `Bearer ${story.logIn.token}` }, '/fasten/audit'), 200)
        assert.equal(await status(bearer, '/flows'), 401)
      },
    },
    {
      text: 'the fasten command tells the same thread from the file as the reader does over HTTP',
      async check() {
        const byReader = await thread(story.setpoint.request_id)
        const { exitCode, stdout } = await fastenCommand(
          'thread',
          story.setpoint.request_id,
          '--json',
          '--store',
          database,
        )
        assert.equal(exitCode, 0)
        const { rows } = JSON.parse(stdout) as { rows: readonly Row[] }
        const ids = [...byReader.audit, ...byReader.api, ...byReader.sys].map((row) => row.id)
        assert.deepEqual(rows.map((row) => row.id).sort(), ids.sort())
      },
    },
    {
      text: 'no password, token or key that was sent stands in the database, its spool or the server log',
      async check() {
        const sent = [...Object.values(secrets), story.typedPassword, story.logIn.token, story.strayApiKey]
        for (const file of await filesBelow(server.folder)) {
          const bytes = await readFile(file)
          for (const secret of sent) assert.ok(!bytes.includes(secret), `${file} contains a secret`)
        }
      },
    },
    {
      text: 'fasten verify passes over every log of the file',
      check: async () => passes(database),
    },
    {
      text: 'one changed character in a copy of the file makes it fail, and it names the row',
      async check() {
        const copy = join(server.folder, 'tampered.db')
        // A copy of the main file alone could lack what still stands in the write-ahead log.
        new DatabaseSync(database, { readOnly: true }).exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`)
        try {
          const tampered = new DatabaseSync(copy)
          const row = tampered
            .prepare(`SELECT monotonic_seq FROM audit_log WHERE request_id = ?`)
            .get(story.setpoint.request_id)
          tampered
            .prepare(`UPDATE audit_log SET leaf = replace(leaf, '22.5', '22.6') WHERE request_id = ?`)
            .run(story.setpoint.request_id)
          tampered.close()
          const { exitCode, stdout } = await fastenCommand('verify', '--json', '--store', copy)
          assert.equal(exitCode, 3)
          const { verdict, logs } = JSON.parse(stdout) as {
            verdict: string
            logs: readonly { breaks: readonly { kind: string; from_index: number }[] }[]
          }
          assert.equal(verdict, 'FAIL')
          assert.deepEqual(logs.flatMap((log) => log.breaks).map(brief('kind', 'from_index'))[0], {
            kind: 'hash_mismatch',
            from_index: row?.['monotonic_seq'],
          })
        } finally {
          await rm(copy)
        }
      },
    },
  ]
}

/** What must hold after Ctrl-C. */
export function finalExpectations({ database }: Server, exitCode: number | null): readonly Expectation[] {
  return [
    {
      text: 'Ctrl-C ends the server cleanly',
      async check() {
        assert.equal(exitCode, 0)
      },
    },
    {
      text: 'every row that was emitted is stored, without a hole, and the chain still passes',
      async check() {
        const store = new DatabaseSync(database, { readOnly: true })
        const rows = (['audit_log', 'sys_log', 'api_log'] as const).flatMap((table) =>
          store.prepare(`SELECT leaf FROM ${table}`).all(),
        )
        store.close()
        const all = rows.map(({ leaf }) => JSON.parse(String(leaf)) as Row)
        // The server counts what it emits over all streams; the rows that open a log are the store's own.
        const boot = all.find((row) => row.stream === 'api')?.boot_id
        const numbers = all
          .filter((row) => row.boot_id === boot)
          .map((row) => row.boot_seq)
          .sort((a, b) => a - b)
        assert.deepEqual(
          numbers,
          numbers.map((_, i) => i),
        )
        await passes(database)
      },
    },
  ]
}

async function passes(database: string): Promise<void> {
  const { exitCode, stdout } = await fastenCommand('verify', '--json', '--store', database)
  const { verdict, rows_checked, rows_bad } = JSON.parse(stdout) as {
    verdict: string
    rows_checked: number
    rows_bad: number
  }
  assert.deepEqual({ exitCode, verdict, rows_bad }, { exitCode: 0, verdict: 'PASS', rows_bad: 0 })
  assert.ok(rows_checked > 20, `only ${rows_checked} rows were checked`)
}

const brief =
  (...members: readonly string[]) =>
  (row: object): { [member: string]: unknown } =>
    Object.fromEntries(members.map((member) => [member, (row as { [member: string]: unknown })[member]]))

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  // Node-RED keeps its own sessions, tokens included, in its own folder.
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node-red'))
    .map((entry) => join(entry.parentPath, entry.name))
}
