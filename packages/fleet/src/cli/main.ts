#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { FastenError } from 'fasten'
import { adminCommand } from './admin-command.ts'
import { keysCommand } from './keys-command.ts'
import { runServe } from './serve-command.ts'

const program = new Command('fleet')
  .description('gathers, proves and governs the rows of many fasten nodes')
  .showHelpAfterError()
program
  .command('serve')
  .description('run a fleet server; all its settings are FLEET_… variables')
  .action(async () => runServe(process.env))
keysCommand(program, process.env)
adminCommand(program, process.env)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof FastenError)) throw error
  process.stderr.write(`${error.toLine()}\n`)
  process.exitCode = 2
}
