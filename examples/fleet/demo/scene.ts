// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProcess, type RunningProcess } from '../../stage/process.ts'
import { fleetCommand, fleetProgram } from './fleet-command.ts'

/** The services of the shop in the order in which they start, each with the host it would run on. */
export const nodes = { warehouse: 'wh-01', payments: 'pay-01', web: 'web-01' } as const
export type Service = keyof typeof nodes

/** A fleet with a Postgres of its own, and three nodes that ship to it. */
export interface Scene {
  /** Holds what the nodes write. */
  readonly folder: string
  /** Where orders are placed. */
  readonly shop: string
  /** For the `fleet` command: FLEET_URL and FLEET_TOKEN of somebody who may see everything. */
  readonly operator: Readonly<Record<string, string>>
  /** The SQLite file of a node. */
  store(service: Service): string
  /** SIGKILL to the fleet's server; its Postgres stays. */
  killFleet(): Promise<void>
  /** Starts it again at the same address. */
  restartFleet(): Promise<void>
  /** SIGTERM to the nodes, then to the fleet. Resolves with what ended each. A second call changes nothing. */
  stop(): Promise<readonly (number | NodeJS.Signals)[]>
}

/** Starts all of it. Rejects, with nothing left running, when one does not come up. */
export async function startScene(folder: string): Promise<Scene> {
  // Not beside the rest: where this runs as root, Postgres runs as a user who may not be able to enter this checkout.
  const dataDir = mkdtempSync(join(tmpdir(), 'example-fleet-'))
  chmodSync(dataDir, 0o711)
  const own = { FLEET_DATA_DIR: dataDir, FLEET_SERVER_ID: 'fleet-01', FLEET_LOG: 'silent' }
  const startFleet = (listen: string): Promise<RunningProcess> =>
    startProcess({
      name: 'fleet',
      file: fleetProgram,
      words: ['serve'],
      log: join(folder, 'fleet.log'),
      ready: /listening at (\S+)/,
      env: { ...own, FLEET_LISTEN: listen },
    })
  const running: RunningProcess[] = []
  let fleet: RunningProcess | undefined
  const stopAll = async (): Promise<readonly (number | NodeJS.Signals)[]> => {
    const endings = await Promise.all(running.toReversed().map((each) => each.stop()))
    if (fleet !== undefined) endings.push(await fleet.stop())
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 })
    return endings
  }
  try {
    fleet = await startFleet('127.0.0.1:0')
    const url = fleet.said[1] ?? ''
    const { stdout: key } = await fleetCommand(own, 'admin', 'key', 'example')
    const operator = { FLEET_URL: url, FLEET_TOKEN: key.trim() }
    const enrolment = await fleetCommand(operator, 'nodes', 'enrol', '--uses', '3', '--tenant', 'acme')
    const token = /fle_\S+/.exec(enrolment.stdout)?.[0]
    if (token === undefined) throw new Error(`fleet nodes enrol printed no token: ${enrolment.stdout}`)
    const store = (service: Service): string => join(folder, `${service}.db`)
    let next: string | undefined
    for (const service of Object.keys(nodes) as Service[]) {
      const dsn = `sqlite:///${encodeURI(store(service))}`
      const started = await startProcess({
        name: service,
        file: join(import.meta.dirname, '..', 'service.ts'),
        log: join(folder, `${service}.log`),
        ready: /listens on (\S+)/,
        env: {
          SERVICE: service,
          ...(next === undefined ? {} : { NEXT_URL: next }),
          FASTEN_NODE_ID: nodes[service],
          FASTEN_TENANT_ID: 'acme',
          FASTEN_AUDIT_DSN: dsn,
          FASTEN_API_DSN: dsn,
          FASTEN_SYS_DSN: dsn,
          FASTEN_FLEET_URL: url,
          FASTEN_FLEET_TOKEN: token,
        },
      })
      running.push(started)
      next = started.said[1] ?? ''
    }
    let stopping: ReturnType<typeof stopAll> | undefined
    return {
      folder,
      shop: next ?? '',
      operator,
      store,
      async killFleet() {
        await fleet?.kill()
        fleet = undefined
      },
      async restartFleet() {
        fleet = await startFleet(new URL(url).host)
      },
      stop: () => (stopping ??= stopAll()),
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}
