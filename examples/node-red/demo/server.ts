// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startBroker } from '../../stage/broker.ts'

/** Made anew for every start; they travel to the server in its environment and nowhere else. */
export interface Secrets {
  readonly editorPassword: string
  readonly operatorPassword: string
  readonly readerToken: string
}

export interface Server {
  /** e.g. `http://127.0.0.1:40123` */
  readonly origin: string
  readonly secrets: Secrets
  /** Holds everything the server writes. */
  readonly folder: string
  /** The SQLite file with all three streams. */
  readonly database: string
  /** Port of the MQTT broker that the server's flows are connected to. */
  readonly mqttPort: number
  /** What the server wrote to stdout and stderr. */
  readonly output: string
  /** Resolves when the server has printed a line with `text` for the `times`-th time since it started. */
  printed(text: string, times: number): Promise<void>
  /** Ctrl-C: resolves with the exit code when the server has stopped its flows and ended. */
  stop(): Promise<number | null>
}

/**
 * Starts the `node-red` command as anybody would, on a free port, with all its files in `folder`. Resolves when it listens;
 * rejects with the last lines it printed when it does not.
 */
export async function startServer(folder: string): Promise<Server> {
  const secrets = { editorPassword: secret(), operatorPassword: secret(), readerToken: secret() }
  const database = join(folder, 'fasten.db')
  const dsn = `sqlite:///${encodeURI(database)}`
  mkdirSync(join(folder, 'node-red'), { recursive: true })
  const broker = await startBroker()
  const command = createRequire(import.meta.url).resolve('node-red/red.js')
  const settings = join(import.meta.dirname, '..', 'settings.mjs')
  const child = spawn(
    process.execPath,
    // All it takes for the ids in MQTT messages: Node-RED's own nodes load mqtt.js, and are none the wiser.
    [
      ...process.execArgv,
      '--import',
      import.meta.resolve('fasten/register'),
      command,
      '--settings',
      settings,
      '--userDir',
      join(folder, 'node-red'),
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PORT: '0',
        EDITOR_PASSWORD: secrets.editorPassword,
        OPERATOR_PASSWORD: secrets.operatorPassword,
        FASTEN_READER_TOKEN: secrets.readerToken,
        MQTT_PORT: String(broker.port),
        FASTEN_REGISTER: 'mqtt',
        FASTEN_SERVICE_ID: 'tank-farm',
        FASTEN_NODE_ID: 'edge-01',
        FASTEN_AUDIT_DSN: dsn,
        FASTEN_API_DSN: dsn,
        FASTEN_SYS_DSN: dsn,
      },
    },
  )
  // Should this program fail, its server must not stay behind.
  process.once('exit', () => child.kill('SIGKILL'))
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>

  const output = join(folder, 'server.log')
  const file = createWriteStream(output)
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const readable of [child.stdout, child.stderr]) {
    createInterface({ input: readable }).on('line', (line) => {
      file.write(`${line}\n`)
      lines.push(line)
      for (const look of waiting) look()
    })
  }

  const printed = (text: string, times: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (lines.filter((line) => line.includes(text)).length < times) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      void exited.then(([code]) =>
        reject(
          new Error(`Node-RED ended (${code}) before it said "${text}":\n${lines.slice(-15).join('\n')}`),
        ),
      )
    })

  await printed('Server now running at ', 1)
  const origin = /Server now running at (https?:\/\/[^/\s"]+)/.exec(lines.join('\n'))?.[1]
  if (origin === undefined) throw new Error(`Node-RED did not say where it listens:\n${lines.join('\n')}`)

  return {
    origin,
    secrets,
    folder,
    database,
    mqttPort: broker.port,
    output,
    printed,
    async stop() {
      // On a terminal Ctrl-C has reached the server already; Node-RED ignores a second request to stop.
      child.kill('SIGINT')
      const [code] = await exited
      await broker.close()
      file.end()
      return code
    },
  }
}

const secret = (): string => randomBytes(12).toString('base64url')
