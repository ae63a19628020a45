// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

export interface RunningProcess {
  readonly name: string
  readonly pid: number
  /** The line that it said, and what the pattern found in it. */
  readonly said: RegExpExecArray
  /** What ended it: an exit code or a signal. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Ends it with SIGTERM; resolves as `ended`. */
  stop(): Promise<number | NodeJS.Signals>
  /** The same with SIGKILL, which it cannot hear. */
  kill(): Promise<number | NodeJS.Signals>
}

export interface ProcessPlan {
  readonly name: string
  /** The program. */
  readonly file: string
  /** Of its command line; none unless said. */
  readonly words?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Everything that it prints goes here. */
  readonly log: string
  /** What one of its lines says when it is ready. */
  readonly ready: RegExp
}

const withParent = pathToFileURL(`${import.meta.dirname}/with-parent.mjs`).href

/** Starts a program and resolves when it says that it is ready; rejects with its last lines when it ends instead, or says nothing for three minutes. */
export async function startProcess({
  name,
  file,
  words = [],
  env,
  log,
  ready,
}: ProcessPlan): Promise<RunningProcess> {
  const child = spawn(process.execPath, [...process.execArgv, '--import', withParent, file, ...words], {
    // Its standard input ends with this process.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(
    ([code, signal]) => signal ?? code ?? 1,
  )
  const written = createWriteStream(log)
  const lines: string[] = []
  const said = await new Promise<RegExpExecArray>((resolve, reject) => {
    const giveUp = (why: string): void =>
      reject(new Error(`${name} ${why} before it was ready:\n${lines.slice(-15).join('\n')}`))
    const patience = setTimeout(() => giveUp('needed more than three minutes'), 180_000)
    for (const readable of [child.stdout, child.stderr])
      createInterface({ input: readable }).on('line', (line) => {
        written.write(`${line}\n`)
        lines.push(line)
        if (lines.length > 100) lines.shift()
        const found = ready.exec(line)
        if (found === null) return
        clearTimeout(patience)
        resolve(found)
      })
    ended.then(
      (how) => {
        clearTimeout(patience)
        written.end()
        giveUp(`ended (${how})`)
      },
      (error: unknown) => {
        clearTimeout(patience)
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
  return {
    name,
    pid: child.pid ?? 0,
    said,
    ended,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
    kill() {
      child.kill('SIGKILL')
      return ended
    },
  }
}
