// SPDX-License-Identifier: Apache-2.0
import { runProgram } from './program.ts'

/** In the order in which they are told. */
const examples = ['node-red', 'edge', 'fleet']

/**
 * Runs the examples one after the other, or those that are named; other arguments are theirs. Resolves with 0 if all ended with 0, else with what the
 * first that did not ended with. Whoever stays up ends by Ctrl-C, and then the next begins; SIGTERM and SIGHUP end the whole.
 */
export async function runExamples(args: readonly string[]): Promise<number> {
  const named = args.filter((arg) => !arg.startsWith('-'))
  const unknown = named.find((name) => !examples.includes(name))
  if (unknown !== undefined) {
    process.stderr.write(`there is no example '${unknown}'; there are ${examples.join(', ')}\n`)
    return 2
  }
  const options = args.filter((arg) => arg.startsWith('-'))
  const chosen = named.length === 0 ? examples : examples.filter((name) => named.includes(name))
  let isOver = false
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => (isOver = true))
  let status = 0
  for (const [index, name] of chosen.entries()) {
    if (isOver) break
    if (index > 0) process.stdout.write(`\nNext is examples/${name}; Ctrl-C ends it.\n`)
    const own = await runProgram(`examples/${name}/main.ts`, options)
    if (status === 0) status = own
    // Somebody has lost patience.
    if (own === 130) break
  }
  return status
}
