// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { startBroker } from '../../stage/broker.ts'
import { startDatabase } from './database.ts'
import { startJournal, type JournalCall } from './journal.ts'
import { startProcess, type RunningProcess } from '../../stage/process.ts'

/** The five, in the order in which they start, each with the host it would run on. */
export const nodes = {
  device: 'plc-07',
  scheduler: 'edge-01',
  worker: 'edge-02',
  agent: 'edge-03',
  gateway: 'dmz-01',
} as const

export type Service = keyof typeof nodes

export interface Plant {
  /** Of the gateway, e.g. `http://127.0.0.1:40123` */
  readonly origin: string
  /** Holds everything that is written. */
  readonly folder: string
  /** The SQLite file into which all five write all three streams. */
  readonly store: string
  readonly processes: readonly RunningProcess[]
  readonly journalCalls: readonly JournalCall[]
  /** SIGTERM to all five at once, then the rest. Resolves with what ended each. A second call changes nothing. */
  stop(): Promise<readonly (number | NodeJS.Signals)[]>
}

/** Starts broker, database, journal and the five processes. Rejects, with nothing left running, when one does not come up. */
export async function startPlant(folder: string): Promise<Plant> {
  const store = join(folder, 'fasten.db')
  const dsn = `sqlite:///${encodeURI(store)}`
  const closing: (() => unknown)[] = []
  const processes: RunningProcess[] = []
  try {
    const broker = await startBroker()
    closing.push(() => broker.close())
    const journal = await startJournal()
    closing.push(() => journal.close())
    const database = await startDatabase()
    closing.push(() => database.close())
    const start = async (name: Service, ready: RegExp, env: Record<string, string>): Promise<string> => {
      const started = await startProcess({
        name,
        file: join(import.meta.dirname, '..', `${name}.ts`),
        log: join(folder, `${name}.log`),
        ready,
        env: {
          BROKER_URL: broker.url,
          FASTEN_NODE_ID: nodes[name],
          FASTEN_AUDIT_DSN: dsn,
          FASTEN_API_DSN: dsn,
          FASTEN_SYS_DSN: dsn,
          ...env,
        },
      })
      processes.push(started)
      return started.said[1] ?? ''
    }
    const queue = { DATABASE_URL: database.url }
    const device = await start('device', /device listens on (\S+)/, { PORT: '0' })
    const [origin] = await Promise.all([
      start('gateway', /gateway listens on (\S+)/, { PORT: '0', ...queue }),
      start('scheduler', /scheduler sweeps/, {}),
      start('worker', /worker waits/, { JOURNAL_URL: journal.url, ...queue }),
      start('agent', /agent listens/, { DEVICE_URL: device }),
    ])
    let stopping: ReturnType<Plant['stop']> | undefined
    return {
      origin,
      folder,
      store,
      processes,
      journalCalls: journal.calls,
      stop: () => (stopping ??= stopAll(processes, closing)),
    }
  } catch (error) {
    await stopAll(processes, closing)
    throw error
  }
}

async function stopAll(
  processes: readonly RunningProcess[],
  closing: readonly (() => unknown)[],
): ReturnType<Plant['stop']> {
  const endings = await Promise.all(processes.map((each) => each.stop()))
  for (const close of closing.toReversed()) await close()
  return endings
}
