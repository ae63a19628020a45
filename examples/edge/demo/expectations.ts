// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { Row } from 'fasten/core'
import type { Expectation } from '../../stage/expectation.ts'
import { fastenCommand } from '../../stage/fasten-command.ts'
import { nodes, type Plant } from './plant.ts'
import type { Story } from './story.ts'
import { auditRows, changesOf, sysRows, toldOf, untilWhole, type Told } from './told.ts'

/** What must hold while the five run. */
export function liveExpectations(
  { store, journalCalls }: Plant,
  { setpoint, others, refused }: Story,
): readonly Expectation[] {
  const id = setpoint.request_id
  const told = (): Promise<Told> => untilWhole(id, 7, store)
  return [
    {
      text: 'one id goes through all five processes, each on its own node',
      async check() {
        const { rows } = await told()
        const places = rows
          .filter((row) => row.request_id === id)
          .map((row) => `${row.service_id}@${row.source_node_id}`)
        assert.deepEqual(
          [...new Set(places)].sort(),
          Object.entries(nodes)
            .map(([service, node]) => `${service}@${node}`)
            .sort(),
        )
      },
    },
    {
      text: 'thread tells it in the order in which it came about',
      async check() {
        const { rows } = await told()
        assertOrder(rows, [
          ['the device did it', (row) => isAudit(row, 'device', 'SETPOINT_CHANGED')],
          ['the scheduler heard of it', (row) => isSys(row, 'scheduler', 'setpoint_lent')],
          ['the time was up', (row) => isAudit(row, 'scheduler', 'SETPOINT_EXPIRED')],
        ])
        assertOrder(rows, [
          ['the job was enqueued', (row) => isSys(row, 'gateway', 'job_enqueued')],
          ['it failed', (row) => isSys(row, 'worker', 'job_run_failed')],
          ['it was written', (row) => isSys(row, 'worker', 'journal_written')],
          ['the agent thought', (row) => isAudit(row, 'agent', 'MODEL_CALLED')],
          ['the device was asked', (row) => isSys(row, 'device', 'tank_read')],
          ['the agent was content', (row) => isSys(row, 'agent', 'tank_inspected')],
        ])
      },
    },
    {
      text: 'MQTT carries the request to the device, which records who wanted what, before and after',
      async check() {
        const [change] = changesOf(await told(), 7)
        const { request_id, target, method, on_behalf_of, reason, detail } =
          change ?? assert.fail('no change')
        assert.deepEqual(
          { request_id, target, method, on_behalf_of, reason, detail },
          {
            request_id: id,
            target: 'tank-7',
            method: 'mqtt',
            on_behalf_of: 'ines',
            reason: 'batch 12 ferments warmer',
            detail: { before: 20, after: 22.5, unit: 'celsius' },
          },
        )
      },
    },
    {
      text: 'the run that sweeps is under an id of its own, and still told: its row names the change as its cause',
      async check() {
        const all = await told()
        const [change, back] = changesOf(all, 7)
        const expired = auditRows(all, 'SETPOINT_EXPIRED').find(({ target }) => target === 'tank-7')
        if (expired === undefined) assert.fail('nothing expired')
        const runId = expired.request_id
        assert.match(runId, /^scheduler-scheduler-[0-9a-f]{12}$/)
        assert.equal(expired.caused_by, change?.id)
        assert.deepEqual(all.followed, [runId])
        assert.deepEqual(
          ['job_run_started', 'job_run_succeeded'].map(
            (event) => sysRows(all, event).find(({ request_id }) => request_id === runId)?.fields['job'],
          ),
          ['sweep', 'sweep'],
        )
        assert.deepEqual([back?.request_id, back?.detail['after'], back?.service_id], [runId, 20, 'device'])
      },
    },
    {
      text: 'the worker failed once and then did it: two attempts, linked, both for this request',
      async check() {
        const all = await told()
        const runs = (event: string) =>
          sysRows(all, event).filter(({ fields }) => fields['job'] === 'journal')
        const [first, second, ...more] = runs('job_run_started')
        assert.equal(more.length, 0)
        assert.deepEqual([first?.fields['attempt'], second?.fields['attempt']], [1, 2])
        assert.equal(second?.fields['retry_of'], first?.fields['run_id'])
        const [failed] = runs('job_run_failed')
        assert.equal(failed?.fields['run_id'], first?.fields['run_id'])
        assert.equal(runs('job_run_succeeded')[0]?.fields['run_id'], second?.fields['run_id'])
        const [enqueued] = runs('job_enqueued')
        for (const row of [first, second])
          assert.deepEqual([row?.request_id, row?.caused_by], [id, enqueued?.id])
      },
    },
    {
      text: 'the journal, which knows nothing of fasten, was told the id each time',
      async check() {
        assert.deepEqual(
          journalCalls.filter(({ request_id }) => request_id === id).map(({ status }) => status),
          [503, 201],
        )
      },
    },
    {
      text: 'the agent read the tank with a tool of the device, for this request, and agents tree says so',
      async check() {
        await told()
        const { exitCode, stdout } = await fastenCommand('agents', 'tree', id, '--json', '--store', store)
        assert.equal(exitCode, 0)
        const { model_calls, rows } = JSON.parse(stdout) as {
          model_calls: number
          rows: readonly {
            depth: number
            code: string
            target: string
            on_behalf_of: string
            actor: string
          }[]
        }
        assert.equal(model_calls, 2)
        assert.deepEqual(
          rows
            .filter(({ code }) => code === 'TOOL_CALLED')
            .map(({ depth, target, actor, on_behalf_of }) => [depth, target, actor, on_behalf_of]),
          [
            [1, 'read_tank', 'inspector', 'shift-lead'],
            [2, 'read_tank', 'agent', undefined],
          ],
        )
      },
    },
    {
      text: 'two more requests at the same time have stories of their own, and no row of one is under the id of another',
      async check() {
        for (const [index, { request_id }] of others.entries()) {
          const tank = 8 + index
          const all = await untilWhole(request_id, tank, store)
          assert.deepEqual(
            changesOf(all, tank).map(({ detail }) => detail['after']),
            [31, 20],
          )
          for (const row of all.rows)
            if (row.request_id === request_id) assert.deepEqual(tanksIn(row, tank), [])
            else assert.match(row.request_id, /^scheduler-scheduler-/)
        }
      },
    },
    {
      text: 'a request that is refused is one access, and nothing follows from it',
      async check() {
        assert.equal(refused.status, 400)
        const { rows } = await toldOf(refused.request_id, store)
        assert.deepEqual(
          rows.map((row) => [row.stream, row.service_id, row.stream === 'api' ? row.status : undefined]),
          [['api', 'gateway', 400]],
        )
      },
    },
  ]
}

/** What must hold after all have been told to end. */
export function finalExpectations(
  { store, processes }: Plant,
  endings: readonly (number | NodeJS.Signals)[],
): readonly Expectation[] {
  return [
    {
      text: 'all five ended when they were told to, and not before',
      async check() {
        const asTold = ['SIGTERM', 'SIGINT', 0]
        for (const [index, ending] of endings.entries())
          assert.ok(asTold.includes(ending), `${processes[index]?.name} ended with ${ending}`)
      },
    },
    {
      text: 'none of them lost a row: what each numbered is stored without a hole',
      async check() {
        const numbers = new Map<string, number[]>()
        for (const row of rowsIn(store)) {
          const boot = `${row.service_id} ${row.boot_id}`
          numbers.set(boot, [...(numbers.get(boot) ?? []), row.boot_seq])
        }
        for (const service of Object.keys(nodes)) {
          const boots = [...numbers].filter(([boot]) => boot.startsWith(`${service} `))
          assert.ok(boots.length > 0, `${service} wrote nothing`)
          for (const [boot, found] of boots)
            assert.deepEqual(
              found.sort((a, b) => a - b),
              found.map((_, index) => index),
              boot,
            )
        }
      },
    },
    {
      text: 'fasten verify passes over all logs of the five',
      async check() {
        const { exitCode, stdout } = await fastenCommand('verify', '--json', '--store', store)
        const { verdict, rows_bad, logs } = JSON.parse(stdout) as {
          verdict: string
          rows_bad: number
          logs: readonly unknown[]
        }
        assert.deepEqual({ exitCode, verdict, rows_bad }, { exitCode: 0, verdict: 'PASS', rows_bad: 0 })
        assert.ok(logs.length >= 12, `only ${logs.length} logs were checked`)
      },
    },
  ]
}

type Holds = (row: Row) => boolean

const isAudit = (row: Row, service: string, code: string): boolean =>
  row.stream === 'audit' && row.service_id === service && row.code === code

const isSys = (row: Row, service: string, event: string): boolean =>
  row.stream === 'sys' && row.service_id === service && row.event === event

/** Tanks that the row names, other than `tank`. */
const tanksIn = (row: Row, tank: number): readonly string[] =>
  [...JSON.stringify(row).matchAll(/tanks?\W{1,4}(\d+)/g)]
    .map(([, found = '']) => found)
    .filter((found) => found !== String(tank))

/** The first row that is so of each stands behind that of the one before. */
function assertOrder(rows: readonly Row[], steps: readonly (readonly [name: string, holds: Holds])[]): void {
  const found = steps.map(([name, holds]) => ({ name, place: rows.findIndex(holds) }))
  assert.deepEqual(
    found.filter(({ place }) => place < 0),
    [],
    'these did not happen',
  )
  assert.deepEqual(
    found.toSorted((a, b) => a.place - b.place).map(({ name }) => name),
    found.map(({ name }) => name),
  )
}

function rowsIn(store: string): readonly Row[] {
  const database = new DatabaseSync(store, { readOnly: true })
  const leaves = (['audit_log', 'sys_log', 'api_log'] as const).flatMap((table) =>
    database.prepare(`SELECT leaf FROM ${table}`).all(),
  )
  database.close()
  return leaves.map(({ leaf }) => JSON.parse(String(leaf)) as Row)
}
