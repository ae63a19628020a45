#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { FastenError } from 'fasten'
import { readJson } from 'fasten/core'
import { adminCommand } from './admin-command.ts'
import { alarmsCommand } from './alarms-command.ts'
import { backupCommands } from './backup-commands.ts'
import { keysCommand } from './keys-command.ts'
import { listCommands } from './list-commands.ts'
import { nodesCommand } from './nodes-command.ts'
import { readingCommands } from './reading-commands.ts'
import { retentionCommands } from './retention-commands.ts'
import { runServe } from './serve-command.ts'
import { statusCommand } from './status-command.ts'
import { sourcesCommand } from './sources-command.ts'
import { traceCommand } from './trace-command.ts'
import { Problem } from '../web/problem.ts'

const manifest = readJson(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const { version } = manifest as { readonly version: string }
const program = new Command('fleet')
  .description('gathers, proves and governs the rows of many fasten nodes')
  .version(version)
  .showHelpAfterError()
program
  .command('serve')
  .description('run a fleet server; all its settings are FLEET_… variables')
  .action(async () => runServe(process.env))
keysCommand(program, process.env)
adminCommand(program, process.env)
backupCommands(program, process.env)
readingCommands(program, process.env)
traceCommand(program, process.env)
listCommands(program, process.env)
nodesCommand(program, process.env)
sourcesCommand(program, process.env)
retentionCommands(program, process.env)
alarmsCommand(program, process.env)
statusCommand(program, process.env, version)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof FastenError) process.stderr.write(`${error.toLine()}\n`)
  // What a server would have answered, done on the machine itself.
  else if (error instanceof Problem) process.stderr.write(`${error.code}: ${error.message}\n`)
  else throw error
  process.exitCode = 2
}
