#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream'
import { createSystemClock } from '../store/platform.ts'
import { software } from '../store/software.ts'
import type { World } from './command.ts'
import { openOutput } from './output.ts'
import { colourChoice, runProgram } from './program.ts'

// The only file of the command line that knows the process: its environment, streams, signals and exit.
const words = process.argv.slice(2)
const controller = new AbortController()
const colour = colourChoice(words)
const closed = (): void => controller.abort('closed')

const world: World = {
  out: openOutput(process.stdout, colour, process.env, closed),
  err: openOutput(process.stderr, colour, process.env, () => {}),
  clock: createSystemClock(),
  env: process.env,
  cwd: process.cwd(),
  signal: controller.signal,
  openReader: async (target, discloses) =>
    (await import('./open-reader.ts')).openReader(
      target,
      process.env,
      (text) => void world.err.line(text),
      discloses,
    ),
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C means now, whatever is being tidied up.
    if (controller.signal.aborted) process.exit(130)
    controller.abort('interrupted')
  })
}

const exitCode = await runProgram(words, world, software.version)
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
process.exit(exitCode)

/** Resolves when everything written has left the process, or never will. */
function flushed(writable: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (writable.destroyed || writable.errored !== null) return resolve()
    writable.once('error', () => resolve())
    writable.write('', () => resolve())
  })
}
