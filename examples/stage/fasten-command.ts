// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
}

/** Runs the `fasten` command of the installed package and answers what it printed; its complaints go where ours go. */
export async function fastenCommand(...words: string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [...process.execArgv, commandFile(), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  return { exitCode: await ended(child), stdout }
}

/** The same, on the visitor's own terminal. */
export async function showFastenCommand(...words: string[]): Promise<number> {
  return ended(
    spawn(process.execPath, [...process.execArgv, commandFile(), ...words], {
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  )
}

/**
 * How a visitor types the command where they stand. With the Node.js that came along as a dependency, since then theirs is
 * too old; else as `npx fasten` where that is the installed package, or by its file.
 */
export function typedCommand(): string {
  const here = ancestorsOf(import.meta.dirname)
  const broughtAlong = here.some((folder) => process.execPath.startsWith(join(folder, 'node_modules', sep)))
  const file = relative(process.cwd(), commandFile())
  if (broughtAlong) return `${relative(process.cwd(), process.execPath)} ${file}`
  const isLinked = ancestorsOf(process.cwd()).some((folder) =>
    existsSync(join(folder, 'node_modules', '.bin', 'fasten')),
  )
  return isLinked ? 'npx fasten' : `node ${file}`
}

function ancestorsOf(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...ancestorsOf(above)]
}

/** Behind `bin` of the package; its source when the package runs from source. */
function commandFile(): string {
  const entry = import.meta.resolve('fasten')
  if (entry.endsWith('.ts')) return fileURLToPath(new URL('../cli/main.ts', entry))
  const manifest = new URL('../../package.json', entry)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { fasten: string } }
  return fileURLToPath(new URL(bin.fasten, manifest))
}

function ended(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
