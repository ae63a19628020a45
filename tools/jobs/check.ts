// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../setup/root.mjs'
import { runWith } from '../setup/runtime.mjs'
import { testFiles } from './test.ts'

interface Check {
  readonly command: readonly string[]
  /** What to run when it fails. */
  readonly remedy: string
}

const tool = (name: string): string => join(root, 'node_modules/.bin', name)
const node = process.execPath

/** In the order in which they are told; two run at a time. */
const checks = {
  types: { command: [tool('tsc'), '-p', 'tsconfig.json'], remedy: 'mend the types' },
  page: { command: [tool('tsc'), '-p', 'packages/web/tsconfig.json'], remedy: 'mend the types' },
  tests: {
    command: [node, '--conditions=fasten-source', '--test', '--test-concurrency=2'],
    remedy: 'npm test -- <part of the path>',
  },
  lint: {
    command: [tool('oxlint'), '--type-aware', '--report-unused-disable-directives'],
    remedy: 'npm run lint',
  },
  format: { command: [tool('oxfmt'), '--check'], remedy: 'npm run format' },
  docs: {
    command: [node, '--conditions=fasten-source', 'tools/generate.ts', '--check'],
    remedy: 'npm run generate',
  },
} satisfies Record<string, Check>

type CheckName = keyof typeof checks

/** Runs the named checks, or all. Prints one line for each and the whole output of those that fail. Answers 0 or 1. */
export async function runChecks(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !(name in checks))
  if (unknown.length > 0) {
    process.stderr.write(
      `there is no check ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}\n`,
    )
    return 2
  }
  const chosen = (Object.keys(checks) as CheckName[]).filter(
    (name) => names.length === 0 || names.includes(name),
  )
  const queue = [...chosen]
  const failed: CheckName[] = []
  const lane = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const started = performance.now()
      const { status, output } = await quietly(commandOf(name))
      const took = `${((performance.now() - started) / 1000).toFixed(1)} s`
      if (status !== 0) failed.push(name)
      process.stdout.write(status === 0 ? `ok      ${name.padEnd(7)} ${took}\n` : `\n${output}\n`)
      if (status !== 0)
        process.stdout.write(`FAILED  ${name.padEnd(7)} ${took}  → ${checks[name].remedy}\n\n`)
    }
  }
  await Promise.all([lane(), lane()])
  process.stdout.write(`${chosen.length - failed.length} checks passed, ${failed.length} failed\n`)
  return failed.length === 0 ? 0 : 1
}

export async function runLint(args: readonly string[]): Promise<number> {
  const [command = '', ...rest] = checks.lint.command as readonly string[]
  return await runWith(command, [...rest, ...args])
}

export async function runFormat(args: readonly string[]): Promise<number> {
  return await runWith(tool('oxfmt'), args)
}

function commandOf(name: CheckName): readonly string[] {
  return name === 'tests' ? [...checks.tests.command, ...fastTests()] : checks[name].command
}

/** What can be run between two thoughts: the laws, the stores and the tidy rules. */
function fastTests(): string[] {
  return testFiles('test', ['fasten/src/core/', 'fasten/src/store/', 'tools/tidy']).map((file) =>
    join(root, file),
  )
}

async function quietly([command = '', ...args]: readonly string[]): Promise<{
  status: number
  output: string
}> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const readable of [child.stdout, child.stderr])
    readable.setEncoding('utf8').on('data', (text: string) => (output += text))
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
  return { status, output }
}
