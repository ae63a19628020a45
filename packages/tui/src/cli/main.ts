#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { runHere } from 'fasten/cli'
import { showScreen } from './show-screen.ts'

// The only file of this program that knows the process: its environment, signals and exit. The command line is that of `fasten tui`.
const controller = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort('interrupted')
  })
}

const { stdout, stderr, env } = process
const words = ['tui', ...process.argv.slice(2)]
process.exitCode = await runHere(words, { stdout, stderr, env, cwd: process.cwd(), controller, showScreen })
