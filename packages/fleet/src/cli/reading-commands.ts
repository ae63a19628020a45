// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { fleetTarget } from './fleet-client.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Commands of `fasten` that ask a fleet as they ask any reader: same options, same output, same exit codes. */
const asked: Readonly<Record<string, string>> = {
  query: 'rows of all nodes, by fields, request, time or text: fleet query --req 3a7b1c --stream all',
  tail: 'rows of all nodes as they are stored',
  thread: 'the rows of one request, as a tree',
  verify: 'recompute every hash and link that you may see: fleet verify [--log <log>]',
  topology: 'which nodes and services the rows come from',
}

export function readingCommands(program: Command, env: Env): void {
  for (const [name, description] of Object.entries(asked))
    program
      .command(name)
      .description(`${description} (FLEET_URL, FLEET_TOKEN)`)
      .argument('[words...]', `as those of fasten ${name}`)
      .allowUnknownOption()
      .helpOption(false)
      .action(async (words: readonly string[]) => {
        process.exitCode = await run(name, words, env)
      })
}

async function run(name: string, words: readonly string[], env: Env): Promise<number> {
  const isHelp = words.includes('--help') || words.includes('-h')
  const target = isHelp ? undefined : fleetTarget(env)
  const { runHere } = await import('fasten/cli')
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort('interrupted')
    })
  const line = [name, ...words.map(spelt), ...(target === undefined ? [] : ['--url', `${target.url}/api/v1`])]
  const { stdout, stderr } = process
  return runHere(line, {
    stdout,
    stderr,
    cwd: process.cwd(),
    controller,
    env: { ...env, FASTEN_READER_TOKEN: target?.token },
  })
}

/** Short for `--request-id`. */
const spelt = (word: string): string => word.replace(/^--req(?==|$)/, '--request-id')
