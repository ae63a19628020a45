// SPDX-License-Identifier: Apache-2.0
/**
 * The protocol of spec/conform.md, from both sides:
 *
 *     node tools/conform.ts canonical < case.json     answers one vector, or an array of them
 *     node tools/conform.ts run -- python3 spec/conform/conform.py     asks another implementation all vectors
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { answer, answeredAreas } from '../packages/fasten/src/core/fixtures/answer.ts'
import { root } from './setup/root.mjs'

interface Vector {
  readonly checks: readonly { readonly input: unknown; readonly expect?: unknown }[]
}

interface Answers {
  readonly answers: readonly unknown[]
}

/** How another implementation did on one vector. */
export interface Result {
  readonly vector: string
  /** `unsupported`: it said so of at least one check, and the others agreed. */
  readonly outcome: 'agreed' | 'differed' | 'unsupported'
  /** The first check that differed: what was expected, and what was answered. */
  readonly difference?: { readonly check: number; readonly expected: unknown; readonly answered: unknown }
}

/** Asks `command` all vectors of an area, in one run of it. Throws when it fails or does not keep to the protocol. */
export async function conform(area: string, command: readonly string[]): Promise<readonly Result[]> {
  const names = vectorNames(area)
  const vectors = names.map(
    (name) => JSON.parse(readFileSync(join(root, 'spec/vectors', area, name, 'case.json'), 'utf8')) as Vector,
  )
  const asked = vectors.map(({ checks }) => ({ checks: checks.map(({ input }) => ({ input })) }))
  const answered = JSON.parse(await ask(command, area, JSON.stringify(asked))) as readonly Answers[]
  return names.map((name, index) =>
    compare(`${area}/${name}`, vectors[index]?.checks ?? [], answered[index]?.answers ?? []),
  )
}

function compare(vector: string, checks: Vector['checks'], answers: readonly unknown[]): Result {
  let outcome: Result['outcome'] = 'agreed'
  for (const [check, { expect }] of checks.entries()) {
    const answered = answers[check]
    if (isDeepStrictEqual(answered, { unsupported: true })) outcome = 'unsupported'
    else if (!isDeepStrictEqual(answered, expect))
      return { vector, outcome: 'differed', difference: { check, expected: expect, answered } }
  }
  return { vector, outcome }
}

function vectorNames(area: string): string[] {
  const entries = readdirSync(join(root, 'spec/vectors', area), { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

async function ask([program = '', ...args]: readonly string[], area: string, input: string): Promise<string> {
  const child = spawn(program, [...args, area], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  const status = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  // A program that ends without reading is told by its status.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const output = await text(child.stdout)
  if ((await status) !== 0) throw new TypeError(`${program} ended with status ${String(await status)}`)
  return output
}

async function main(args: readonly string[]): Promise<void> {
  const [verb = '', ...rest] = args
  if ((answeredAreas as readonly string[]).includes(verb)) {
    const input = JSON.parse(await text(process.stdin)) as Vector | readonly Vector[]
    const answerAll = ({ checks }: Vector): Answers => ({
      answers: checks.map((check) => answer(verb, check.input)),
    })
    console.log(JSON.stringify('checks' in input ? answerAll(input) : input.map(answerAll)))
  } else if (verb === 'run' && rest.length > 0) {
    const command = rest[0] === '--' ? rest.slice(1) : rest
    for (const area of answeredAreas) for (const result of await conform(area, command)) tell(result)
  } else {
    console.error(
      `usage: node tools/conform.ts ${answeredAreas.join('|')} < case.json\n       node tools/conform.ts run -- <command>`,
    )
    process.exitCode = 2
  }
}

function tell({ vector, outcome, difference }: Result): void {
  console.log(`${outcome.padEnd(12)}${vector}`)
  if (difference === undefined) return
  process.exitCode = 1
  console.log(
    `  check ${difference.check}\n  expected ${JSON.stringify(difference.expected)}\n  answered ${JSON.stringify(difference.answered)}`,
  )
}

if (import.meta.main) await main(process.argv.slice(2))
