// SPDX-License-Identifier: Apache-2.0
import { readFleetConfig } from '../config/config.ts'

/** Runs a server until a signal ends it. Resolves when everything is stored and closed. */
export async function runServe(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const tell = (line: string): void => say(`fleet: ${line}`)
  // Only a terminal has somebody before it; everything else may be kept.
  const person = process.stderr.isTTY ? { tellPerson: tell } : {}
  const config = readFleetConfig(env)
  // A command that asks another server need not load this one, nor one whose variables are wrong.
  const { serve } = await import('../server/serve.ts')
  const server = await serve(config, { onProgress: tell, ...person })
  say(`fleet: listening at ${server.url}`)
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(each, resolve)
  })
  say(`fleet: ${signal}, ending`)
  await server.close()
}
