#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream'
import { runHere } from './here.ts'

// The only file of the command line that knows the process: its environment, streams, signals and exit.
const controller = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A second Ctrl-C means now, whatever is being tidied up.
    if (controller.signal.aborted) process.exit(130)
    controller.abort('interrupted')
  })
}

const { stdout, stderr, env } = process
const exitCode = await runHere(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd(), controller })
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
