// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program behind `bin` of the installed package. */
export const fleetProgram: string = join(
  dirname(fileURLToPath(import.meta.resolve('fasten-fleet/package.json'))),
  'dist/cli/main.js',
)

export interface FleetAnswer {
  readonly exitCode: number
  readonly stdout: string
}

type Variables = Readonly<Record<string, string>>

/** Runs the `fleet` command and answers what it printed; its complaints go where ours go. */
export async function fleetCommand(env: Variables, ...words: string[]): Promise<FleetAnswer> {
  const child = spawn(process.execPath, [fleetProgram, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exitCode = await ended(child)
  if (exitCode !== 0 && stderr !== '') process.stderr.write(stderr)
  return { exitCode, stdout }
}

/** The same, on the visitor's own terminal. */
export async function showFleetCommand(env: Variables, ...words: string[]): Promise<number> {
  return ended(
    spawn(process.execPath, [fleetProgram, ...words], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    }),
  )
}

/** How a visitor types it where they stand. */
export const typedFleet = (): string =>
  `${relative(process.cwd(), process.execPath)} ${relative(process.cwd(), fleetProgram)}`

function ended(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
